"""Our own merchant as the receiver of payees' shares: a relation that the PSP is told of once."""

from collections.abc import Callable

from core.context.app import App
from core.deadline import Deadline
from core.errors import StartError
from core.upstream.client import UpstreamRejected
from payments.finance import finance_of
from payments.psp.port import MerchantRefused
from payments.psp.sharing import ProfitSharing

_CALL_S = 8.0


async def add(app: App, name: str, tell: Callable[[str, str], None]) -> int:
    """Let our merchant, whose full name is `name`, get shares of every payee that has to give some.

    `tell` is given each payee and why the PSP refuses its merchant ("": it does not). Returns how
    many are refused. Repeat-safe. Raises StartError where nobody is to give anything, UpstreamError
    where there is no answer.
    """
    finance = finance_of(app)
    if not finance.shares:
        raise StartError("finance.toml names no payee of which the city has a share")
    refusals = 0
    for payee in finance.shares:
        for merchant in finance.merchants_of(payee).values():
            refusal = ""
            try:
                psp = app.upstream(ProfitSharing)
                await psp.add_receiver(merchant, name, Deadline.after(_CALL_S))
            except (UpstreamRejected, MerchantRefused) as error:
                refusal = error.code or str(error)
                refusals += 1
            tell(payee, refusal)
    return refusals
