"""Payees of mobility as written classes, with the manners of the real ones and faults on demand.

test_contract.py runs them beside the sandbox.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import jwt
import orjson

from core.clock import Clock, civil_date
from core.people.personal_read import Access
from core.standards.signed_code import ReaderKey
from core.upstream.client import UpstreamRejected, UpstreamTimeout
from core.upstream.records import Records
from kinds.payment import Receipt
from modules.mobility.fines.domain import FineStatus, Order, Violation
from modules.mobility.parking.domain import Place, Session, Tariff
from modules.mobility.parking.upstream import StayReceipt
from modules.mobility.transit.domain import Trip, TripMode, TripStatus
from payments.api import Paid
from tests.payments.fakes import Faults

PLACE = Place("p01", "示例广场停车场", "Sample Plaza", 36.6, 117.0, Tariff(15, 30, 200, 3000))
GRACE = timedelta(minutes=15)
HOLDS = timedelta(minutes=20)
FINE_FEN = 10_000


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

    async def pay(self, no: str, paid: Paid) -> Receipt:
        """See kinds.payment.Payee."""
        payment_ref, amount_fen = paid.payment_ref, paid.amount_fen
        fault = self.faults.before("pay")
        known = self.receipts.get(payment_ref)
        if known is not None and known[:2] != (no, amount_fen):
            raise self.refusal("pay", 409, "PAYMENT_REF_REUSED")
        if known is None:
            self.settle(no, amount_fen, paid.paid_at)
            self.receipts[payment_ref] = (no, amount_fen, f"RC{len(self.receipts):06d}")
        self.faults.after(fault, "pay")
        return self.receipt(payment_ref)

    async def find_payment(self, payment_ref: str) -> Receipt | None:
        """See kinds.payment.Payee."""
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
        self.times = 1
        """How often an answer has each record."""
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

    async def list_sessions(self, plate: str) -> Records[Session]:
        """See its declaration."""
        self.faults.after(self.faults.before("list_sessions"), "list_sessions")
        stays = self.stays.items()
        here = [
            self._session(session_id)
            for session_id, stay in stays
            if stay.plate == plate and stay.exited_at is None
        ]
        return Records(here * self.times)

    async def get_session(self, session_id: str) -> Session:
        """See its declaration."""
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
        return StayReceipt(receipt_no, self.stays[no].exit_by)

    def _session(self, session_id: str) -> Session:
        stay, now = self.stays[session_id], self.clock.now()
        due_fen = 0 if stay.exited_at else self.due_fen(session_id, now)
        return Session(
            session_id, stay.plate, PLACE, stay.entered_at, now, now + HOLDS, due_fen,
            self.paid_fen(session_id), stay.exit_by, stay.exited_at,
        )  # fmt: skip


class FakeVehicles:
    """A registry that knows owners by their document and remembers every question."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}
        self.asked: list[Access] = []
        self.is_silent = False

    async def verify_owner(self, access: Access, plate: str) -> bool:
        """See its declaration."""
        self.asked.append(access)
        if self.is_silent:
            raise UpstreamTimeout("vehicles", "verify", "no answer in time")
        return self.owners.get(plate) == access.person.document_no


@dataclass
class FakeOffence:
    """A violation at the fake police, and its order at the fake platform once it is accepted."""

    violation_no: str
    resident_id: str
    committed_at: datetime
    order_no: str | None = None
    due_on: date | None = None
    settled: bool = False
    withdrawn: bool = False


class FakePlatform(FakePayee):
    """A revenue platform: 100 yuan, and 3 a day after a fortnight, at most twice the fine."""

    name = "fines"

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.offences: dict[str, FakeOffence] = {}

    def find(self, order_no: str, operation: str) -> FakeOffence:
        """An order, or the refusal."""
        for offence in self.offences.values():
            if offence.order_no == order_no:
                return offence
        raise self.refusal(operation, 404, "NO_SUCH_ORDER")

    def late_fen(self, offence: FakeOffence, day: date) -> int:
        """The surcharge on a day."""
        assert offence.due_on is not None
        return min(FINE_FEN, 300 * max(0, (day - offence.due_on).days))

    async def get_order(self, order_no: str) -> Order:
        """See its declaration."""
        self.faults.after(self.faults.before("get_order"), "get_order")
        offence = self.find(order_no, "get_order")
        assert offence.due_on is not None
        late_fen = self.late_fen(offence, civil_date(self.clock.now()))
        return Order(
            order_no, offence.violation_no, FINE_FEN, late_fen, FINE_FEN + late_fen,
            offence.due_on, _status(offence),
        )  # fmt: skip

    def settle(self, no: str, amount_fen: int, paid_at: datetime) -> None:
        """See FakePayee."""
        offence = self.find(no, "pay")
        if offence.withdrawn:
            raise self.refusal("pay", 410, "ORDER_WITHDRAWN")
        if offence.settled:
            raise self.refusal("pay", 409, "ALREADY_PAID")
        paid_on = civil_date(paid_at)
        days = (paid_on, paid_on - timedelta(days=1))
        if amount_fen not in {FINE_FEN + self.late_fen(offence, day) for day in days}:
            raise self.refusal("pay", 422, "AMOUNT_MISMATCH")
        offence.settled = True


