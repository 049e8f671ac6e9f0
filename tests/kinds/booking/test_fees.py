"""Fees: a hold is paid and becomes an appointment, or it frees itself and the money goes back."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import IntegrityError, connection, fetch_all
from core.ids import new_id
from kinds.booking import comparison, fees, numbers, service, visits
from kinds.booking.domain import State
from kinds.booking.numbers import NumberRequest, NumberTaken
from kinds.booking.sources import ExternalBooking, ExternalSlot
from kinds.booking.store import BookingRow
from modules.health.hospitals import browsing
from modules.health.hospitals.servers import HOSPITALS
from modules.health.registration.numbers import PATIENT, REGISTRATION
from modules.health.visits.numbers import VISIT, VISITOR
from payments.domain import STATUS, PaymentStatus
from tests.kinds.booking.engine import MakeCall, count, offer, people, refusal, used
from tests.kinds.booking.people import consent, fresh
from tests.kinds.booking.till import Till, told
from tests.modules.health.hospitals.fake_hospitals import PAID_DOCTOR, ULTRASOUND, FakeHospitals

VENUE, COURT = "venue-booking", "court"
PAY_TIME = timedelta(minutes=15)
A_DAY = timedelta(hours=26)


async def court(app: App, call: MakeCall, number: int = 1) -> tuple[Call, UUID, BookingRow]:
    """Somebody who holds the one seat of a court."""
    (slot,) = await offer(app, timedelta(days=2), service_id=VENUE)
    (viewer,) = await people(app, call, 1, first=number)
    held = await service.hold(viewer, slot, item_id=COURT, key=str(new_id()))
    assert (held.state, held.fee_fen, held.awaits_payment) == (State.HELD, 3000, True)
    return viewer, slot, held


async def patient(app: App, call: MakeCall, number: int = 1) -> Call:
    """Somebody who has agreed to both services."""
    (viewer,) = await people(app, call, 1, first=number)
    await consent(viewer, PATIENT)
    await consent(viewer, VISITOR)
    return viewer


async def paid_slots(call: Call, skip_days: int = 3) -> Sequence[ExternalSlot]:
    reading = await browsing.read_slots(
        call, "h1", PAID_DOCTOR.schedule_ref, skip_days=skip_days, days=3
    )
    assert reading.value
    return reading.value


async def hold_number(call: Call, slot: ExternalSlot) -> BookingRow:
    return await numbers.book_number(
        call, REGISTRATION, NumberRequest("h1", slot.ref), str(new_id())
    )


async def status(till: Till, intent_id: UUID) -> PaymentStatus:
    return STATUS[(await till.intent(intent_id)).state]


async def test_paying_is_what_confirms(app: App, call: MakeCall, till: Till) -> None:
    viewer, slot, held = await court(app, call)
    assert await refusal(service.confirm(viewer, held.id, "confirm-1")) == "PAYMENT_REQUIRED"
    intent_id = await till.start(viewer, held.id, "pay-00001")
    assert await till.start(viewer, held.id, "pay-00001") == intent_id
    assert (await till.intent(intent_id)).amount_fen == 3000
    assert await till.pay(intent_id)
    await till.queue.run_due()
    booked = await service.get_booking(viewer, held.id)
    assert (booked.state, booked.payment_id) == (State.CONFIRMED, intent_id)
    assert await status(till, intent_id) is PaymentStatus.SUCCEEDED
    assert await told() == ["appointments.confirmed"]
    assert await refusal(till.start(viewer, held.id)) == "FEE_PAID"
    await till.queue.run_for(A_DAY)
    assert (await used(slot), await told()) == (1, ["appointments.confirmed"])
    await till.check_books()


async def test_an_unpaid_hold_frees_itself_and_a_late_payment_goes_back(
    app: App, call: MakeCall, till: Till
) -> None:
    viewer, slot, held = await court(app, call)
    intent_id = await till.start(viewer, held.id)
    await till.queue.run_for(PAY_TIME + timedelta(seconds=5))
    assert (await service.get_booking(viewer, held.id)).state is State.EXPIRED
    assert await used(slot) == 0
    assert await refusal(till.start(viewer, held.id)) == "HOLD_EXPIRED"
    till.psp.force_paid(intent_id)
    await till.call_back()
    await till.queue.run_for(A_DAY)
    assert await status(till, intent_id) is PaymentStatus.REFUNDED
    assert (await service.get_booking(viewer, held.id)).state is State.EXPIRED
    assert await told() == ["appointments.expired", "appointments.refunded"]
    await till.check_books()


async def test_a_hold_that_was_given_back_while_the_cashier_was_open(
    app: App, call: MakeCall, till: Till
) -> None:
    viewer, slot, held = await court(app, call)
    intent_id = await till.start(viewer, held.id)
    await service.cancel(viewer, held.id, "cancel-01")
    (other,) = await people(app, call, 1, first=2)
    await service.hold(other, slot, item_id="entry", key="hold-0001")
    assert await till.pay(intent_id)
    await till.queue.run_for(timedelta(hours=1))
    assert (await service.get_booking(viewer, held.id)).state is State.CANCELLED
    assert await status(till, intent_id) is PaymentStatus.REFUNDED
    await till.check_books()


async def test_a_hold_is_given_back_at_any_time_and_an_appointment_before_its_deadline(
    app: App, call: MakeCall, till: Till
) -> None:
    soon, later = await offer(
        app, timedelta(hours=1), timedelta(hours=1, minutes=40), service_id=VENUE
    )
    (viewer,) = await people(app, call, 1)
    held = await service.hold(viewer, soon, item_id=COURT, key="hold-0001")
    assert (await service.cancel(viewer, held.id, "cancel-01")).state is State.CANCELLED
    held = await service.hold(viewer, later, item_id=COURT, key="hold-0002")
    intent_id = await till.pay_for(viewer, held.id)
    assert await refusal(service.cancel(viewer, held.id, "cancel-02")) == "CANCEL_TOO_LATE"
    await till.queue.run_for(timedelta(minutes=5))
    assert await status(till, intent_id) is PaymentStatus.SUCCEEDED
    await till.check_books()


async def test_a_cancelled_appointment_is_paid_back_once(
    app: App, call: MakeCall, till: Till
) -> None:
    viewer, _, held = await court(app, call)
    intent_id = await till.pay_for(viewer, held.id)
    for _ in range(2):
        await service.cancel(viewer, held.id, "cancel-01")
    await till.queue.run_for(timedelta(hours=1))
    intent = await till.intent(intent_id)
    assert (STATUS[intent.state], intent.refunded_fen) == (PaymentStatus.REFUNDED, 3000)
    assert (await told()).count("appointments.refunded") == 1
    await till.check_books()


async def test_a_moved_appointment_stays_paid(app: App, call: MakeCall, till: Till) -> None:
    day = timedelta(days=2)
    first, second = await offer(app, day, day + timedelta(hours=1), service_id=VENUE)
    (viewer,) = await people(app, call, 1)
    held = await service.hold(viewer, first, item_id=COURT, key="hold-0001")
    intent_id = await till.pay_for(viewer, held.id)
    moved = await service.reschedule(viewer, held.id, second, "move-0001")
    assert (moved.state, moved.payment_id) == (State.CONFIRMED, intent_id)
    await till.queue.run_for(timedelta(minutes=5))
    assert await status(till, intent_id) is PaymentStatus.SUCCEEDED
    await service.cancel(viewer, moved.id, "cancel-01")
    await till.queue.run_for(timedelta(hours=1))
    assert await status(till, intent_id) is PaymentStatus.REFUNDED
    await till.check_books()


async def test_who_may_pay_what(app: App, call: MakeCall, till: Till, clock: ManualClock) -> None:
    viewer, slot, held = await court(app, call)
    (other,) = await people(app, call, 1, first=2)
    assert await refusal(till.start(other, held.id)) == "NOT_FOUND"
    assert await refusal(till.start(viewer, new_id())) == "NOT_FOUND"
    await service.cancel(viewer, held.id, "cancel-01")
    free = await service.hold(viewer, slot, item_id="entry", key="hold-0002")
    assert await refusal(till.start(viewer, free.id)) == "NOTHING_TO_PAY"
    clock.move(timedelta(minutes=15))
    assert await refusal(fees.pay(viewer, held.id, "pay-00001")) == "FRESH_AUTH_REQUIRED"
    assert await count("payments_intent") == 0


async def test_the_database_confirms_nothing_unpaid(app: App, call: MakeCall) -> None:
    _, _, held = await court(app, call)
    with pytest.raises(IntegrityError):
        await connection().execute_query(
            "UPDATE appointments_booking SET state = 'confirmed' WHERE id = $1", [held.id]
        )


async def test_a_hospital_hears_of_a_number_when_it_is_paid(
    app: App, call: MakeCall, till: Till, hospitals: FakeHospitals
) -> None:
    viewer, rival = await patient(app, call, 1), await patient(app, call, 2)
    slot, *_ = await paid_slots(viewer)
    held = await hold_number(viewer, slot)
    assert (held.state, held.fee_fen, held.awaits_payment) == (State.HELD, 5000, True)
    assert hospitals.live() == set() and "book" not in hospitals.calls
    assert slot.ref not in [s.ref for s in await paid_slots(rival)], "nobody else is offered it"
    with pytest.raises(NumberTaken) as taken:
        await hold_number(rival, slot)
    assert len(taken.value.alternatives) >= 3
    assert slot.ref not in [other.ref for other in taken.value.alternatives]
    intent_id = await till.pay_for(viewer, held.id)
    booked = await service.get_booking(viewer, held.id)
    assert (booked.state, hospitals.live()) == (State.CONFIRMED, {held.id})
    intent = await till.intent(intent_id)
    assert (STATUS[intent.state], intent.fulfilment_ref) == (
        PaymentStatus.SUCCEEDED, booked.upstream_ref,
    )  # fmt: skip
    assert intent.payee == "hospital-h1"
    await till.queue.run_for(timedelta(hours=1))
    assert await told() == ["appointments.confirmed"]
    await till.check_books()


async def test_an_unpaid_number_frees_itself_even_without_its_job(
    app: App, call: MakeCall, clock: ManualClock, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    slot, *_ = await paid_slots(viewer)
    held = await hold_number(viewer, slot)
    await connection().execute_query("DELETE FROM pgqueuer")
    clock.move(PAY_TIME + timedelta(seconds=1))
    await visits.sweep(app)
    assert (await service.get_booking(viewer, held.id)).state is State.EXPIRED
    assert (hospitals.live(), hospitals.calls.count("book")) == (set(), 0)
    assert slot.ref in [s.ref for s in await paid_slots(fresh(viewer))]


@pytest.mark.parametrize("fault", ["taken", "off", "lost", "late"])
async def test_a_paid_number_and_a_hospital_in_trouble(
    app: App, call: MakeCall, till: Till, hospitals: FakeHospitals, fault: str
) -> None:
    viewer = await patient(app, call)
    slot, *_ = await paid_slots(viewer)
    held = await hold_number(viewer, slot)
    intent_id = await till.start(viewer, held.id)
    if fault == "taken":
        key = ("h1", new_id())
        hospitals.placed[key] = ExternalBooking("counter", 'W/"1"', live=True)
        hospitals.slot_of[key] = slot.ref
    else:
        hospitals.fails = [fault]
    assert await till.pay(intent_id)
    await till.queue.run_for(timedelta(minutes=1))
    if fault == "off":
        assert (await service.get_booking(viewer, held.id)).state is State.HELD
        await till.queue.run_for(timedelta(minutes=3))
        hospitals.fails = []
    await till.queue.run_for(timedelta(hours=1))
    ended = await service.get_booking(viewer, held.id)
    if fault in ("lost", "late"):
        assert (ended.state, hospitals.live()) == (State.CONFIRMED, {held.id})
        assert await status(till, intent_id) is PaymentStatus.SUCCEEDED
    else:
        assert ended.state in (State.REFUSED, State.CANCELLED)
        assert held.id not in hospitals.live()
        assert await status(till, intent_id) is PaymentStatus.REFUNDED
        assert await told() == ["appointments.refused", "appointments.refunded"]
    await till.check_books()


async def test_numbers_are_moved_at_the_same_fee_only(
    app: App, call: MakeCall, till: Till, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    first, second, *_ = await paid_slots(viewer)
    held = await hold_number(viewer, first)
    assert (
        await refusal(numbers.move_number(viewer, held.id, second.ref, "move-0001"))
        == "ILLEGAL_STATE"
    )
    intent_id = await till.pay_for(viewer, held.id)
    free = await browsing.read_slots(viewer, "h1", "sch000", skip_days=3, days=3)
    assert free.value
    work = numbers.move_number(viewer, held.id, free.value[0].ref, "move-0002")
    assert await refusal(work) == "FEE_DIFFERS"
    moved = await numbers.move_number(viewer, held.id, second.ref, "move-0003")
    assert (moved.state, moved.payment_id) == (State.CONFIRMED, intent_id)
    await till.queue.run_for(timedelta(minutes=10))
    assert hospitals.live() == {moved.id}
    assert await status(till, intent_id) is PaymentStatus.SUCCEEDED
    await service.cancel(fresh(viewer), moved.id, "cancel-01")
    await till.queue.run_for(timedelta(hours=1))
    assert hospitals.live() == set()
    assert await status(till, intent_id) is PaymentStatus.REFUNDED
    await till.check_books()


async def test_what_a_hospital_calls_off_is_paid_back(
    app: App, call: MakeCall, till: Till, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    slot, *_ = await paid_slots(viewer)
    held = await hold_number(viewer, slot)
    intent_id = await till.pay_for(viewer, held.id)
    del hospitals.placed["h1", held.id]
    (difference,) = await comparison.compare(app)
    assert difference.kind is comparison.Kind.GONE_THERE
    await till.queue.run_for(timedelta(hours=1))
    assert await status(till, intent_id) is PaymentStatus.REFUNDED
    await till.check_books()


async def test_an_examination_tells_how_to_prepare_and_is_paid_first(
    app: App, call: MakeCall, till: Till, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    rooms = await browsing.read_rooms(viewer, "h1", VISIT.kinds)
    assert rooms.value and ULTRASOUND in rooms.value
    reading = await browsing.read_slots(
        viewer, "h1", ULTRASOUND.schedule_ref, skip_days=3, days=3, servers=HOSPITALS
    )
    assert reading.value
    slot = reading.value[0].ref
    wrong = numbers.book_number(viewer, REGISTRATION, NumberRequest("h1", slot), "book-0001")
    assert await refusal(wrong) == "NOT_FOUND", "an examination is no number of a doctor"
    doctors = (await paid_slots(viewer))[0].ref
    wrong = numbers.book_number(viewer, VISIT, NumberRequest("h1", doctors), "book-0001")
    assert await refusal(wrong) == "NOT_FOUND"
    assert await count("appointments_booking") == 0
    held = await numbers.book_number(viewer, VISIT, NumberRequest("h1", slot), "book-0002")
    assert (held.service_id, held.fee_fen) == ("visit-appointment", 16_000)
    assert held.described.notes == ULTRASOUND.preparation
    await till.pay_for(viewer, held.id)
    booked = await service.get_booking(viewer, held.id)
    assert (booked.state, hospitals.live()) == (State.CONFIRMED, {held.id})
    rows = await fetch_all(connection(), "SELECT purpose FROM core_access_log")
    assert [row["purpose"] for row in rows] == [VISITOR.id]
