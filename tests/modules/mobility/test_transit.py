"""Riding: a code that opens one gate once, trips under a pseudonym, unpaid fares."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import TypeAdapter

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all, transaction
from core.errors import Conflict, Forbidden, LoginRequired, NotFound, Unavailable
from core.people.data_rights import erase_person, export_person
from core.people.personal_read import grant_consent
from core.security.authentication import Tokens
from core.upstream.client import Response
from core.upstream.readings import ReadStatus
from core.upstream.records import Records
from modules.mobility.models import Trip
from modules.mobility.transit import domain, service
from modules.mobility.transit.service import TRIPS, ListedTrip, Trips
from modules.mobility.transit.upstream import list_trips
from payments.models import Intent
from tests.asgi import Client
from tests.modules.mobility.fakes import FakeFare
from tests.modules.mobility.paying import last_body, refused, sent, settle
from tests.payments.books import check_books
from tests.payments.world import World
from tests.people import new_key

MakePerson = Callable[..., Awaitable[Call]]
SECOND = timedelta(seconds=1)


@pytest.fixture
async def rider(person: MakePerson) -> Call:
    """Somebody verified who agrees that their trips are read."""
    call = await person()
    await grant_consent(call, TRIPS.id, TRIPS.text_version)
    return call


async def _ride(call: Call, fare: FakeFare) -> str:
    return fare.scan((await service.issue_ride_code(call)).text)


async def _trips(call: Call, *, only_unpaid: bool = False, first: int = 20) -> Trips:
    reading = await service.read_trips(call, first=first, only_unpaid=only_unpaid)
    assert reading.status is ReadStatus.LIVE and reading.value is not None
    return reading.value


async def _unpaid(call: Call, fare: FakeFare) -> ListedTrip:
    assert await _ride(call, fare) == "OPEN"
    return (await _trips(call)).items[0]


async def test_a_trip_that_cannot_be_read_leaves_the_others_and_no_sum(
    rider: Call, fare: FakeFare, client: Client
) -> None:
    query = "{ transitTrips(first: 5) { status unreadable unpaidTotal items { fare } } }"
    await _unpaid(rider, fare)
    fare.unreadable = 1
    shown = (await client.data(query, viewer=rider.viewer))["transitTrips"]
    assert shown == {
        "status": "LIVE", "unreadable": 1, "unpaidTotal": None, "items": [{"fare": 200}],
    }  # fmt: skip
    told = TypeAdapter(list[domain.Trip]).dump_python(fare.trips, mode="json")
    body = orjson.dumps({"trips": [*told, told[0] | {"fare_fen": None}]})
    read = list_trips.answers.read(Response("fare", "list_trips", 200, {}, body))
    assert read == Records(fare.trips, unreadable=1)
    twice = orjson.dumps({"trips": told * 2})
    read = list_trips.answers.read(Response("fare", "list_trips", 200, {}, twice))
    assert read == Records(fare.trips), "what is unpaid is not summed up twice"


async def test_a_code_opens_one_gate_once(rider: Call, fare: FakeFare) -> None:
    code = (await service.issue_ride_code(rider)).text
    assert [fare.scan(code) for _ in range(3)] == ["OPEN", "REPLAYED", "REPLAYED"]
    assert await _ride(rider, fare) == "OPEN"
    assert len(fare.trips) == 2


async def test_a_code_is_over_after_seconds(
    rider: Call, fare: FakeFare, clock: ManualClock
) -> None:
    first, second = [await service.issue_ride_code(rider) for _ in range(2)]
    assert first.expires_at - clock.now() == timedelta(seconds=45)
    clock.move(44 * SECOND)
    assert fare.scan(first.text) == "OPEN"
    clock.move(SECOND)
    assert fare.scan(second.text) == "EXPIRED"


async def test_a_changed_code_opens_nothing(rider: Call, fare: FakeFare) -> None:
    head, _, seal = (await service.issue_ride_code(rider)).text.split(".")
    _, others, _ = (await service.issue_ride_code(rider)).text.split(".")
    assert fare.scan(f"{head}.{others}.{seal}") == "BAD_SIGNATURE"
    unsigned = jwt.encode({"sub": "x"}, None, algorithm="none", headers={"kid": "k"})
    assert fare.scan(unsigned) == "UNKNOWN_KEY"
    assert fare.trips == []


async def test_a_code_is_no_token_and_a_token_no_code(
    app: App, rider: Call, fare: FakeFare
) -> None:
    code = (await service.issue_ride_code(rider)).text
    assert rider.viewer is not None
    assert fare.scan(app.tokens.issue(rider.viewer)) == "MALFORMED"
    with pytest.raises(LoginRequired):
        app.tokens.verify(code)


async def test_a_code_names_nobody_and_is_read_with_the_public_keys_alone(
    client: Client, rider: Call, person: MakePerson
) -> None:
    query = "{ rideCode { code expiresAt } }"
    told = [(await client.data(query, viewer=c.viewer))["rideCode"] for c in (rider, rider)]
    keys = (await client.request("GET", "/.well-known/jwks.json")).json["keys"]
    claims = [_claims(code["code"], keys) for code in told]
    other = _claims((await service.issue_ride_code(await person())).text, keys)
    assert claims[0]["sub"] == claims[1]["sub"] != other["sub"]
    assert claims[0]["jti"] != claims[1]["jti"]
    assert set(claims[0]) == {"sub", "jti", "iss", "aud", "iat", "nbf", "exp"}
    assert str(rider.subject_id) not in str(claims) and len(told[0]["code"]) < 500


def _claims(code: str, keys: list[dict[str, str]]) -> dict[str, str]:
    kid = jwt.get_unverified_header(code)["kid"]
    key = jwt.PyJWK(next(key for key in keys if key["kid"] == kid))
    options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    claims: dict[str, str] = jwt.decode(
        code, key, algorithms=["EdDSA"], audience="fare", options=options
    )
    return claims


async def test_only_the_verified_ride(client: Client, person: MakePerson, fare: FakeFare) -> None:
    low = await person(level=1)
    assert (await client.run("{ rideCode { code } }")).codes == ["LOGIN_REQUIRED"]
    answer = await client.run("{ rideCode { code } }", viewer=low.viewer)
    assert answer.codes == ["LEVEL_REQUIRED"]
    assert fare.keys == {}


async def test_gates_know_a_key_before_its_first_code(
    app: App, rider: Call, fare: FakeFare, clock: ManualClock
) -> None:
    fare.faults.always = "down"
    await refused(Unavailable, service.issue_ride_code(rider))
    fare.faults.always = "ok"
    assert await _ride(rider, fare) == "OPEN"
    fare.faults.always = "down"
    clock.move(timedelta(hours=1))
    assert await _ride(rider, fare) == "OPEN"  # gates that know the key need no clearing
    fare.faults.always = "ok"
    fare.keys.clear()
    clock.move(timedelta(minutes=1))
    assert await _ride(rider, fare) == "OPEN"
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    rotated = replace(app, tokens=Tokens([pem, *app.keys.token_signing], "test", clock))
    assert await _ride(replace(rider, app=rotated), fare) == "OPEN"
    assert len(fare.keys) == 2


async def test_trips_are_read_under_a_consent_and_traced(
    rider: Call, person: MakePerson, fare: FakeFare
) -> None:
    other = await person()
    doing = service.read_trips(other, first=20, only_unpaid=False)
    assert await refused(Forbidden, doing) == "CONSENT_REQUIRED"
    assert fare.asked == []
    assert await _ride(rider, fare) == "OPEN"
    trips = await _trips(rider)
    assert (trips.unpaid_fen, [t.trip.trip_no for t in trips.items]) == (200, ["TR000000"])
    (row,) = await fetch_all(connection(), "SELECT subject_id, upstream FROM core_access_log")
    assert (row["subject_id"], row["upstream"]) == (rider.subject_id, "fare")
    await grant_consent(other, TRIPS.id, TRIPS.text_version)
    assert (await _trips(other)).items == []


async def test_somebody_elses_trip_is_not_found(
    rider: Call, person: MakePerson, fare: FakeFare
) -> None:
    trip = await _unpaid(rider, fare)
    assert trip.id is not None
    stranger = await person()
    assert await refused(NotFound, service.pay(stranger, trip.id, new_key())) == "NOT_FOUND"
    assert await Intent.all().count() == 0


async def test_a_trip_is_paid_once(world: World, rider: Call, fare: FakeFare, app: App) -> None:
    trip = await _unpaid(rider, fare)
    assert trip.id is not None
    payment = await service.pay(rider, trip.id, new_key())
    assert (payment.amount, payment.title) == (200, "Bus ride 11-23 12:00")
    assert (await service.pay(rider, trip.id, new_key())).id == payment.id
    assert (await settle(world, payment)).state == "fulfilled"
    trips = await _trips(rider)
    assert (trips.unpaid_fen, trips.items[0].id) == (0, None)
    assert trips.items[0].payment is not None
    assert trips.items[0].payment.status == "SUCCEEDED"
    assert (await _trips(rider, only_unpaid=True)).items == []
    assert await sent() == ["mobility.trip-paid"]
    assert "Bus ride (11-23 12:00)" in await last_body(app)
    doing = service.pay(rider, trip.id, new_key())
    assert await refused(Conflict, doing) == "TRIP_PAID"
    assert await Intent.all().count() == 1
    await check_books(world)


async def test_a_trip_that_was_paid_elsewhere_asks_for_nothing(
    world: World, rider: Call, fare: FakeFare
) -> None:
    trip = await _unpaid(rider, fare)
    assert trip.id is not None
    fare.settle(trip.trip.trip_no, 200, world.clock.now())
    doing = service.pay(rider, trip.id, new_key())
    assert await refused(Conflict, doing) == "TRIP_PAID"
    assert await Intent.all().count() == 0


async def test_clearing_that_stays_silent_for_a_day_gives_the_fare_back(
    world: World, rider: Call, fare: FakeFare
) -> None:
    trip = await _unpaid(rider, fare)
    assert trip.id is not None
    payment = await service.pay(rider, trip.id, new_key())
    fare.faults.always = "down"
    await settle(world, payment)
    await world.queue.run_for(timedelta(hours=24))
    await world.call_back()
    await world.queue.run_for(timedelta(hours=2))
    intent = await world.intent(UUID(str(payment.id)))
    assert (intent.state, intent.refusal) == ("refunded", "NOT_POSTED")
    assert await sent() == ["mobility.trip-refused", "mobility.trip-refunded"]
    fare.faults.always = "ok"
    again = await service.pay(world.fresh(rider), trip.id, new_key())
    assert again.id != payment.id
    assert (await settle(world, again)).state == "fulfilled"
    await check_books(world)


async def test_a_lost_answer_does_not_pay_twice(world: World, rider: Call, fare: FakeFare) -> None:
    trip = await _unpaid(rider, fare)
    assert trip.id is not None
    payment = await service.pay(rider, trip.id, new_key())
    fare.faults.queued.append("lost")
    assert (await settle(world, payment)).state == "fulfilment_unknown"
    await world.queue.run_for(timedelta(minutes=6))
    assert (await world.intent(UUID(str(payment.id)))).state == "fulfilled"
    assert len(fare.receipts) == 1


async def test_the_newest_come_first_and_no_more_than_asked_for(
    rider: Call, fare: FakeFare, clock: ManualClock
) -> None:
    for _ in range(5):
        assert await _ride(rider, fare) == "OPEN"
        clock.move(timedelta(minutes=1))
    trips = await _trips(rider, first=2)
    assert [t.trip.trip_no for t in trips.items] == ["TR000004", "TR000003"]
    assert trips.unpaid_fen == 1000


async def test_paid_trips_are_not_kept_and_unpaid_ones_are_forgotten(
    app: App, rider: Call, fare: FakeFare, world: World
) -> None:
    trip = await _unpaid(rider, fare)
    fare.settle(trip.trip.trip_no, 200, world.clock.now())
    assert await _ride(rider, fare) == "OPEN"
    await Trip.all().delete()
    await _trips(rider)
    assert [row.trip_no for row in await Trip.all()] == ["TR000001"]
    (told,) = (await export_person(app, rider.subject_id))["mobility"].data["trips"]
    assert (told["trip_no"], told["status"]) == ("TR000001", "UNPAID")
    async with transaction() as tx:
        await erase_person(app, tx, rider.subject_id)
    assert await Trip.all().count() == 0
