"""Parking: whose plate, what is due, what was quoted, and out by when."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import IntegrityError, connection, fetch_all, transaction
from core.errors import Conflict, Forbidden, InvalidInput, NotFound, RateLimited, Unavailable
from core.ids import new_id
from core.people.data_rights import erase_person, export_person
from core.people.directory import get_person
from core.people.personal_read import grant_consent
from core.upstream.readings import ReadStatus
from modules.mobility import jobs
from modules.mobility.models import ParkingCharge, Plate
from modules.mobility.parking import service
from modules.mobility.parking.service import Stay
from modules.mobility.parking.store import PLATES
from payments.api import PaymentMethod, Wish
from payments.models import Intent
from tests.asgi import Client
from tests.modules.mobility.fakes import FakeParking, FakeVehicles
from tests.modules.mobility.paying import last_body, refused, sent, settle
from tests.payments.books import check_books
from tests.payments.fake_alipay import FakeAlipay
from tests.payments.world import World
from tests.people import new_key

PLATE = "鲁AD00099"
MakePerson = Callable[..., Awaitable[Call]]
MINUTE = timedelta(minutes=1)


async def _link(call: Call, plate: str = PLATE) -> UUID:
    return (await service.link_plate(call, plate, new_key())).id


async def _stay(call: Call, plate_id: UUID) -> Stay:
    _, reading = await service.read_stays(call, plate_id)
    assert reading.value is not None
    (stay,) = reading.records.items
    return stay


async def _charge(call: Call, plate_id: UUID) -> UUID:
    charge_id = (await _stay(call, plate_id)).charge_id
    assert charge_id is not None
    return charge_id


async def test_a_stay_that_is_told_twice_is_one_charge(
    person: MakePerson, parking: FakeParking
) -> None:
    call = await person(level=1)
    plate_id = await _link(call)
    parking.enter(PLATE, 60)
    parking.times = 2
    _, reading = await service.read_stays(call, plate_id)
    assert len({stay.charge_id for stay in reading.records.items}) == 1
    assert await ParkingCharge.all().count() == 1


async def test_linking_is_one_link_however_it_is_written(person: MakePerson) -> None:
    call = await person(level=1)
    ids = await asyncio.gather(
        *(service.link_plate(call, text, new_key()) for text in (PLATE, "鲁A·D00099", "鲁ad00099"))
    )
    assert len({plate.id for plate in ids}) == 1
    assert await Plate.all().count() == 1
    (row,) = await fetch_all(connection(), "SELECT plate_sealed FROM mobility_plate")
    assert PLATE.encode() not in bytes(row["plate_sealed"])


async def test_plates_have_bounds(person: MakePerson) -> None:
    call = await person(level=1)
    assert await refused(InvalidInput, service.link_plate(call, "x", new_key())) == "PLATE_INVALID"
    for n in range(PLATES.most):
        await _link(call, f"鲁A1000{n}")
    doing = service.link_plate(call, "鲁A20000", new_key())
    assert await refused(Conflict, doing) == "TOO_MANY_PLATES"
    assert await Plate.all().count() == PLATES.most


async def test_who_tries_out_plates_is_stopped_and_the_linked_are_free(person: MakePerson) -> None:
    call = await person(level=1)
    for n in range(service.NEW_PLATES_PER_DAY):
        await service.unlink_plate(call, await _link(call, f"鲁A1000{n}"), new_key())
    doing = service.link_plate(call, PLATE, new_key())
    assert await refused(RateLimited, doing) == "TOO_MANY_NEW_PLATES"
    assert await Plate.all().count() == 0
    other = await person(level=1)
    for _ in range(service.NEW_PLATES_PER_DAY + 1):
        await _link(other)


async def test_only_the_registry_makes_a_car_ones_own(
    app: App, person: MakePerson, vehicles: FakeVehicles
) -> None:
    call, other = await person(), await person()
    plate_id, others = await _link(call), await _link(other)
    doing = service.verify_plate(call, plate_id, new_key())
    assert await refused(Forbidden, doing) == "CONSENT_REQUIRED"
    assert vehicles.asked == []
    for who in (call, other):
        await grant_consent(who, service.VEHICLE.id, service.VEHICLE.text_version)
    own = await get_person(app, call.subject_id)
    vehicles.owners[PLATE] = own.resident_id or ""
    assert (await service.verify_plate(call, plate_id, new_key())).verified_at is not None
    doing = service.verify_plate(other, others, new_key())
    assert await refused(Conflict, doing) == "PLATE_NOT_YOURS"
    doing = service.verify_plate(other, plate_id, new_key())
    assert await refused(NotFound, doing) == "NOT_FOUND"
    assert (await Plate.get(id=others)).verified_at is None
    rows = await fetch_all(connection(), "SELECT subject_id, upstream FROM core_access_log")
    assert [(r["subject_id"], r["upstream"]) for r in rows] == [
        (call.subject_id, "vehicles"),
        (other.subject_id, "vehicles"),
    ]


async def test_a_silent_registry_confirms_nothing(
    person: MakePerson, vehicles: FakeVehicles
) -> None:
    call = await person()
    await grant_consent(call, service.VEHICLE.id, service.VEHICLE.text_version)
    plate_id, vehicles.is_silent = await _link(call), True
    await refused(Unavailable, service.verify_plate(call, plate_id, new_key()))
    assert (await Plate.get(id=plate_id)).verified_at is None


async def test_where_a_car_stands_is_told_to_its_owner_alone(
    client: Client, person: MakePerson, parking: FakeParking
) -> None:
    call = await person()
    plate_id = await _link(call)
    parking.enter(PLATE, 40)
    query = """query($p: ID!) { parkingSessions(plateId: $p) { status plate { plate isOwn }
        items { place { name } amountDue exitBy payment { id } } } }"""
    answer = await client.data(query, {"p": str(plate_id)}, viewer=call.viewer)
    assert answer["parkingSessions"] == {
        "status": "LIVE",
        "plate": {"plate": PLATE, "isOwn": False},
        "items": [{"place": None, "amountDue": 400, "exitBy": None, "payment": None}],
    }
    await Plate.filter(id=plate_id).update(verified_at=call.app.clock.now())
    answer = await client.data(query, {"p": str(plate_id)}, viewer=call.viewer)
    assert answer["parkingSessions"]["items"][0]["place"] == {"name": "Sample Plaza"}


async def test_a_stay_of_a_plate_that_is_not_linked_is_not_found(
    person: MakePerson, parking: FakeParking
) -> None:
    call, stranger = await person(level=1), await person(level=1)
    plate_id = await _link(call)
    parking.enter(PLATE, 40)
    charge_id = await _charge(call, plate_id)
    await refused(NotFound, service.read_stays(stranger, plate_id))
    await refused(NotFound, service.pay(stranger, charge_id, new_key()))
    await refused(NotFound, service.unlink_plate(stranger, plate_id, new_key()))
    await service.unlink_plate(call, plate_id, new_key())
    await refused(NotFound, service.pay(call, charge_id, new_key()))
    assert await Intent.all().count() == 0


async def test_paid_and_out_by_when(
    world: World, person: MakePerson, parking: FakeParking, clock: ManualClock
) -> None:
    call = await person(level=1)
    plate_id = await _link(call)
    session_no = parking.enter(PLATE, 40)
    payment = await service.pay(call, await _charge(call, plate_id), new_key())
    assert (payment.amount, payment.title) == (400, "Parking since 11-23 11:20")
    clock.move(2 * MINUTE)
    intent = await settle(world, payment)
    assert (intent.state, intent.fulfilment_ref) == ("fulfilled", "RC000000")
    stay = await _stay(call, plate_id)
    assert (stay.charge_id, stay.session.paid_fen) == (None, 400)
    assert stay.session.exit_by == clock.now() + 15 * MINUTE
    assert stay.payment is not None and stay.payment.status == "SUCCEEDED"
    assert parking.paid_fen(session_no) == 400
    assert await sent() == ["mobility.parking-paid"]
    body = await last_body(call.app)
    assert "12:17" in body and "4.00" in body
    await world.queue.run_for(timedelta(hours=26))
    await check_books(world)


async def test_what_was_quoted_is_paid_although_more_is_due(
    world: World, person: MakePerson, parking: FakeParking, clock: ManualClock
) -> None:
    call = await person(level=1)
    plate_id = await _link(call)
    session_no = parking.enter(PLATE, 50)
    charge_id = await _charge(call, plate_id)
    first = await service.pay(call, charge_id, new_key())
    clock.move(14 * MINUTE)
    assert parking.due_fen(session_no, clock.now()) == 600
    again = await service.pay(call, charge_id, new_key())
    assert (again.id, again.amount) == (first.id, 400)
    intent = await settle(world, first)
    assert intent.state == "fulfilled"
    stay = await _stay(call, plate_id)
    assert (stay.charge_id, stay.session.exit_by) == (None, clock.now() + 15 * MINUTE)


async def test_the_payer_changes_the_cashier_and_keeps_the_price(
    world: World,
    person: MakePerson,
    parking: FakeParking,
    clock: ManualClock,
    alipay: FakeAlipay,
) -> None:
    call = await person(level=1)
    plate_id = await _link(call)
    parking.enter(PLATE, 50)
    charge_id = await _charge(call, plate_id)
    first = await service.pay(call, charge_id, new_key(), Wish(PaymentMethod.WECHAT_PAY))
    clock.move(12 * MINUTE)
    second = await service.pay(call, charge_id, new_key(), Wish(PaymentMethod.ALIPAY))
    assert (second.id, second.amount, second.method) == (first.id, 400, PaymentMethod.ALIPAY)
    intent_id = UUID(str(second.id))
    assert not world.psp.pay(intent_id) and alipay.pay(intent_id)
    alipay.callbacks.clear()
    await world.queue.run_for(MINUTE)
    intent = await world.intent(intent_id)
    assert (intent.state, intent.psp, intent.captured_fen) == ("fulfilled", "alipay", 400)


async def test_after_the_cashier_has_closed_the_new_price_holds(
    world: World, person: MakePerson, parking: FakeParking, clock: ManualClock
) -> None:
    call = await person(level=1)
    plate_id = await _link(call)
    parking.enter(PLATE, 50)
    charge_id = await _charge(call, plate_id)
    first = await service.pay(call, charge_id, new_key())
    await world.queue.run_for(16 * MINUTE)
    assert (await world.intent(UUID(str(first.id)))).state == "expired"
    second = await service.pay(call, charge_id, new_key())
    assert second.id != first.id and second.amount == 600


async def test_staying_on_owes_a_new_charge(
    world: World, person: MakePerson, parking: FakeParking, clock: ManualClock
) -> None:
    call = await person(level=1)
    plate_id = await _link(call)
    session_no = parking.enter(PLATE, 40)
    first_charge = await _charge(call, plate_id)
    first = await service.pay(call, first_charge, "the-first-key")
    await settle(world, first)
    doing = service.pay(call, first_charge, new_key())
    assert await refused(Conflict, doing) == "STAY_MOVED_ON"
    assert (await service.pay(call, first_charge, "the-first-key")).id == first.id
    clock.move(30 * MINUTE)
    second_charge = await _charge(call, plate_id)
    assert second_charge != first_charge
    second = await service.pay(world.fresh(call), second_charge, new_key())
    assert second.amount == 200
    assert (await settle(world, second)).state == "fulfilled"
    assert parking.paid_fen(session_no) == 600
    stay = await _stay(call, plate_id)
    assert stay.payment is not None and stay.payment.id == second.id


async def test_nothing_is_asked_for_when_nothing_is_due(
    person: MakePerson, parking: FakeParking, clock: ManualClock
) -> None:
    call = await person(level=1)
    plate_id = await _link(call)
    parking.enter(PLATE, 5)
    assert (await _stay(call, plate_id)).charge_id is None
    (charge,) = await ParkingCharge.all()
    assert await refused(Conflict, service.pay(call, charge.id, new_key())) == "NOTHING_DUE"
    assert await Intent.all().count() == 0


async def test_a_silent_operator_leaves_the_quote_for_five_minutes(
    person: MakePerson, parking: FakeParking, clock: ManualClock
) -> None:
    call = await person(level=1)
    plate_id = await _link(call)
    parking.enter(PLATE, 40)
    charge_id = await _charge(call, plate_id)
    parking.faults.always = "down"
    clock.move(4 * MINUTE)
    _, reading = await service.read_stays(call, plate_id)
    assert (reading.status, reading.reason) == (ReadStatus.STALE, "UNAVAILABLE")
    clock.move(2 * MINUTE)
    _, reading = await service.read_stays(call, plate_id)
    assert (reading.status, reading.value) == (ReadStatus.UNAVAILABLE, None)
    await refused(Unavailable, service.pay(call, charge_id, new_key()))
    assert await Intent.all().count() == 0
    clock.move(-2 * MINUTE)
    assert (await service.pay(call, charge_id, new_key())).amount == 400


async def test_two_people_pay_one_stay_once(
    world: World, person: MakePerson, parking: FakeParking
) -> None:
    calls = [await person(level=1) for _ in range(6)]
    plate_ids = [await _link(call) for call in calls]
    parking.enter(PLATE, 40)
    charge_id = await _charge(calls[0], plate_ids[0])
    outcomes = await asyncio.gather(
        *(service.pay(call, charge_id, new_key()) for call in calls), return_exceptions=True
    )
    refused = [o for o in outcomes if isinstance(o, Conflict)]
    assert len(refused) == 5 and {o.code for o in refused} == {"PAYMENT_OPEN"}
    assert await Intent.all().count() == 1


async def test_a_lost_answer_is_asked_for_and_paid_once(
    world: World, person: MakePerson, parking: FakeParking
) -> None:
    call = await person(level=1)
    plate_id = await _link(call)
    session_no = parking.enter(PLATE, 40)
    payment = await service.pay(call, await _charge(call, plate_id), new_key())
    parking.faults.queued.append("lost")
    assert (await settle(world, payment)).state == "fulfilment_unknown"
    await world.queue.run_for(MINUTE)
    assert (await world.intent(UUID(str(payment.id)))).state == "fulfilled"
    assert parking.paid_fen(session_no) == 400
    assert (await ParkingCharge.get()).exit_by is not None


async def test_a_car_that_has_left_gets_its_money_back(
    world: World, person: MakePerson, parking: FakeParking, clock: ManualClock
) -> None:
    call = await person(level=1)
    plate_id = await _link(call)
    session_no = parking.enter(PLATE, 40)
    payment = await service.pay(call, await _charge(call, plate_id), new_key())
    parking.stays[session_no].exited_at = clock.now()
    await settle(world, payment)
    await world.call_back()
    await world.queue.run_for(timedelta(hours=26))
    intent = await world.intent(UUID(str(payment.id)))
    assert (intent.state, intent.refusal) == ("refunded", "ALREADY_LEFT")
    assert parking.receipts == {}
    assert await sent() == ["mobility.parking-refused", "mobility.parking-refunded"]
    await check_books(world)


async def test_what_nobody_paid_or_looked_at_is_forgotten(
    app: App, world: World, person: MakePerson, parking: FakeParking, clock: ManualClock
) -> None:
    call = await person(level=1)
    plate_id = await _link(call)
    parking.enter(PLATE, 40)
    paid_charge = await _charge(call, plate_id)
    await settle(world, await service.pay(call, paid_charge, new_key()))
    clock.move(timedelta(hours=1))
    await _charge(call, plate_id)
    clock.move(jobs.KEPT)
    await jobs.forget(app)
    assert await ParkingCharge.all().count() == 2
    clock.move(MINUTE)
    for _ in range(2):
        await jobs.forget(app)
    assert [charge.id for charge in await ParkingCharge.all()] == [paid_charge]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE mobility_parking_charge SET amount_fen = -1",
        "UPDATE mobility_parking_charge SET paid_before_fen = -1",
        "UPDATE mobility_fine SET status = 'LOST'",
        "UPDATE mobility_fine SET total_fen = -1",
        "UPDATE mobility_trip SET fare_fen = 0",
        "UPDATE mobility_trip SET status = 'OPEN'",
    ],
)
async def test_the_database_refuses_what_must_not_be(app: App, change: str) -> None:
    db, now, one = connection(), app.clock.now(), new_id()
    rows = (
        "mobility_parking_charge (id, session_ref, paid_before_fen, plate_index, entered_at, "
        "amount_fen, quote_holds_until, seen_at) VALUES ($1, 's', 0, 'x', $2, 1, $2, $2)",
        "mobility_fine (id, citizen_id, violation_no, offence_zh, offence_en, status, seen_at) "
        "VALUES ($1, $1, 'v', '', '', 'UNPAID', $2)",
        "mobility_trip (id, citizen_id, trip_no, mode, entered_at, fare_fen, status, seen_at) "
        "VALUES ($1, $1, 't', 'BUS', $2, 200, 'UNPAID', $2)",
    )
    for row in rows:
        await db.execute_query(f"INSERT INTO {row}", [one, now])
    with pytest.raises(IntegrityError):
        await db.execute_query(change)


async def test_plates_are_handed_out_and_forgotten(app: App, person: MakePerson) -> None:
    call = await person(level=1)
    await _link(call)
    (told,) = (await export_person(app, call.subject_id))["mobility"].data["plates"]
    assert (told["plate"], told["verified_at"]) == (PLATE, None)
    async with transaction() as tx:
        await erase_person(app, tx, call.subject_id)
    assert await Plate.all().count() == 0
