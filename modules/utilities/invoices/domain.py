"""The life of a request for an invoice."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.ids import is_uscc
from core.states import Edge, StateMachine

TITLE_MAX = 100
REFUSED_FOR_GOOD = frozenset({"INVOICE_EXISTS", "INVALID_TAX_NO"})
"""A biller's refusals that no repetition mends."""
_LADDER_S = (3, 10, 60, 600, 3600)
GIVE_UP_AFTER = timedelta(days=7)
INVOICE = StateMachine(
    name="invoice",
    table="bills_invoice",
    column="state",
    initial=("requested",),
    edges=(
        Edge("requested", "accept", "issuing"),
        Edge("requested", "issue", "issued"),
        Edge("requested", "refuse", "refused"),
        Edge("issuing", "issue", "issued"),
        Edge("issuing", "refuse", "refused"),
        Edge("refused", "retry", "requested"),
        Edge("issued", "cancel", "cancelled"),
        Edge("cancelled", "reissue", "issued"),
    ),
)


class InvoiceState(StrEnum):
    """REQUESTED: to be sent to the biller. ISSUING: the biller has it. ISSUED: number and address
    are there. REFUSED: see `reason`; it may be asked for again. CANCELLED: by a red-letter one; a
    new one is under way in another name.
    """

    REQUESTED = "requested"
    ISSUING = "issuing"
    ISSUED = "issued"
    REFUSED = "refused"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Buyer:
    """To whom an invoice is made out; a company has a unified social credit code (GB 32100)."""

    title: str
    tax_no: str | None = None

    @property
    def is_sound(self) -> bool:
        """Whether it can stand on an invoice."""
        titled = 0 < len(self.title) <= TITLE_MAX and self.title.isprintable()
        return titled and (self.tax_no is None or is_uscc(self.tax_no))


@dataclass(frozen=True, slots=True)
class BillerInvoice:
    """A request as its biller tells it; the last three are known of an issued one."""

    request_no: str
    state: str
    invoice_no: str | None = None
    invoice_url: str | None = None
    issued_at: datetime | None = None

    @property
    def is_issued(self) -> bool:
        """Whether the invoice exists: its number and address are there."""
        return self.state == "ISSUED" and bool(self.invoice_no and self.invoice_url)


def next_look(attempt: int) -> timedelta:
    """The wait before a biller is asked again, after `attempt` looks."""
    return timedelta(seconds=_LADDER_S[min(attempt, len(_LADDER_S) - 1)])
