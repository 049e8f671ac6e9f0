"""One contract for the payees of mobility: their clients against the sandbox, and the fakes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from core.clock import SystemClock
from core.deadline import Deadline
from core.id_documents import Document, DocumentKind
from core.ids import new_id
from core.people.directory import Person
from core.people.personal_read import Access
from core.security.authentication import Tokens
from core.standards.signed_code import issue_code, reader_key
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, UpstreamRejected
from kinds.payment import Payee, Receipt
from modules.mobility.fines import upstream as fines
from modules.mobility.parking import upstream as parking
from modules.mobility.transit import upstream as transit
from modules.mobility.transit.domain import CODE_LIFE, GATES
from tests.modules.mobility.fakes import FakeFare, FakeParking, FakePlatform, FakeTrafficPolice
from tests.payments.payees import captured
from tests.upstreams import Connected, in_place_of, over_http

SYSTEMS = (fines.POLICE, fines.PLATFORM, parking.OPERATOR, parking.VEHICLES, transit.CLEARING)

PLATE = "宁ZD00099"
NOW = SystemClock().now
PERMIT = Document(DocumentKind.TAIWAN_PERMIT, "27182818", date(1984, 5, 6))


@dataclass
class Due:
    """Something to pay: its number and what it costs."""

    no: str
    amount_fen: int


@dataclass
class Subject:
    """A payee under test, the hand that makes something due, and one that ends it for good."""

    app: Connected
    payee: Payee[Any]
    make: Callable[[], Awaitable[Due]]
    end: Callable[[Due], Awaitable[str]]
    """Returns the code with which payments are refused from then on."""


class Sandbox:
    """The city over HTTP: our operations, and its control plane."""

    def __init__(self, port: int, http: HttpClient, session: aiohttp.ClientSession) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.app = over_http(http, self.base, *SYSTEMS)
        self._session = session

    async def driver(self, number: int = 0) -> Any:
        """A demo person with a car."""
        people = await self.call("GET", "/_control/people")
        return [person for person in people if person.get("plate")][number]

    async def permit_driver(self) -> Any:
        """The holder of a permit, with a car."""
        told = {"kind": PERMIT.kind, "number": PERMIT.number, "name": "陳大文",
                "born_on": str(PERMIT.born_on)}  # fmt: skip
        url = f"{self.base}/_control/police/permits"
        async with self._session.put(url, json=told) as answer:
            assert answer.status == 204
        asked = {"document_type": "F", "document_no": PERMIT.number, "consent_ref": "c"}
        found = await self.call("POST", "/vehicles/query", asked)
        return {"resident_id": None, "document": PERMIT, "plate": found["vehicles"][0]["plate"]}

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """One request that must succeed."""
        async with self._session.request(method, f"{self.base}{path}", json=body) as answer:
            assert answer.status < 300, (path, await answer.text())
            return await answer.json()


def access_of(person: Any, upstream: str) -> Access:
    """What proves a read to a client, without the rows behind it."""
    number, document = person["resident_id"], person.get("document")
    known = Person(new_id(), "", "示例", number, 2, "zh", other_document=document)
    documents = next(system.documents for system in SYSTEMS if system.name == upstream)
    return Access(known, "test", new_id(), new_id(), upstream, documents)


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

    return Subject(in_place_of(parking.OPERATOR, fake), parking.STAYS, make, end)


def sandbox_parking(city: Sandbox) -> Subject:
    """The operator of the sandbox city."""

    async def make() -> Due:
        body = {"plate": PLATE, "minutes_ago": 100, "leaves_first": True}
        told = await city.call("POST", "/_control/parking/sessions", body)
        return Due(told["session_id"], told["amount_due_fen"])

    async def end(_due: Due) -> str:
        await make()  # the car drives out of where it was
        return "ALREADY_LEFT"

    return Subject(city.app, parking.STAYS, make, end)


def fake_fines() -> Subject:
    """The fake platform."""
    fake = FakePlatform(SystemClock())
    police = FakeTrafficPolice(fake)

    async def make() -> Due:
        access = access_of({"resident_id": "me"}, "traffic_police")
        accepted = await police.accept(access, police.catch("me"))
        return Due(accepted.order_no or "", accepted.fine_fen)

    async def end(due: Due) -> str:
        fake.find(due.no, "end").withdrawn = True
        return "ORDER_WITHDRAWN"

    return Subject(in_place_of(fines.PLATFORM, fake), fines.FINES, make, end)


def sandbox_fines(city: Sandbox) -> Subject:
    """The revenue platform of the sandbox city."""

    async def make() -> Due:
        me = await city.driver()
        made = await city.call(
            "POST", "/_control/traffic-police/violations", {"plate": me["plate"]}
        )
        access = access_of(me, "traffic_police")
        accepted = await fines.accept(city.app, _soon(), access, made["violation_no"])
        return Due(accepted.order_no or "", accepted.fine_fen)

    async def end(due: Due) -> str:
        await city.call("POST", f"/_control/fines/orders/{due.no}/withdraw")
        return "ORDER_WITHDRAWN"

    return Subject(city.app, fines.FINES, make, end)


def _tokens() -> Tokens:
    key = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    return Tokens([key], "quancheng:test", SystemClock())


def _ride_code(tokens: Tokens, rider: str) -> str:
    return issue_code(tokens, subject=rider, audience=GATES, life=CODE_LIFE).text


async def _somebody_else_pays(subject: Subject, due: Due) -> str:
    await _pay(subject, due, new_id())
    return "ALREADY_PAID"


def fake_fare() -> Subject:
    """The fake gates."""
    fake, tokens = FakeFare(SystemClock()), _tokens()
    app = in_place_of(transit.CLEARING, fake)

    async def make() -> Due:
        await fake.register_key(reader_key(tokens))
        assert fake.scan(_ride_code(tokens, new_id().hex)) == "OPEN"
        return Due(fake.trips[0].trip_no, fake.trips[0].fare_fen or 0)

    subject = Subject(app, transit.FARES, make, lambda due: _somebody_else_pays(subject, due))
    return subject


def sandbox_fare(city: Sandbox) -> Subject:
    """The gates of the sandbox city."""
    tokens = _tokens()

    async def make() -> Due:
        await transit.register_key(city.app, _soon(), reader_key(tokens))
        body = {"code": _ride_code(tokens, new_id().hex)}
        told = await city.call("POST", "/fare/gates/b07-1/scan", body)
        assert told["result"] == "OPEN", told
        return Due(told["trip"]["trip_no"], told["trip"]["fare_fen"])

    subject = Subject(city.app, transit.FARES, make, lambda due: _somebody_else_pays(subject, due))
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


async def _pay(subject: Subject, due: Due, ref: UUID, *, more_fen: int = 0) -> str:
    paid = captured(ref, due.amount_fen + more_fen, NOW())
    receipt = await subject.payee.pay(subject.app, _soon(), due.no, paid)
    return receipt.receipt_no


async def _find(subject: Subject, ref: UUID) -> Receipt | None:
    return await subject.payee.find_payment(subject.app, _soon(), ref.hex)


async def _refusal(subject: Subject, due: Due, ref: UUID, *, more_fen: int = 0) -> str:
    with pytest.raises(UpstreamRejected) as refused:
        await _pay(subject, due, ref, more_fen=more_fen)
    assert await _find(subject, ref) is None
    return refused.value.code


async def test_a_payment_is_booked_once_however_often(subject: Subject) -> None:
    due, ref = await subject.make(), new_id()
    assert await _find(subject, ref) is None
    receipt_no = await _pay(subject, due, ref)
    assert await _pay(subject, due, ref) == receipt_no
    found = await _find(subject, ref)
    assert found is not None and found.receipt_no == receipt_no


async def test_refusals_are_known_and_book_nothing(subject: Subject) -> None:
    due = await subject.make()
    assert await _refusal(subject, due, new_id(), more_fen=1) == "AMOUNT_MISMATCH"
    missing = await _refusal(subject, Due("none", 100), new_id())
    assert missing.startswith("NO_SUCH_") and missing in subject.payee.final
    ended = await subject.end(due)
    assert await _refusal(subject, due, new_id()) == ended
    assert ended in subject.payee.final


async def test_a_reference_is_for_one_thing(subject: Subject) -> None:
    first, ref = await subject.make(), new_id()
    await _pay(subject, first, ref)
    second = await subject.make()
    with pytest.raises(UpstreamRejected) as refused:
        await _pay(subject, second, ref)
    assert refused.value.code == "PAYMENT_REF_REUSED"


@pytest.mark.parametrize("subject", ["fake parking", "sandbox parking"], indirect=True)
async def test_a_stay_tells_what_is_due_and_the_way_out(subject: Subject) -> None:
    app, due = subject.app, await subject.make()
    (session,) = (await parking.list_sessions(app, _soon(), PLATE)).items
    assert (session.session_id, session.amount_due_fen) == (due.no, due.amount_fen)
    assert session.quote_holds_until - session.quoted_at == timedelta(minutes=20)
    assert (session.paid_fen, session.exit_by) == (0, None)
    ref = new_id()
    paid = captured(ref, due.amount_fen, NOW())
    receipt = await parking.STAYS.pay(app, _soon(), due.no, paid)
    assert receipt.exit_by is not None
    assert timedelta(minutes=14) < receipt.exit_by - NOW() < timedelta(minutes=16)
    assert await _find(subject, ref) == receipt
    session = await parking.get_session(app, _soon(), due.no)
    assert (session.amount_due_fen, session.paid_fen) == (0, due.amount_fen)
    assert session.exit_by == receipt.exit_by
    assert not (await parking.list_sessions(app, _soon(), "宁ZD99999")).items


async def test_the_registry_knows_whose_car_it_is(city: Sandbox) -> None:
    me, other = await city.driver(), await city.driver(1)
    access = access_of(me, "vehicles")
    assert await parking.verify_owner(city.app, _soon(), access, me["plate"])
    assert not await parking.verify_owner(city.app, _soon(), access, other["plate"])
    assert not await parking.verify_owner(city.app, _soon(), access, "宁ZD99999")


@pytest.mark.parametrize("with_permit", [False, True])
async def test_the_police_tell_the_owner_alone(city: Sandbox, *, with_permit: bool) -> None:
    me, other = await city.driver(), await city.driver(1)
    if with_permit:
        me = await city.permit_driver()
    mine = access_of(me, "traffic_police")
    made = await city.call("POST", "/_control/traffic-police/violations", {"plate": me["plate"]})
    told = await fines.list_violations(city.app, _soon(), mine)
    assert told is not None
    assert told.items[0].violation_no == made["violation_no"]
    assert (told.items[0].status, told.items[0].order_no) == ("UNCONFIRMED", None)
    with pytest.raises(UpstreamRejected) as refused:
        await fines.accept(
            city.app, _soon(), access_of(other, "traffic_police"), made["violation_no"]
        )
    assert refused.value.code == "NOT_OWNER"
    accepted = await fines.accept(city.app, _soon(), mine, made["violation_no"])
    assert await fines.accept(city.app, _soon(), mine, made["violation_no"]) == accepted
    order = await fines.get_order(city.app, _soon(), accepted.order_no or "")
    assert (order.violation_no, order.status) == (made["violation_no"], "UNPAID")
    assert (order.late_fee_fen, order.total_fen) == (0, accepted.fine_fen)
    people = await city.call("GET", "/_control/people")
    child = next(person for person in people if not person.get("plate"))
    childs = access_of(child, "traffic_police")
    assert await fines.list_violations(city.app, _soon(), childs) is None
    with pytest.raises(UpstreamRejected) as refused:
        await fines.get_order(city.app, _soon(), "none")
    assert refused.value.code == "NO_SUCH_ORDER"


async def test_a_car_is_its_owners_by_whatever_document(city: Sandbox) -> None:
    me, other = await city.permit_driver(), await city.driver()
    for whose, plate, owns in (
        (me, me["plate"], True), (me, other["plate"], False),
        (other, me["plate"], False), (other, other["plate"], True),
    ):  # fmt: skip
        access = access_of(whose, "vehicles")
        assert await parking.verify_owner(city.app, _soon(), access, plate) is owns


async def test_a_ride_code_of_ours_opens_the_citys_gates_once(city: Sandbox) -> None:
    tokens, rider = _tokens(), new_id().hex
    code = _ride_code(tokens, rider)

    async def scan(gate: str, text: str) -> Any:
        return await city.call("POST", f"/fare/gates/{gate}/scan", {"code": text})

    assert (await scan("m01-1", code))["reason"] == "UNKNOWN_KEY"
    for _ in range(2):
        await transit.register_key(city.app, _soon(), reader_key(tokens))
    assert (await scan("m01-1", code))["result"] == "OPEN"
    assert (await scan("m01-1", code))["reason"] == "REPLAYED"
    head, body, seal = _ride_code(tokens, rider).split(".")
    forged = ".".join((head, body, seal[::-1]))
    assert (await scan("m06-1", forged))["reason"] in ("BAD_SIGNATURE", "MALFORMED")
    long = issue_code(tokens, subject=rider, audience=GATES, life=timedelta(minutes=5)).text
    assert (await scan("m06-1", long))["reason"] == "EXPIRED"
    school = issue_code(tokens, subject=rider, audience="school", life=CODE_LIFE).text
    assert (await scan("m06-1", school))["reason"] == "MALFORMED"
    access = access_of({"resident_id": ""}, "fare")
    (trip,) = (await transit.list_trips(city.app, _soon(), access, rider)).items
    assert (trip.status, trip.mode, trip.to_en, trip.fare_fen) == ("OPEN", "METRO", None, None)
    assert (await scan("m06-1", _ride_code(tokens, rider)))["result"] == "OPEN"
    trip = await transit.get_trip(city.app, _soon(), trip.trip_no)
    assert (trip.status, trip.to_en, trip.fare_fen) == ("UNPAID", "Shahe 6", 300)
