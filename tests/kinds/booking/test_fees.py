"""Fees: a hold is paid and becomes an appointment, or it frees itself and the money goes back."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import IntegrityError, connection, fetch_all
from core.errors import Conflict
from core.ids import new_id
from core.texts import Named
from kinds.booking import comparison, fees, jobs, limit_store, numbers, service, visits
from kinds.booking.domain import State
from kinds.booking.models import Booking
from kinds.booking.numbers import NumberRequest, NumberTaken
from kinds.booking.sources import ExternalBooking, ExternalSlot
from kinds.booking.store import BookingRow
from modules.health.hospitals import browsing
from modules.health.hospitals.servers import HOSPITALS
from modules.health.registration.numbers import PATIENT, REGISTRATION
from modules.health.visits.numbers import VISIT, VISITOR
from notifications.messages.models import Message
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


async def test_what_is_paid_back_tells_no_inbox_which_hospital_it_was(
    app: App, call: MakeCall, till: Till, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    held = await hold_number(viewer, (await paid_slots(viewer))[0])
    await till.pay_for(viewer, held.id)
    await service.cancel(fresh(viewer), held.id, "cancel-01")
    await till.queue.run_for(timedelta(hours=1))
    (message,) = await Message.filter(template="appointments.refunded")
    said = app.vault.decrypt(bytes(message.body_sealed), "notifications.body")
    assert "Hospital registration" in said and "50.00" in said
    assert held.described.place.en not in said and held.described.place.zh not in said


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


async def test_a_hospital_may_say_more_than_our_columns_take(
    app: App, call: MakeCall, till: Till, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    preparation = Named("空腹。\0" * 300, "Do not eat. " * 100)
    wordy = replace(ULTRASOUND, name=Named("彩超" * 100, "Ultrasound"), preparation=preparation)
    hospitals.rooms[ULTRASOUND.schedule_ref] = wordy
    where = ULTRASOUND.schedule_ref
    reading = await browsing.read_slots(viewer, "h1", where, skip_days=3, days=3)
    assert reading.value
    request = NumberRequest("h1", reading.value[0].ref)
    held = await numbers.book_number(viewer, VISIT, request, "book-0001")
    described = held.described
    assert (len(described.name.zh), described.name.en) == (128, "Ultrasound")
    assert [len(text) for text in (described.notes.zh, described.notes.en)] == [512, 512]
    assert described.notes.zh.startswith("空腹。空腹。") and described.notes.zh.endswith("…")
    hospitals.version = f'W/"{"9" * 64}"'
    await till.pay_for(viewer, held.id)
    assert (await service.get_booking(viewer, held.id)).state is State.CONFIRMED


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


async def test_nothing_free_is_moved_to_what_has_to_be_paid(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    free = await browsing.read_slots(viewer, "h1", "sch000", skip_days=3, days=3)
    assert free.value
    booked = await hold_number(viewer, free.value[0])
    work = numbers.move_number(viewer, booked.id, (await paid_slots(viewer))[1].ref, "move-0001")
    assert await refusal(work) == "FEE_DIFFERS"
    assert hospitals.live() == {booked.id}


@dataclass
class Paid:
    """A paid number and another of the same doctor on the same day, to which it may be moved."""

    till: Till
    viewer: Call
    id: UUID
    intent_id: UUID
    other: ExternalSlot

    async def move(self) -> BookingRow:
        return await numbers.move_number(fresh(self.viewer), self.id, self.other.ref, str(new_id()))

    async def cancel(self, booking_id: UUID) -> State:
        return (await service.cancel(fresh(self.viewer), booking_id, str(new_id()))).state

    async def series(self) -> list[State]:
        """How its bookings stand, the first one first."""
        rows = await Booking.filter(series_id=self.id).order_by("sequence")
        return [State(row.state) for row in rows]

    async def listed(self) -> list[tuple[UUID, State]]:
        rows = await service.list_bookings(self.viewer, first=9, before=None)
        return [(row.id, row.state) for row in rows]

    async def limits(self, booking_id: UUID) -> set[str]:
        """What kinds of limits a booking counts against."""
        held = await limit_store.list_limits(connection(), booking_id)
        return {key.partition(":")[0] for _, key in held}

    async def refunded_fen(self) -> int:
        await self.till.check_books()
        return (await self.till.intent(self.intent_id)).refunded_fen


@pytest.fixture
async def paid(app: App, call: MakeCall, till: Till) -> Paid:
    viewer = await patient(app, call)
    slot, other, *_ = await paid_slots(viewer)
    held = await hold_number(viewer, slot)
    return Paid(till, viewer, held.id, await till.pay_for(viewer, held.id), other)


ALL_LIMITS = {"slot", "time", "day", "open"}


async def test_a_number_that_is_given_back_meanwhile_is_not_moved(
    paid: Paid, till: Till, hospitals: FakeHospitals
) -> None:
    hospitals.meanwhile["slot"] = lambda: paid.cancel(paid.id)
    assert await refusal(paid.move()) == "ILLEGAL_STATE"
    assert (await paid.series(), hospitals.live()) == ([State.CANCELLED], set())
    await till.queue.run_for(timedelta(hours=1))
    assert (await paid.refunded_fen(), hospitals.live()) == (5000, set())
    assert await told() == [
        "appointments.confirmed", "appointments.cancelled", "appointments.refunded",
    ]  # fmt: skip


async def test_a_number_that_was_given_back_and_kept_meanwhile_is_looked_at_again(
    paid: Paid, hospitals: FakeHospitals
) -> None:
    async def insisted() -> None:
        hospitals.insists = True
        assert await paid.cancel(paid.id) is State.CONFIRMED

    hospitals.meanwhile["slot"] = insisted
    assert await refusal(paid.move()) == "VERSION_CHANGED"
    assert (await paid.series(), hospitals.live()) == ([State.CONFIRMED], {paid.id})


async def test_of_two_moves_at_once_one_is_carried_out(
    paid: Paid, till: Till, hospitals: FakeHospitals
) -> None:
    moves = await asyncio.gather(paid.move(), paid.move(), return_exceptions=True)
    (moved,) = [one for one in moves if isinstance(one, BookingRow)]
    (refused,) = [one for one in moves if isinstance(one, Conflict)]
    assert refused.code in {"MOVING_ALREADY", "SLOT_FULL", "ILLEGAL_STATE"}
    await till.queue.run_for(timedelta(minutes=10))
    assert await paid.series() == [State.CANCELLED, State.CONFIRMED]
    assert (hospitals.live(), await paid.refunded_fen()) == ({moved.id}, 0)


async def test_a_new_number_is_taken_back_where_the_old_one_stands_no_more(
    paid: Paid, till: Till, hospitals: FakeHospitals
) -> None:
    async def attended() -> None:
        await Booking.filter(id=paid.id).update(state=State.ATTENDED)

    hospitals.meanwhile["book"] = attended
    assert (await paid.move()).state is State.CANCELLING
    await till.queue.run_for(timedelta(hours=1))
    assert await paid.series() == [State.ATTENDED, State.CANCELLED]
    assert (hospitals.live(), await paid.refunded_fen()) == ({paid.id}, 0)


async def test_a_move_is_undone_where_the_hospital_insists_on_the_old_number(
    paid: Paid, app: App, till: Till, hospitals: FakeHospitals
) -> None:
    moved = await paid.move()
    hospitals.insists = True
    await jobs.settle(app, paid.id)
    assert await paid.series() == [State.CONFIRMED, State.CANCELLING]
    hospitals.insists = False
    await till.queue.run_for(timedelta(minutes=10))
    assert await paid.series() == [State.CONFIRMED, State.CANCELLED]
    assert (hospitals.live(), await paid.refunded_fen()) == ({paid.id}, 0)
    assert await paid.listed() == [(moved.id, State.CANCELLED), (paid.id, State.CONFIRMED)]
    assert await paid.limits(paid.id) == ALL_LIMITS
    old, new = await Booking.filter(series_id=paid.id).order_by("sequence")
    assert old.version > new.version, "a calendar shows what stands"
    assert await told() == [
        f"appointments.{event}" for event in ("confirmed", "moved", "kept", "cancelled")
    ]
    assert await paid.cancel(paid.id) is State.CANCELLED
    await till.queue.run_for(timedelta(hours=1))
    assert (hospitals.live(), await paid.refunded_fen()) == (set(), 5000)


async def test_a_hospital_that_insists_on_both_keeps_the_fee_until_the_last_is_given_back(
    paid: Paid, till: Till, hospitals: FakeHospitals
) -> None:
    hospitals.insists = True
    moved = await paid.move()
    await till.queue.run_for(timedelta(minutes=10))
    both = [(moved.id, State.CONFIRMED), (paid.id, State.CONFIRMED)]
    assert (hospitals.live(), await paid.listed()) == ({paid.id, moved.id}, both)
    hospitals.insists = False
    for booking_id, left, refunded_fen in ((moved.id, {paid.id}, 0), (paid.id, set(), 5000)):
        assert await paid.cancel(booking_id) is State.CANCELLED
        await till.queue.run_for(timedelta(hours=1))
        assert (hospitals.live(), await paid.refunded_fen()) == (left, refunded_fen)


async def test_a_moved_number_that_is_given_back_before_the_old_one_is(
    paid: Paid, till: Till, hospitals: FakeHospitals
) -> None:
    moved = await paid.move()
    assert await paid.limits(paid.id) == {"slot", "time"}
    assert await paid.cancel(moved.id) is State.CANCELLED
    await till.queue.run_due()
    assert await paid.series() == [State.CANCELLING, State.CANCELLED]
    assert await paid.limits(paid.id) == ALL_LIMITS
    assert await paid.refunded_fen() == 0, "the hospital may still insist on the old one"
    await till.queue.run_for(timedelta(hours=1))
    assert await paid.series() == [State.CANCELLED] * 2
    assert (hospitals.live(), await paid.refunded_fen()) == (set(), 5000)
    assert (await told()).count("appointments.refunded") == 1


async def test_a_hospital_insists_on_a_number_whose_move_was_given_up(
    paid: Paid, till: Till, hospitals: FakeHospitals
) -> None:
    hospitals.fails, hospitals.insists = ["lost"], True
    moved = await paid.move()
    assert moved.state is State.HELD
    assert await paid.cancel(moved.id) is State.CONFIRMED
    assert await paid.series() == [State.CANCELLING, State.CONFIRMED]
    hospitals.insists = False
    await till.queue.run_for(timedelta(minutes=10))
    assert (hospitals.live(), await paid.listed()) == ({moved.id}, [(moved.id, State.CONFIRMED)])
    assert await paid.refunded_fen() == 0
    assert await told() == ["appointments.confirmed", "appointments.moved"]


@pytest.mark.parametrize("taken", [False, True])
async def test_a_number_that_is_called_off_while_it_is_moved(
    paid: Paid, app: App, till: Till, hospitals: FakeHospitals, taken: bool
) -> None:
    """Its move decides first: the fee is kept by the new number, or goes back without one."""

    async def called_off() -> None:
        hospitals.change("h1", paid.id, live=False)
        await comparison.follow(app)
        if taken:
            key = ("h1", new_id())
            hospitals.placed[key] = ExternalBooking("counter", 'W/"1"', live=True)
            hospitals.slot_of[key] = paid.other.ref

    hospitals.meanwhile["book"] = called_off
    if taken:
        assert await refusal(paid.move()) == "SLOT_FULL"
    else:
        assert (await paid.move()).state is State.CONFIRMED
    till.clock.move(timedelta(minutes=5))
    await comparison.follow(app)
    await till.queue.run_for(timedelta(hours=1))
    last = State.REFUSED if taken else State.CONFIRMED
    assert await paid.series() == [State.CANCELLED, last]
    assert await paid.refunded_fen() == (5000 if taken else 0)
    assert paid.id not in hospitals.live()


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
