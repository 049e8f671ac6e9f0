"""A biller's invoicing in memory: blue invoices, and red-letter ones that cancel them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from core.upstream.client import UpstreamRejected
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.invoices.domain import BillerInvoice, Buyer
from modules.utilities.reissues.domain import RedInvoice
from tests.payments.fakes import Faults

AT = datetime(2026, 11, 23, 5, tzinfo=UTC)


@dataclass
class FakeRed:
    """A red-letter form; `state` by the tax authority's numbers."""

    invoice_no: str
    state: str
    number: str


@dataclass
class FakeInvoices:
    """Issues once it is told to. See modules.utilities.invoices.upstream and reissues.upstream."""

    paid: set[str] = field(default_factory=set)
    requests: dict[tuple[str, str], Buyer] = field(default_factory=dict)
    """By payment and the request's reference."""
    reds: dict[str, FakeRed] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    """What invoices are used for, by number: "books" or "export"."""
    refuses: set[str] = field(default_factory=set)
    """Names in which it issues none."""
    issues: bool = False

    def __post_init__(self) -> None:
        self.faults = Faults("billers")

    async def apply_invoice(
        self, kind: UtilityKind, payment_ref: str, buyer: Buyer, request_ref: str | None = None
    ) -> BillerInvoice:
        """See its declaration."""
        fault = self.faults.before("apply_invoice")
        key = (payment_ref, request_ref or "")
        if payment_ref not in self.paid:
            raise _refusal(404, "NO_SUCH_WRITE_OFF")
        if buyer.title in self.refuses:
            raise _refusal(422, "INVALID_TAX_NO")
        if key not in self.requests and self.standing(payment_ref):
            raise _refusal(409, "INVOICE_EXISTS")
        if self.requests.setdefault(key, buyer) != buyer:
            raise _refusal(409, "INVOICE_EXISTS")
        self.faults.after(fault, "apply_invoice")
        n, request_no = list(self.requests).index(key) + 1, f"IR{payment_ref[:8]}"
        if not self.issues:
            return BillerInvoice(request_no, "ISSUING")
        return BillerInvoice(request_no, "ISSUED", _no(n), f"https://biller.example/{n}", AT)

    async def apply_red(self, kind: UtilityKind, red_ref: str, invoice_no: str) -> RedInvoice:
        """See its declaration."""
        fault = self.faults.before("apply_red")
        if red_ref not in self.reds:
            self._begin(red_ref, invoice_no)
        red = self.reds[red_ref]
        if red.invoice_no != invoice_no:
            raise _refusal(409, "RED_REF_REUSED")
        self.faults.after(fault, "apply_red")
        if red.state not in ("01", "04") or not self.issues:
            return RedInvoice(red_ref, red.state)
        return RedInvoice(red_ref, red.state, None, red.number, "https://biller.example/red", AT)

    def standing(self, payment_ref: str) -> list[str]:
        """The numbers of a payment's invoices that nothing has cancelled."""
        numbers = [_no(n) for n, (ref, _) in enumerate(self.requests, 1) if ref == payment_ref]
        cancelled = {red.invoice_no for red in self.reds.values() if red.state in ("01", "04")}
        return [number for number in numbers if number not in cancelled]

    def answer(self, state: str) -> None:
        """The last form comes to a state."""
        self.reds[list(self.reds)[-1]].state = state

    def _begin(self, red_ref: str, invoice_no: str) -> None:
        if invoice_no not in {_no(n) for n, _ in enumerate(self.requests, 1)}:
            raise _refusal(404, "NO_SUCH_INVOICE")
        if self.used.get(invoice_no) == "export":
            raise _refusal(409, "INVOICE_USED")
        states = [red.state for red in self.reds.values() if red.invoice_no == invoice_no]
        if "01" in states or "04" in states:
            raise _refusal(409, "INVOICE_CANCELLED")
        state = "02" if self.used.get(invoice_no) == "books" else "01"
        self.reds[red_ref] = FakeRed(invoice_no, state, f"26R{len(self.reds):05d}")


def _no(n: int) -> str:
    return f"26{n:06d}"


def _refusal(status: int, code: str) -> UpstreamRejected:
    return UpstreamRejected("billers", "invoicing", status, orjson.dumps({"code": code}))
