"""One contract for the payees of mobility: their clients against the sandbox, and the fakes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from core.clock import SystemClock
from core.deadline import Deadline
from core.ids import new_id
from core.security.authentication import Tokens
from core.standards.signed_code import issue_code, reader_key
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, UpstreamRejected
from modules.mobility.fines.upstream import FinesPlatformClient, TrafficPoliceClient
from modules.mobility.parking.upstream import ParkingClient, VehicleRegistryClient
from modules.mobility.payee import REFUSED_FOR_GOOD, Payee
from modules.mobility.transit.domain import CODE_LIFE, GATES
from modules.mobility.transit.upstream import FareClient
from tests.modules.mobility.fakes import FakeFare, FakeParking, FakePlatform, FakeTrafficPolice

PLATE = "宁ZD00099"
NOW = SystemClock().now


@dataclass
class Due:
    """Something to pay: its number and what it costs."""

    no: str
    amount_fen: int


@dataclass
class Subject:
    """A payee under test, the hand that makes something due, and one that ends it for good."""

    payee: Payee
    make: Callable[[], Awaitable[Due]]
    end: Callable[[Due], Awaitable[str]]
    """Returns the code with which payments are refused from then on."""


class Sandbox:
    """The city over HTTP: clients of ours, and its control plane."""

    def __init__(self, port: int, http: HttpClient, session: aiohttp.ClientSession) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.app: Any = SimpleNamespace(http=http)
        self._session = session

    async def driver(self, number: int = 0) -> Any:
        """A demo person with a car."""
        people = await self.call("GET", "/_control/people")
        return [person for person in people if person.get("plate")][number]

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """One request that must succeed."""
        async with self._session.request(method, f"{self.base}{path}", json=body) as answer:
            assert answer.status < 300, (path, await answer.text())
            return await answer.json()


def access_of(person: Any, upstream: str) -> Any:
    """What proves a read to a client, without the rows behind it."""
    return SimpleNamespace(
        person=SimpleNamespace(resident_id=person["resident_id"]),
        consent_id=new_id(),
        upstream=upstream,
    )


@asynccontextmanager
async def open_city(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """The running city, started where it is not."""
    port = request.getfixturevalue("sandbox_port")
    async with HttpClient(Metrics()) as http, aiohttp.ClientSession() as session:
        yield Sandbox(port, http, session)


@pytest.fixture
async def city(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """The same, for tests of what only the sandbox has."""
    async with open_city(request) as opened:
        yield opened


def fake_parking() -> Subject:
    """The fake operator."""
    fake = FakeParking(SystemClock())

    async def make() -> Due:
        session_id = fake.enter(PLATE, 40)
        return Due(session_id, fake.due_fen(session_id, NOW()))

    async def end(due: Due) -> str:
        fake.stays[due.no].exited_at = NOW()
        return "ALREADY_LEFT"

    return Subject(fake, make, end)


def sandbox_parking(city: Sandbox) -> Subject:
    """The operator of the sandbox city."""

    async def make() -> Due:
        body = {"plate": PLATE, "minutes_ago": 100, "leaves_first": True}
        told = await city.call("POST", "/_control/parking/sessions", body)
        return Due(told["session_id"], told["amount_due_fen"])

    async def end(_due: Due) -> str:
        await make()  # the car drives out of where it was
        return "ALREADY_LEFT"

    return Subject(ParkingClient(city.app, f"{city.base}/parking"), make, end)


def fake_fines() -> Subject:
    """The fake platform."""
    fake = FakePlatform(SystemClock())
    police = FakeTrafficPolice(fake)

    async def make() -> Due:
        access: Any = access_of({"resident_id": "me"}, "traffic_police")
        accepted = await police.accept(access, police.catch("me"), _soon())
        return Due(accepted.order_no or "", accepted.fine_fen)

    async def end(due: Due) -> str:
        fake.find(due.no, "end").withdrawn = True
        return "ORDER_WITHDRAWN"

    return Subject(fake, make, end)


def sandbox_fines(city: Sandbox) -> Subject:
    """The revenue platform of the sandbox city."""
    police = TrafficPoliceClient(city.app, f"{city.base}/traffic-police")

    async def make() -> Due:
        me = await city.driver()
        made = await city.call(
            "POST", "/_control/traffic-police/violations", {"plate": me["plate"]}
        )
        access: Any = access_of(me, "traffic_police")
        accepted = await police.accept(access, made["violation_no"], _soon())
        return Due(accepted.order_no or "", accepted.fine_fen)

    async def end(due: Due) -> str:
        await city.call("POST", f"/_control/fines/orders/{due.no}/withdraw")
        return "ORDER_WITHDRAWN"

    return Subject(FinesPlatformClient(city.app, f"{city.base}/fines"), make, end)


def _tokens() -> Tokens:
    key = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    return Tokens([key], "quancheng:test", SystemClock())


def _ride_code(tokens: Tokens, rider: str) -> str:
    return issue_code(tokens, subject=rider, audience=GATES, life=CODE_LIFE).text


async def _somebody_else_pays(subject: Subject, due: Due) -> str:
    await _pay(subject, due, new_id().hex)
    return "ALREADY_PAID"


def fake_fare() -> Subject:
    """The fake gates."""
    fake, tokens = FakeFare(SystemClock()), _tokens()

    async def make() -> Due:
        await fake.register_key(reader_key(tokens), _soon())
        assert fake.scan(_ride_code(tokens, new_id().hex)) == "OPEN"
        return Due(fake.trips[0].trip_no, fake.trips[0].fare_fen or 0)

    subject = Subject(fake, make, lambda due: _somebody_else_pays(subject, due))
    return subject


def sandbox_fare(city: Sandbox) -> Subject:
    """The gates of the sandbox city."""
    client, tokens = FareClient(city.app, f"{city.base}/fare"), _tokens()

    async def make() -> Due:
        await client.register_key(reader_key(tokens), _soon())
        body = {"code": _ride_code(tokens, new_id().hex)}
        told = await city.call("POST", "/fare/gates/b07-1/scan", body)
        assert told["result"] == "OPEN", told
        return Due(told["trip"]["trip_no"], told["trip"]["fare_fen"])

    subject = Subject(client, make, lambda due: _somebody_else_pays(subject, due))
    return subject


FAKES = {"parking": fake_parking, "fines": fake_fines, "fare": fake_fare}
SANDBOX = {"parking": sandbox_parking, "fines": sandbox_fines, "fare": sandbox_fare}


@pytest.fixture(params=[f"{where} {name}" for name in FAKES for where in ("fake", "sandbox")])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Each payee in turn."""
    where, name = request.param.split()
    if where == "fake":
        yield FAKES[name]()
        return
    async with open_city(request) as opened:
        yield SANDBOX[name](opened)


