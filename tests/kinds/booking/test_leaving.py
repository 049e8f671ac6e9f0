"""Who has left: what is under way ends first, and no job fails for want of their account."""

import ast
from dataclasses import replace
from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import transaction
from core.people.data_rights import erase_person, settle_person
from core.people.directory import find_person
from kinds.booking import comparison, numbers, service
from kinds.booking.domain import State
from kinds.booking.models import Booking
from modules.identity.erasure import service as erasure
from modules.identity.models import Citizen
from notifications.messages.models import Message
from payments.domain import STATUS, PaymentStatus
from tests.conftest import ROOT
from tests.kinds.booking.engine import HALL, MakeCall, book, count, hold, offer, people, used
from tests.kinds.booking.people import fresh
from tests.kinds.booking.test_fees import court, hold_number, paid_slots, patient, status
from tests.kinds.booking.till import Till
from tests.modules.health.hospitals.fake_hospitals import FakeHospitals
from tests.people import leave, new_key
from tests.tree import files_of_the_tree

DAY = timedelta(days=1)


async def _leave(app: App, person_id: object) -> None:
    """The account is gone, however it came to that while something was under way."""
    async with transaction() as tx:
        await erase_person(app, tx, person_id)  # type: ignore[arg-type]
    await Citizen.filter(id=person_id).update(
        closed_at=app.clock.now(), phone_sealed=None, phone_index=None, resident_index=None
    )


async def test_an_account_is_not_closed_over_what_is_under_way(
    app: App, call: MakeCall, till: Till
) -> None:
    viewer, slot, held = await court(app, call)
    await till.start(viewer, held.id)
    with pytest.raises(erasure.AccountUnsettled) as refused:
        await erasure.ask_erasure(viewer, new_key())
    assert set(refused.value.holds) == {"appointments", "payments"}
    assert await Citizen.filter(id=viewer.subject_id, closed_at=None).exists()
    assert (await Booking.get(id=held.id)).state == State.HELD
    with pytest.raises(erasure.AccountUnsettled) as refused:
        await erasure.ask_erasure(viewer, new_key(), settle=True)
    assert set(refused.value.holds) == {"payments"}, "the appointment was given back"
    assert (await Booking.get(id=held.id)).state == State.CANCELLED
    assert await used(slot) == 0


async def test_settling_gives_appointments_back_and_closes_the_account(
    app: App, call: MakeCall
) -> None:
    (viewer,) = await people(app, call, 1)
    slot, later = await offer(app, 2 * DAY, 3 * DAY, service_id=HALL)
    for each in (slot, later):
        await book(viewer, each)
    closing = await leave(viewer, settle=True)
    assert "appointments" not in closing.holds
    assert [await used(each) for each in (slot, later)] == [0, 0]
    assert await find_person(app, viewer.subject_id) is None


async def test_what_was_paid_comes_back_though_the_payer_left_at_a_silent_hospital(
    app: App, call: MakeCall, till: Till, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    held = await hold_number(viewer, (await paid_slots(viewer))[0])
    intent_id = await till.start(viewer, held.id)
    assert await till.pay(intent_id)
    await till.queue.run_due()
    hospitals.fails += ["down", "down", "down"]
    assert (await service.cancel(fresh(viewer), held.id, "cancel-01")).state is State.CANCELLING
    await _leave(app, viewer.subject_id)
    await till.queue.run_for(timedelta(minutes=5))
    assert (await Booking.get(id=held.id)).state == State.CANCELLED
    assert await status(till, intent_id) is PaymentStatus.REFUNDED


async def test_a_number_that_is_just_being_moved_is_given_back_with_what_it_moves_to(
    app: App, call: MakeCall, till: Till, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    slot, other, *_ = await paid_slots(viewer)
    held = await hold_number(viewer, slot)
    intent_id = await till.pay_for(viewer, held.id)
    hospitals.fails = ["lost"]
    moved = await numbers.move_number(fresh(viewer), held.id, other.ref, "move-0001")
    assert moved.state is State.HELD
    await settle_person(app, viewer.subject_id)
    await till.queue.run_for(timedelta(hours=1))
    assert hospitals.live() == set()
    assert await count("appointments_booking", "state <> 'cancelled'") == 0
    intent = await till.intent(intent_id)
    assert (STATUS[intent.state], intent.refunded_fen) == (PaymentStatus.REFUNDED, 5000)


async def test_a_payment_that_comes_after_its_payer_left_goes_back(
    app: App, call: MakeCall, till: Till, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    held = await hold_number(viewer, (await paid_slots(viewer))[0])
    intent_id = await till.start(viewer, held.id)
    await _leave(app, viewer.subject_id)
    assert await till.pay(intent_id)
    await till.queue.run_for(timedelta(minutes=5))
    assert (await Booking.get(id=held.id)).state in (State.CANCELLED, State.REFUSED)
    assert await status(till, intent_id) is PaymentStatus.REFUNDED
    assert not any(placed.live for placed in hospitals.placed.values())


async def test_the_nightly_comparison_serves_everybody_else(
    app: App, call: MakeCall, till: Till, hospitals: FakeHospitals
) -> None:
    slots, viewers = None, []
    for number in (1, 2):
        viewer = await patient(app, call, number)
        slots = slots or await paid_slots(viewer)
        held = await hold_number(viewer, slots[number])
        assert await till.pay(await till.start(viewer, held.id))
        await till.queue.run_due()
        viewers.append((viewer, held.id))
    for key, placed in hospitals.placed.items():
        hospitals.placed[key] = replace(placed, live=False)
    await _leave(app, viewers[0][0].subject_id)
    found = await comparison.compare(app)
    assert {difference.kind for difference in found} == {comparison.Kind.GONE_THERE}
    for _, booking_id in viewers:
        assert (await Booking.get(id=booking_id)).state == State.CANCELLED
    readers = await Message.filter(template="appointments.refused").values_list("person_id")
    assert readers == [(viewers[1][0].subject_id,)]


async def test_a_hold_ends_though_its_holder_left(
    app: App, call: MakeCall, till: Till, clock: ManualClock
) -> None:
    (viewer,) = await people(app, call, 1)
    (slot,) = await offer(app, 2 * DAY)
    held = await hold(viewer, slot)
    await _leave(app, viewer.subject_id)
    await till.queue.run_for(timedelta(minutes=10))
    assert (await Booking.get(id=held.id)).state == State.EXPIRED
    assert await used(slot) == 0
    assert await count("notifications_message") == 0


def test_only_requests_rest_on_an_account() -> None:
    """`get_person` raises for who has left: only what somebody signed in asks for may use it."""
    wrong = []
    for path in files_of_the_tree():
        if path.suffix != ".py" or path.parts[0] in ("tests", "bench", "sandbox"):
            continue
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if not isinstance(node, ast.AsyncFunctionDef) or node.name == "get_person":
                continue
            arguments = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
            asks = any(
                isinstance(inner, ast.Name) and inner.id == "get_person" for inner in ast.walk(node)
            )
            if asks and not arguments & {"call", "info"}:
                wrong.append(f"{path}: {node.name}")
    assert sorted(wrong) == sorted((*EXPORT, *LETTERS))


EXPORT = ["modules/identity/personal_data.py: _read"]
LETTERS = ["notifications/delivery/addressing.py: _phone"]
"""The first is part of a request; of the second NotFound is an answer of its own."""
