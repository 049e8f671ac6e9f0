"""The life of a re-issue: a red-letter invoice cancels the old one, then a new one is issued.

A fully digitalised e-invoice (数电发票) is neither changed nor voided: a red-letter invoice of its
whole amount cancels it. Of one that its buyer has entered into the books or deducted, the buyer
first confirms a red-letter form in the tax authority's platform, within 72 hours, or the form is
void (国家税务总局公告2024年第11号).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.states import Edge, StateMachine

MOST = 3
"""How often the invoice of one payment may be re-issued; what was refused is not counted."""
ASKS_PER_DAY = 10
"""How often that may be asked for."""
CONFIRM_WITHIN = timedelta(hours=72)
"""The buyer's time to confirm."""
REASON = "01"
"""Why, in the tax authority's list: the invoice has a mistake (开票有误)."""
REFUSED_FOR_GOOD = frozenset({"INVOICE_USED", "INVOICE_CANCELLED", "NO_SUCH_INVOICE"})
"""A biller's refusals of a red-letter invoice that no repetition mends."""
UNDER_WAY = ("requested", "confirming", "red", "unissued")
_LADDER_S = (3, 10, 60, 600, 3600)
_LOOKED_OFTEN_FOR = timedelta(days=7)

REISSUE = StateMachine(
    name="reissue",
    table="bills_invoice_reissue",
    column="state",
    initial=("requested",),
    edges=(
        Edge("requested", "await", "confirming"),
        Edge("requested", "redden", "red"),
        Edge("requested", "refuse", "refused"),
        Edge("confirming", "redden", "red"),
        Edge("confirming", "refuse", "refused"),
        Edge("red", "issue", "issued"),
        Edge("red", "fail", "unissued"),
        Edge("unissued", "retry", "red"),
    ),
)


class ReissueState(StrEnum):
    """REQUESTED: the biller is asked to cancel the old invoice. CONFIRMING: its buyer has used it
    and has to confirm that, by `confirmBy`. RED: the old one is cancelled, the new one is asked
    for. ISSUED: it is there. REFUSED: the old one stands, see `reason`. UNISSUED: the old one is
    cancelled and the new one was refused, see `reason`: ask in a name that can be.
    """

    REQUESTED = "requested"
    CONFIRMING = "confirming"
    RED = "red"
    ISSUED = "issued"
    REFUSED = "refused"
    UNISSUED = "unissued"


_CONFIRMED = frozenset({"01", "04"})
_BUYER_TO_CONFIRM = "02"
_SELLER_TO_CONFIRM = "03"
_VOID = {
    "05": "BUYER_DENIED",
    "06": "SELLER_DENIED",
    "07": "CONFIRMATION_LAPSED",
    "08": "FORM_WITHDRAWN",
    "09": "FORM_WITHDRAWN",
    "10": "ABNORMAL_VOUCHER",
    "11": "TAXPAYER_BLOCKED",
    "12": "BUYER_DENIED",
    "13": "TAX_REFUND_CLAIMED",
}
"""Why a red-letter form is void, by the tax authority's numbers of its states (红字确认单状态)."""


@dataclass(frozen=True, slots=True)
class RedInvoice:
    """A red-letter form as its biller tells it, and the invoice once it is issued."""

    red_ref: str
    form_state: str
    confirm_by: datetime | None = None
    red_invoice_no: str | None = None
    red_invoice_url: str | None = None
    issued_at: datetime | None = None

    @property
    def is_sound(self) -> bool:
        """Whether its state is one of the tax authority's."""
        return self.form_state in _CONFIRMED | {_BUYER_TO_CONFIRM, _SELLER_TO_CONFIRM, *_VOID}

    @property
    def is_issued(self) -> bool:
        """Whether the old invoice is cancelled: the red-letter one has a number."""
        return self.form_state in _CONFIRMED and bool(self.red_invoice_no)

    @property
    def awaits_buyer(self) -> bool:
        """Whether the buyer has to confirm."""
        return self.form_state == _BUYER_TO_CONFIRM

    @property
    def void_reason(self) -> str | None:
        """Why there will be none; None while there may be one."""
        return _VOID.get(self.form_state)


def next_look(attempt: int, age: timedelta) -> timedelta:
    """The wait before the biller is asked again: daily after a week. It is never given up: what
    may yet be cancelled or issued is not told as refused."""
    if age > _LOOKED_OFTEN_FOR:
        return timedelta(days=1)
    return timedelta(seconds=_LADDER_S[min(attempt, len(_LADDER_S) - 1)])
