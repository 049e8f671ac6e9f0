"""A PSP and billers as written classes: the same contract as the adapters, faults on demand.

They pass tests/payments/psp_contract.py and the contract of the billers like the real
ones. A fault is said before a call: "lost" does the work and loses the reply, "down" does nothing.
"""

import hashlib
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

import orjson

from core.clock import SHANGHAI, Clock, ensure_utc
from core.deadline import Deadline
from core.money import portion_bps
from core.upstream.client import UpstreamRejected, UpstreamTimeout, UpstreamUnavailable
from modules.utilities.accounts.domain import BillerAccount, UtilityKind
from modules.utilities.bills.domain import BillerBill, BillStatus
from payments.api import Paid
from payments.psp.port import (
    Callback,
    CallbackRefused,
    MerchantRefused,
    Order,
    OrderState,
    OrderView,
    PaymentChannel,
    RefundOrder,
    RefundState,
    RefundView,
)
from payments.statements import Line

FRESH_S = 300


class Faults:
    """What will go wrong, call by call; `always` where nothing is queued."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self.queued: deque[str] = deque()
        self.always = "ok"

    def before(self, operation: str) -> str:
        """The fault of this call. Raises for "down" and, as a PSP that knows us no more, for
        "merchant"."""
        fault = self.queued.popleft() if self.queued else self.always
        if fault == "merchant":
            refusal = UpstreamRejected(self._upstream, operation, 401, b'{"code":"SIGN_ERROR"}')
            raise MerchantRefused(refusal, refusal.code)
        if fault == "down":
            raise UpstreamUnavailable(self._upstream, operation, "down")
        return fault

    def after(self, fault: str, operation: str) -> None:
        """Raises for "lost": the work is done."""
        if fault == "lost":
            raise UpstreamTimeout(self._upstream, operation, "lost")


@dataclass
class FakeOrder:
    """An order at the fake PSP."""

    order: Order
    state: OrderState = OrderState.UNPAID
    psp_ref: str | None = None
    paid_at: datetime | None = None
    refunded_fen: int = 0


@dataclass
class FakeRefund:
    """A refund at the fake PSP."""

    refund: RefundOrder
    state: RefundState
    psp_ref: str
    asked_at: datetime


@dataclass
class FakePsp:
    """A PSP in memory. `callbacks` is what it wants to tell: (headers, body) as sent."""

    clock: Clock
    name: str = "wechatpay"
    orders: dict[UUID, FakeOrder] = field(default_factory=dict)
    refunds: dict[UUID, FakeRefund] = field(default_factory=dict)
    callbacks: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    refuses_orders: bool = False
    refuses_refunds: bool = False
    is_short: bool = False
    """It has too little of our money to refund from."""
    slow_refunds: bool = False
    channels: frozenset[PaymentChannel] = frozenset(PaymentChannel)
    _secret: str = field(default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self) -> None:
        self.faults = Faults(self.name)

    async def order(self, order: Order, deadline: Deadline) -> str:
        """See the port."""
        fault = self.faults.before("order")
        known = self.orders.get(order.intent_id)
        if self.refuses_orders or (known is None and order.expires_at <= self.clock.now()):
            raise UpstreamRejected(self.name, "order", 400, b'{"code":"INVALID_REQUEST"}')
        if known is not None and (known.order != order or known.state is not OrderState.UNPAID):
            raise UpstreamRejected(self.name, "order", 400, b'{"code":"INVALID_REQUEST"}')
        self.orders.setdefault(order.intent_id, FakeOrder(order))
        self.faults.after(fault, "order")
        return f"https://cashier.example/{order.intent_id.hex}"

    async def find_order(self, intent_id: UUID, deadline: Deadline) -> OrderView:
        """See the port."""
        fault = self.faults.before("find_order")
        self.faults.after(fault, "find_order")
        return self.view(intent_id)

    async def close_order(self, intent_id: UUID, deadline: Deadline) -> OrderView:
        """See the port."""
        fault = self.faults.before("close_order")
        known = self.orders.get(intent_id)
        if known is not None and known.state is OrderState.UNPAID:
            known.state = OrderState.CLOSED
        self.faults.after(fault, "close_order")
        return self.view(intent_id)

    async def refund(self, refund: RefundOrder, deadline: Deadline) -> RefundView:
        """See the port."""
        fault = self.faults.before("refund")
        if refund.refund_id not in self.refunds:
            paid = self.orders.get(refund.intent_id)
            if self.is_short:
                return RefundView(refund.refund_id, RefundState.SHORT)
            refused = (
                self.refuses_refunds
                or paid is None
                or paid.state is not OrderState.PAID
                or paid.refunded_fen + refund.amount_fen > paid.order.amount_fen
            )
            if refused:
                self.faults.after(fault, "refund")
                return RefundView(refund.refund_id, RefundState.FAILED)
            assert paid is not None
            paid.refunded_fen += refund.amount_fen
            state = RefundState.PROCESSING if self.slow_refunds else RefundState.SUCCEEDED
            self.refunds[refund.refund_id] = FakeRefund(
                refund, state, secrets.token_hex(8), self.clock.now()
            )
        self.faults.after(fault, "refund")
        return self._refund_view(refund.refund_id)

    async def find_refund(self, refund: RefundOrder, deadline: Deadline) -> RefundView:
        """See the port."""
        fault = self.faults.before("find_refund")
        self.faults.after(fault, "find_refund")
        return self._refund_view(refund.refund_id)

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> Callback:
        """See the port."""
        found = {name.lower(): value for name, value in headers.items()}
        nonce, sent_at = found.get("fake-nonce", ""), found.get("fake-timestamp", "0")
        if found.get("fake-signature") != self._sign(nonce, sent_at, body):
            raise CallbackRefused("signature")
        if abs(self.clock.now().timestamp() - int(sent_at)) > FRESH_S:
            raise CallbackRefused("stale")
        told = orjson.loads(body)
        if "ref" not in told:
            raise CallbackRefused("malformed")
        if "refund" in told:
            return Callback(
                nonce,
                RefundView(
                    UUID(told["refund"]), RefundState(told["state"]), told["ref"], told["fen"]
                ),
            )
        return Callback(
            nonce,
            OrderView(
                UUID(told["order"]),
                OrderState.PAID,
                told["ref"],
                told["fen"],
                ensure_utc(datetime.fromisoformat(told["at"])),
                currency=told.get("currency", "CNY"),
                merchant=told.get("merchant"),
            ),
        )

    def pay(self, intent_id: UUID) -> bool:
        """The payer pays at the cashier; False where it takes no money any more."""
        paid = self.orders.get(intent_id)
        if paid is None or paid.state is not OrderState.UNPAID:
            return False
        self.force_paid(intent_id)
        return True

    def force_paid(self, intent_id: UUID) -> None:
        """The order is paid whatever its state: the money was on its way before it closed."""
        paid = self.orders[intent_id]
        paid.state, paid.psp_ref = OrderState.PAID, secrets.token_hex(8)
        paid.paid_at = self.clock.now()
        self.tell(
            {
                "order": str(intent_id),
                "ref": paid.psp_ref,
                "fen": paid.order.amount_fen,
                "at": paid.paid_at.isoformat(),
                "merchant": paid.order.merchant,
            }
        )

    def finish_refund(self, refund_id: UUID) -> None:
        """A refund under way reaches the payer."""
        done = self.refunds[refund_id]
        done.state = RefundState.SUCCEEDED
        fen = done.refund.amount_fen
        told = {"refund": str(refund_id), "state": done.state, "ref": done.psp_ref, "fen": fen}
        self.tell(told)

    def tell(self, told: Mapping[str, object], *, age_s: int = 0) -> None:
        """Queue a signed callback."""
        self.callbacks.append(self.signed(orjson.dumps(told), age_s=age_s))

    def signed(self, body: bytes, *, age_s: int = 0) -> tuple[dict[str, str], bytes]:
        """A callback as it is sent: its headers, made anew at each sending, and its body."""
        nonce = secrets.token_hex(8)
        sent_at = str(int(self.clock.now().timestamp()) - age_s)
        signature = self._sign(nonce, sent_at, body)
        return (
            {"Fake-Nonce": nonce, "Fake-Timestamp": sent_at, "Fake-Signature": signature},
            body,
        )

    def view(self, intent_id: UUID) -> OrderView:
        """An order as a query tells it."""
        known = self.orders.get(intent_id)
        if known is None:
            return OrderView(intent_id, OrderState.MISSING)
        if known.state is OrderState.UNPAID and known.order.expires_at <= self.clock.now():
            known.state = OrderState.CLOSED
        if known.state is not OrderState.PAID:
            return OrderView(intent_id, known.state)
        return OrderView(
            intent_id,
            known.state,
            known.psp_ref,
            known.order.amount_fen,
            known.paid_at,
            merchant=known.order.merchant,
        )

    def statement(self, on: date, fee_bps: int) -> list[Line]:
        """What it tells of a civil day: a refund stands on the day on which it was asked for."""

        def line(is_refund: bool, ref: UUID, order: UUID, their_ref: str, fen: int, at: datetime):
            fee_fen = portion_bps(fen, fee_bps)
            told_at = at.astimezone(SHANGHAI)
            return Line(is_refund, ref.hex, order.hex, their_ref, fen, fee_fen, told_at)

        paid = [
            line(False, ref, ref, known.psp_ref, known.order.amount_fen, known.paid_at)
            for ref, known in self.orders.items()
            if known.psp_ref is not None and known.paid_at is not None
        ]
        returned = [
            line(True, ref, of.intent_id, known.psp_ref, of.amount_fen, known.asked_at)
            for ref, known in self.refunds.items()
            for of in (known.refund,)
        ]
        return [told for told in paid + returned if told.at.date() == on]

    def _refund_view(self, refund_id: UUID) -> RefundView:
        known = self.refunds.get(refund_id)
        if known is None:
            return RefundView(refund_id, RefundState.MISSING)
        return RefundView(refund_id, known.state, known.psp_ref, known.refund.amount_fen)

    def _sign(self, nonce: str, sent_at: str, body: bytes) -> str:
        return hashlib.sha256(f"{self._secret}{nonce}{sent_at}".encode() + body).hexdigest()


@dataclass
class FakeBillers:
    """Billers in memory: one bill per number, written off once, or in parts that add up."""

    bills: dict[str, BillerBill] = field(default_factory=dict)
    write_offs: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    """By payment: the bill's number, the write-off's, and the amount."""
    refuses: dict[str, str] = field(default_factory=dict)
    """By bill: the code with which its write-off is refused though it looks open."""

    def __post_init__(self) -> None:
        self.faults = Faults("billers")

    def issue(
        self,
        account_no: str,
        total_fen: int,
        kind: str = "W",
        least_part_fen: int | None = None,
    ) -> str:
        """A fresh open bill; returns its number."""
        bill_no = f"{kind}{account_no}{len(self.bills):06d}"
        self.bills[bill_no] = BillerBill(
            bill_no, account_no, "2026-10", 10, "m3", 100, 110, [], total_fen, 0, total_fen,
            date(2026, 12, 1), BillStatus.OPEN, 0, least_part_fen,
        )  # fmt: skip
        return bill_no

    async def find_account(self, kind: UtilityKind, account_no: str) -> BillerAccount | None:
        """See its declaration."""
        self.faults.after(self.faults.before("find_account"), "find_account")
        known = any(bill.account_no == account_no for bill in self.bills.values())
        return BillerAccount(account_no, "**例", "示范区****室") if known else None

    async def list_bills(
        self, kind: UtilityKind, account_no: str, *, only_open: bool
    ) -> list[BillerBill]:
        """See its declaration."""
        self.faults.after(self.faults.before("list_bills"), "list_bills")
        return [
            bill
            for bill in reversed(self.bills.values())
            if bill.account_no == account_no and (not only_open or bill.status is BillStatus.OPEN)
        ]

    async def get_bill(self, kind: UtilityKind, bill_no: str) -> BillerBill:
        """See its declaration."""
        self.faults.after(self.faults.before("get_bill"), "get_bill")
        if bill_no not in self.bills:
            raise self._refusal("get_bill", 404, "NO_SUCH_BILL")
        return self.bills[bill_no]

    async def write_off(self, kind: UtilityKind, bill_no: str, paid: Paid) -> str:
        """See its declaration."""
        payment_ref = paid.payment_ref
        fault = self.faults.before("write_off")
        known = self.write_offs.get(payment_ref)
        if known is None:
            bill = self.bills.get(bill_no)
            if bill is None:
                raise self._refusal("write_off", 404, "NO_SUCH_BILL")
            if bill_no in self.refuses:
                raise self._refusal("write_off", 410, self.refuses[bill_no])
            if bill.status is BillStatus.PAID:
                raise self._refusal("write_off", 409, "ALREADY_PAID")
            if not self._may_be(bill, paid.amount_fen):
                raise self._refusal("write_off", 422, "AMOUNT_MISMATCH")
            self.bills[bill_no] = self._less(bill, paid.amount_fen)
            number = f"WO{len(self.write_offs):06d}"
            self.write_offs[payment_ref] = (bill_no, number, paid.amount_fen)
        elif (known[0], known[2]) != (bill_no, paid.amount_fen):
            raise self._refusal("write_off", 409, "PAYMENT_REF_REUSED")
        self.faults.after(fault, "write_off")
        return self.write_offs[payment_ref][1]

    async def find_write_off(self, kind: UtilityKind, payment_ref: str) -> str | None:
        """See its declaration."""
        self.faults.after(self.faults.before("find_write_off"), "find_write_off")
        found = self.write_offs.get(payment_ref)
        return found[1] if found else None

    def _may_be(self, bill: BillerBill, amount_fen: int) -> bool:
        if amount_fen == bill.total_fen:
            return True
        least_fen = bill.least_part_fen
        return least_fen is not None and least_fen <= amount_fen < bill.total_fen

    def _less(self, bill: BillerBill, amount_fen: int) -> BillerBill:
        open_fen = bill.total_fen - amount_fen
        status = BillStatus.OPEN if open_fen else BillStatus.PAID
        paid_fen = bill.paid_fen + amount_fen
        return replace(bill, total_fen=open_fen, paid_fen=paid_fen, status=status)

    def _refusal(self, operation: str, status: int, code: str) -> UpstreamRejected:
        return UpstreamRejected("billers", operation, status, orjson.dumps({"code": code}))


class FakeSms:
    """An SMS gateway that remembers what it sent."""

    def __init__(self) -> None:
        self.sent: dict[str, str] = {}

    async def send(self, message_ref: str, phone: str, text: str) -> str:
        """See notifications.channels.gateways."""
        self.sent.setdefault(message_ref, text)
        return f"R{message_ref[:8]}"