def _soon() -> Deadline:
    return Deadline.after(5)


async def _pay(subject: Subject, due: Due, ref: str, *, more_fen: int = 0) -> str:
    receipt = await subject.payee.pay(
        due.no,
        payment_ref=ref,
        amount_fen=due.amount_fen + more_fen,
        paid_at=NOW(),
        deadline=_soon(),
    )
    return receipt.receipt_no


async def _refusal(subject: Subject, due: Due, ref: str, *, more_fen: int = 0) -> str:
    with pytest.raises(UpstreamRejected) as refused:
        await _pay(subject, due, ref, more_fen=more_fen)
    assert await subject.payee.find_payment(ref, _soon()) is None
    return refused.value.code


async def test_a_payment_is_booked_once_however_often(subject: Subject) -> None:
    due, ref = await subject.make(), new_id().hex
    assert await subject.payee.find_payment(ref, _soon()) is None
    receipt_no = await _pay(subject, due, ref)
    assert await _pay(subject, due, ref) == receipt_no
    found = await subject.payee.find_payment(ref, _soon())
    assert found is not None and found.receipt_no == receipt_no


async def test_refusals_are_known_and_book_nothing(subject: Subject) -> None:
    due = await subject.make()
    assert await _refusal(subject, due, new_id().hex, more_fen=1) == "AMOUNT_MISMATCH"
    missing = await _refusal(subject, Due("none", 100), new_id().hex)
    assert missing.startswith("NO_SUCH_") and missing in REFUSED_FOR_GOOD
    ended = await subject.end(due)
    assert await _refusal(subject, due, new_id().hex) == ended
    assert ended in REFUSED_FOR_GOOD


async def test_a_reference_is_for_one_thing(subject: Subject) -> None:
    first, ref = await subject.make(), new_id().hex
    await _pay(subject, first, ref)
    second = await subject.make()
    with pytest.raises(UpstreamRejected) as refused:
        await _pay(subject, second, ref)
    assert refused.value.code == "PAYMENT_REF_REUSED"