class FakeTrafficPolice:
    """Traffic police that share their records with the platform and remember every question."""

    def __init__(self, platform: FakePlatform) -> None:
        self.platform = platform
        self.asked: list[Access] = []
        self.faults = Faults("traffic_police")
        self.times = 1
        """How often an answer has each record."""

    def catch(self, resident_id: str) -> str:
        """Somebody commits a violation; returns its number."""
        violation_no = f"WF{len(self.platform.offences):06d}"
        committed_at = self.platform.clock.now()
        self.platform.offences[violation_no] = FakeOffence(violation_no, resident_id, committed_at)
        return violation_no

    async def list_violations(self, access: Access) -> Records[Violation]:
        """See its declaration."""
        self.asked.append(access)
        self.faults.after(self.faults.before("list_violations"), "list_violations")
        offences = reversed(self.platform.offences.values())
        mine = [_violation(o) for o in offences if o.resident_id == access.person.document_no]
        return Records(mine * self.times)

    async def accept(self, access: Access, violation_no: str) -> Violation:
        """See its declaration."""
        self.asked.append(access)
        fault = self.faults.before("accept")
        offence = self.platform.offences[violation_no]
        if offence.resident_id != access.person.document_no:
            raise UpstreamRejected("traffic_police", "accept", 403, b'{"code":"NOT_OWNER"}')
        if offence.order_no is None:
            offence.order_no = violation_no.replace("WF", "FS")
            offence.due_on = civil_date(self.platform.clock.now()) + timedelta(days=15)
        self.faults.after(fault, "accept")
        return _violation(offence)


def _status(offence: FakeOffence) -> FineStatus:
    if offence.withdrawn:
        return FineStatus.WITHDRAWN
    if offence.settled:
        return FineStatus.SETTLED
    return FineStatus.UNPAID if offence.order_no else FineStatus.UNCONFIRMED


def _violation(offence: FakeOffence) -> Violation:
    decision_no = offence.order_no and offence.order_no.replace("FS", "PD")
    return Violation(
        offence.violation_no, "鲁AD00099", offence.committed_at, "示范路", "Shifan Road", "10391",
        "违反规定停放机动车", "Parking where it is not allowed", 0, FINE_FEN, _status(offence),
        decision_no, offence.order_no,
    )  # fmt: skip


class FakeFare(FakePayee):
    """Bus gates that check codes by themselves, with nothing but keys and a clock."""

    name = "fare"

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.keys: dict[str, str] = {}
        self.used: set[str] = set()
        self.trips: list[Trip] = []
        self.unreadable = 0
        self.asked: list[Access] = []

    def scan(self, code: str) -> str:
        """OPEN, or why not. A good code makes an unpaid trip of 2 yuan."""
        try:
            kid = jwt.get_unverified_header(code)["kid"]
            jwk = {"kty": "OKP", "crv": "Ed25519", "x": self.keys[kid]}
            claims = jwt.decode(
                code,
                jwt.PyJWK(jwk, "EdDSA"),
                algorithms=["EdDSA"],
                audience="fare",
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except KeyError:
            return "UNKNOWN_KEY"
        except jwt.InvalidSignatureError:
            return "BAD_SIGNATURE"
        except jwt.PyJWTError:
            return "MALFORMED"
        if self.clock.now().timestamp() >= claims["exp"] or claims["exp"] - claims["iat"] > 60:
            return "EXPIRED"
        if claims["jti"] in self.used:
            return "REPLAYED"
        self.used.add(claims["jti"])
        self.trips.insert(
            0,
            Trip(
                f"TR{len(self.trips):06d}", claims["sub"], TripMode.BUS, "7路", "Bus 7", None,
                None, self.clock.now(), None, 200, TripStatus.UNPAID,
            ),
        )  # fmt: skip
        return "OPEN"

    async def register_key(self, key: ReaderKey) -> None:
        """See its declaration."""
        self.faults.after(self.faults.before("register_key"), "register_key")
        self.keys[key.kid] = key.public_key

    async def list_trips(self, access: Access, rider_ref: str) -> Records[Trip]:
        """See its declaration."""
        self.asked.append(access)
        self.faults.after(self.faults.before("list_trips"), "list_trips")
        mine = [trip for trip in self.trips if trip.rider_ref == rider_ref]
        return Records(mine, self.unreadable)

    async def get_trip(self, trip_no: str) -> Trip:
        """See its declaration."""
        self.faults.after(self.faults.before("get_trip"), "get_trip")
        return self.trips[self._find(trip_no, "get_trip")]

    def settle(self, no: str, amount_fen: int, paid_at: datetime) -> None:
        """See FakePayee."""
        number = self._find(no, "pay")
        trip = self.trips[number]
        if trip.status is TripStatus.PAID:
            raise self.refusal("pay", 409, "ALREADY_PAID")
        if amount_fen != trip.fare_fen:
            raise self.refusal("pay", 422, "AMOUNT_MISMATCH")
        self.trips[number] = replace(trip, status=TripStatus.PAID)

    def _find(self, trip_no: str, operation: str) -> int:
        for number, trip in enumerate(self.trips):
            if trip.trip_no == trip_no:
                return number
        raise self.refusal(operation, 404, "NO_SUCH_TRIP")
