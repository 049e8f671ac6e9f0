"""Who sends statements to this installation."""

from collections.abc import Callable, Mapping, Sequence

from core.context.app import App
from payments.domain import Side
from payments.finance import finance_of
from payments.psp.routing import names as psps_in_use
from payments.statements import STATEMENTS, Source


def get_sources(app: App, names: Sequence[str] = ()) -> list[Source]:
    """The PSPs in use and the payees that send statements, and who tells of shares where the city
    has some; or those of some names.

    Raises KeyError for a name nobody has.
    """
    psps = psps_in_use(app)
    is_used: Mapping[Side, Callable[[Source], bool]] = {
        Side.PSP: lambda source: source.name in psps,
        Side.PAYEE: lambda source: True,
        Side.SHARING: lambda source: bool(finance_of(app).shares),
    }
    known = {s.name: s for s in app.extensions(STATEMENTS) if is_used[s.side](s)}
    return [known[name] for name in names] if names else list(known.values())
