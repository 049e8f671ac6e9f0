"""Who sends statements to this installation."""

from collections.abc import Sequence

from core.context.app import App
from payments.domain import Side
from payments.psp.routing import names as psps_in_use
from payments.statements import STATEMENTS, Source


def get_sources(app: App, names: Sequence[str] = ()) -> list[Source]:
    """The PSPs in use and the payees that send statements, or those of some names.

    Raises KeyError for a name nobody has.
    """
    declared = app.extensions(STATEMENTS)
    psps = psps_in_use(app)
    known = {s.name: s for s in declared if s.side is Side.PAYEE or s.name in psps}
    return [known[name] for name in names] if names else list(known.values())
