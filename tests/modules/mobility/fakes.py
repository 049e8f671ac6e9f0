"""Payees of mobility as written classes, with the manners of the real ones and faults on demand.

test_contract.py runs them beside the sandbox.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import orjson

from core.clock import Clock
from core.deadline import Deadline
from core.http import UpstreamRejected, UpstreamTimeout
from core.privacy import Access
from modules.mobility.parking.domain import Place, Session, Tariff
from modules.mobility.payee import Receipt
from tests.payments.fakes import Faults

PLACE = Place("p01", "示例广场停车场", "Sample Plaza", 36.0, 117.0, Tariff(15, 30, 200, 3000))
GRACE = timedelta(minutes=15)
HOLDS = timedelta(minutes=20)


class FakePayee:
    """Books payments once by their reference; a kind of payee says in `settle` what it refuses."""

    name = "payee"

    def __init__(self) -> None:
        self.faults = Faults(self.name)
        self.receipts: dict[str, tuple[str, int, str]] = {}

    def settle(self, no: str, amount_fen: int, paid_at: datetime) -> None:
        """Book, or raise a refusal."""
        raise NotImplementedError

    def receipt(self, payment_ref: str) -> Receipt:
        """The receipt of a booked payment."""
        return Receipt(self.receipts[payment_ref][2])

    async def pay(
        self, no: str, *, payment_ref: str, amount_fen: int, paid_at: datetime, deadline: Deadline
    ) -> Receipt:
        """See the protocol."""
        fault = self.faults.before("pay")
        known = self.receipts.get(payment_ref)
        if known is not None and known[:2] != (no, amount_fen):
            raise self.refusal("pay", 409, "PAYMENT_REF_REUSED")
        if known is None:
            self.settle(no, amount_fen, paid_at)
            self.receipts[payment_ref] = (no, amount_fen, f"RC{len(self.receipts):06d}")
        self.faults.after(fault, "pay")
        return self.receipt(payment_ref)

    async def find_payment(self, payment_ref: str, deadline: Deadline) -> Receipt | None:
        """See the protocol."""
        self.faults.after(self.faults.before("find_payment"), "find_payment")
        return self.receipt(payment_ref) if payment_ref in self.receipts else None

    def refusal(self, operation: str, status: int, code: str) -> UpstreamRejected:
        """A refusal with its code."""
        return UpstreamRejected(self.name, operation, status, orjson.dumps({"code": code}))

    def paid_fen(self, no: str) -> int:
        """What was booked for a thing."""
        return sum(fen for known, fen, _ in self.receipts.values() if known == no)


@dataclass
class FakeStay:
    """A car at the fake operator."""

    plate: str
    entered_at: datetime
    exit_by: datetime | None = None
    exited_at: datetime | None = None


class FakeParking(FakePayee):
    """An operator with one car park."""

    name = "parking"

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.stays: dict[str, FakeStay] = {}

    def enter(self, plate: str, minutes_ago: int) -> str:
        """A car drives in; returns the stay's number."""
        session_id = f"PS{len(self.stays):06d}"
        entered_at = self.clock.now() - timedelta(minutes=minutes_ago)
        self.stays[session_id] = FakeStay(plate, entered_at)
        return session_id

    def due_fen(self, session_id: str, moment: datetime) -> int:
        """What is due at a moment: 2 yuan for each begun half-hour, less what was paid."""
        stay = self.stays[session_id]
        if stay.exit_by is not None and moment <= stay.exit_by:
            return 0
        minutes = -(-(moment - stay.entered_at) // timedelta(minutes=1))
        charge_fen = 0 if minutes <= 15 else min(3000, 200 * -(-minutes // 30))
        return max(0, charge_fen - self.paid_fen(session_id))

    async def list_sessions(self, plate: str, deadline: Deadline) -> Sequence[Session]:
        """See the protocol."""
        self.faults.after(self.faults.before("list_sessions"), "list_sessions")
        stays = self.stays.items()
        return [
            self._session(session_id)
            for session_id, stay in stays
            if stay.plate == plate and stay.exited_at is None
        ]

    async def get_session(self, session_id: str, deadline: Deadline) -> Session:
        """See the protocol."""
        self.faults.after(self.faults.before("get_session"), "get_session")
        if session_id not in self.stays:
            raise self.refusal("get_session", 404, "NO_SUCH_SESSION")
        return self._session(session_id)

    def settle(self, no: str, amount_fen: int, paid_at: datetime) -> None:
        """See FakePayee."""
        if no not in self.stays:
            raise self.refusal("pay", 404, "NO_SUCH_SESSION")
        if self.stays[no].exited_at is not None:
            raise self.refusal("pay", 409, "ALREADY_LEFT")
        minutes = range(HOLDS // timedelta(minutes=1) + 1)
        due = {self.due_fen(no, paid_at - timedelta(minutes=back)) for back in minutes}
        if amount_fen not in due:
            raise self.refusal("pay", 422, "AMOUNT_MISMATCH")
        self.stays[no] = replace(self.stays[no], exit_by=paid_at + GRACE)

    def receipt(self, payment_ref: str) -> Receipt:
        """See FakePayee."""
        no, _, receipt_no = self.receipts[payment_ref]
        return Receipt(receipt_no, self.stays[no].exit_by)

    def _session(self, session_id: str) -> Session:
        stay, now = self.stays[session_id], self.clock.now()
        due_fen = 0 if stay.exited_at else self.due_fen(session_id, now)
        return Session(
            session_id, stay.plate, PLACE, stay.entered_at, now, now + HOLDS, due_fen,
            self.paid_fen(session_id), stay.exit_by, stay.exited_at,
        )  # fmt: skip


class FakeVehicles:
    """A registry that knows owners by resident ID and remembers every question."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}
        self.asked: list[Access] = []
        self.is_silent = False

    async def owns(self, access: Access, plate: str, deadline: Deadline) -> bool:
        """See the protocol."""
        self.asked.append(access)
        if self.is_silent:
            raise UpstreamTimeout("vehicles", "verify", "no answer in time")
        return self.owners.get(plate) == access.person.resident_id