@pytest.mark.parametrize("subject", ["fake parking", "sandbox parking"], indirect=True)
async def test_a_stay_tells_what_is_due_and_the_way_out(subject: Subject) -> None:
    operator: Any = subject.payee
    due = await subject.make()
    (session,) = await operator.list_sessions(PLATE, _soon())
    assert (session.session_id, session.amount_due_fen) == (due.no, due.amount_fen)
    assert session.quote_holds_until - session.quoted_at == timedelta(minutes=20)
    assert (session.paid_fen, session.exit_by) == (0, None)
    ref = new_id().hex
    receipt = await operator.pay(
        due.no, payment_ref=ref, amount_fen=due.amount_fen, paid_at=NOW(), deadline=_soon()
    )
    assert timedelta(minutes=14) < receipt.exit_by - NOW() < timedelta(minutes=16)
    assert await operator.find_payment(ref, _soon()) == receipt
    session = await operator.get_session(due.no, _soon())
    assert (session.amount_due_fen, session.paid_fen) == (0, due.amount_fen)
    assert session.exit_by == receipt.exit_by
    assert await operator.list_sessions("宁ZD99999", _soon()) == []


async def test_the_registry_knows_whose_car_it_is(city: Sandbox) -> None:
    me, other = await city.driver(), await city.driver(1)
    registry = VehicleRegistryClient(city.app, f"{city.base}/vehicles")
    access = access_of(me, "vehicles")
    assert await registry.owns(access, me["plate"], _soon())
    assert not await registry.owns(access, other["plate"], _soon())
    assert not await registry.owns(access, "宁ZD99999", _soon())


async def test_the_police_tell_the_owner_alone(city: Sandbox) -> None:
    me, other = await city.driver(), await city.driver(1)
    police = TrafficPoliceClient(city.app, f"{city.base}/traffic-police")
    platform = FinesPlatformClient(city.app, f"{city.base}/fines")
    mine = access_of(me, "traffic_police")
    made = await city.call("POST", "/_control/traffic-police/violations", {"plate": me["plate"]})
    told = await police.list_violations(mine, _soon())
    assert told[0].violation_no == made["violation_no"]
    assert (told[0].status, told[0].order_no) == ("UNCONFIRMED", None)
    with pytest.raises(UpstreamRejected) as refused:
        await police.accept(access_of(other, "traffic_police"), made["violation_no"], _soon())
    assert refused.value.code == "NOT_OWNER"
    accepted = await police.accept(mine, made["violation_no"], _soon())
    assert await police.accept(mine, made["violation_no"], _soon()) == accepted
    order = await platform.get_order(accepted.order_no or "", _soon())
    assert (order.violation_no, order.status) == (made["violation_no"], "UNPAID")
    assert (order.late_fee_fen, order.total_fen) == (0, accepted.fine_fen)
    people = await city.call("GET", "/_control/people")
    child = next(person for person in people if not person.get("plate"))
    assert await police.list_violations(access_of(child, "traffic_police"), _soon()) == ()
    with pytest.raises(UpstreamRejected) as refused:
        await platform.get_order("none", _soon())
    assert refused.value.code == "NO_SUCH_ORDER"


async def test_a_ride_code_of_ours_opens_the_citys_gates_once(city: Sandbox) -> None:
    client, tokens, rider = FareClient(city.app, f"{city.base}/fare"), _tokens(), new_id().hex
    code = _ride_code(tokens, rider)

    async def scan(gate: str, text: str) -> Any:
        return await city.call("POST", f"/fare/gates/{gate}/scan", {"code": text})

    assert (await scan("m01-1", code))["reason"] == "UNKNOWN_KEY"
    for _ in range(2):
        await client.register_key(reader_key(tokens), _soon())
    assert (await scan("m01-1", code))["result"] == "OPEN"
    assert (await scan("m01-1", code))["reason"] == "REPLAYED"
    head, body, seal = _ride_code(tokens, rider).split(".")
    forged = ".".join((head, body, seal[::-1]))
    assert (await scan("m06-1", forged))["reason"] in ("BAD_SIGNATURE", "MALFORMED")
    long = issue_code(tokens, subject=rider, audience=GATES, life=timedelta(minutes=5)).text
    assert (await scan("m06-1", long))["reason"] == "EXPIRED"
    school = issue_code(tokens, subject=rider, audience="school", life=CODE_LIFE).text
    assert (await scan("m06-1", school))["reason"] == "MALFORMED"
    access: Any = access_of({"resident_id": ""}, "fare")
    (trip,) = await client.list_trips(access, rider, _soon())
    assert (trip.status, trip.mode, trip.to_en, trip.fare_fen) == ("OPEN", "METRO", None, None)
    assert (await scan("m06-1", _ride_code(tokens, rider)))["result"] == "OPEN"
    trip = await client.get_trip(trip.trip_no, _soon())
    assert (trip.status, trip.to_en, trip.fare_fen) == ("UNPAID", "Shahe 6", 300)
