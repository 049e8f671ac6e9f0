"""Every entrance to a booking: bans, clashes and ceilings hold at each of them."""

import ast
import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest

from core.clock import ManualClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.database import connection, transaction
from core.ids import new_id
from core.people.data_rights import erase_person, name_person
from kinds.booking import bans, messages, numbers, queue, service, visits, waiting
from kinds.booking import people as people_of
from kinds.booking.availability import availability_of
from kinds.booking.domain import UNPAID_MAX, Excuse, State
from kinds.booking.models import Booking, Wait
from kinds.booking.numbers import NumberRequest
from kinds.booking.policy import policy_of
from modules.health.registration.numbers import REGISTRATION
from modules.identity.models import RESIDENT_ID, Citizen
from tests.conftest import ROOT
from tests.kinds.booking.engine import HALL, MakeCall, book, count, hold, offer, people, refusal
from tests.kinds.booking.people import citizen, guardian_of, resident_id
from tests.kinds.booking.test_fees import paid_slots, patient
from tests.tree import files_of_the_tree

DAY = timedelta(days=1)
Entrance = Callable[[App, Call, UUID, UUID], Awaitable[object]]


async def _miss(app: App, viewer: Call, clock: ManualClock) -> None:
    """So many missed appointments that the hall is closed to the viewer."""
    rule = policy_of(app, HALL).ban
    assert rule is not None
    for _ in range(rule.misses):
        (slot,) = await offer(app, timedelta(hours=2))
        booking = await book(viewer, slot)
        clock.move(timedelta(hours=3))
        await Booking.filter(id=booking.id).update(state=State.MISSED)


async def _wait(app: App, viewer: Call, slot: UUID, key: str = "") -> Wait:
    facts = await availability_of(app).find(slot)
    assert facts is not None
    day_on = civil_date(facts.starts_at)
    return await waiting.join(
        viewer,
        facts.resource_id,
        day_on,
        item_id="general",
        subject=None,
        key=key or f"wait-{slot}",
    )


async def _at_the_desk(_app: App, viewer: Call, slot: UUID, _old: UUID) -> object:
    return await hold(viewer, slot)


async def _in_the_line(app: App, viewer: Call, slot: UUID, _old: UUID) -> object:
    return await _wait(app, viewer, slot)


async def _by_moving(_app: App, viewer: Call, slot: UUID, old: UUID) -> object:
    return await service.reschedule(viewer, old, slot, "move-0001")


ENTRANCES: dict[str, Entrance] = {
    "holdAppointment": _at_the_desk,
    "joinWaitingList": _in_the_line,
    "rescheduleAppointment": _by_moving,
}


@pytest.mark.parametrize("entrance", ENTRANCES)
async def test_a_ban_holds_at_every_entrance_and_for_every_account(
    app: App, call: MakeCall, clock: ManualClock, entrance: str
) -> None:
    (viewer,) = await people(app, call, 1)
    kept, slot = await offer(app, 3 * DAY, 4 * DAY)
    old = await book(viewer, kept)
    await _miss(app, viewer, clock)
    assert await refusal(ENTRANCES[entrance](app, viewer, slot, old.id)) == "BANNED"
    await service.cancel(viewer, old.id, "cancel-01")
    async with transaction() as tx:
        await erase_person(app, tx, viewer.subject_id)
    await Citizen.filter(id=viewer.subject_id).update(
        phone_index=None, resident_index=None, closed_at=clock.now()
    )
    again = call(user_id=await citizen(app, 1), level=2)
    assert await refusal(hold(again, slot)) == "BANNED", "the person is banned, not the account"
    rule = policy_of(app, HALL).ban
    assert rule is not None
    clock.move(rule.within + rule.lasts)
    await bans.forget_misses(app)
    assert await count("appointments_booking", "state = 'missed' AND person_key IS NOT NULL") == 0


async def _nameless(app: App, number: int) -> UUID:
    """An account at level 1, which counts by its phone."""
    account_id = await citizen(app, number)
    nameless = {"level": 1, "resident_sealed": None, "resident_index": None}
    await Citizen.filter(id=account_id).update(**nameless)
    return account_id


async def _prove(app: App, account_id: UUID, number: int) -> None:
    async with transaction() as tx:
        sealed = app.vault.encrypt(resident_id(number), RESIDENT_ID)
        row = Citizen.filter(id=account_id).using_db(tx)
        index = app.vault.blind_index(resident_id(number), RESIDENT_ID)
        await row.update(level=2, resident_sealed=sealed, resident_index=index)
        await name_person(app, tx, account_id, resident_id(number))


async def test_who_proves_a_name_keeps_limits_and_places(app: App, call: MakeCall) -> None:
    slot, same, other = await offer(app, 4 * DAY, 4 * DAY + DAY / 24, 5 * DAY, capacity=2)
    (rush,) = await offer(app, 2 * DAY, service_id="venue-booking", releases_in=DAY / 300)
    facts = await availability_of(app).find(rush)
    assert facts is not None
    account_id = await _nameless(app, 1)
    bare, named = call(user_id=account_id, level=1), call(user_id=account_id, level=2)
    booking = await book(bare, slot)
    wait, ticket = await _wait(app, bare, other), await queue.join(bare, facts.resource_id)
    for _ in range(2):
        await _prove(app, account_id, 1)
    for _ in range(500):  # the bus carries the news; a token of before goes on for a while
        if await people_of.key_of(bare, 1) == people_of.resident_key(app, resident_id(1)):
            break
        await asyncio.sleep(0.01)
    for viewer in (bare, named):
        assert (await refusal(hold(viewer, slot))).startswith("LIMIT_")
        assert await refusal(hold(viewer, same)) == "LIMIT_DAY"
        assert await refusal(_wait(app, viewer, other, str(new_id()))) == "WAITING_ALREADY"
        assert (await queue.join(viewer, facts.resource_id)).ticket.id == ticket.ticket.id
    assert await count("appointments_ticket") == 1
    assert await count("appointments_wait", "id = $1", wait.id) == 1
    await service.cancel(named, booking.id, "cancel-01")
    assert await count("appointments_limit_use") == 0
    assert (await hold(named, same)).state is State.HELD


async def test_a_ban_stays_with_who_proves_a_name(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    account_id = await _nameless(app, 1)
    await _miss(app, call(user_id=account_id, level=1), clock)
    (slot,) = await offer(app, DAY)
    await _prove(app, account_id, 1)
    assert await refusal(hold(call(user_id=account_id, level=2), slot)) == "BANNED"


async def test_a_miss_that_staff_take_back_bans_nobody(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    (viewer,) = await people(app, call, 1)
    await _miss(app, viewer, clock)
    (slot,) = await offer(app, 3 * DAY)
    assert await refusal(hold(viewer, slot)) == "BANNED"
    missed = await Booking.filter(state=State.MISSED).first()
    assert missed is not None
    officer = call(level=2, roles=frozenset({"department_officer"}))
    by_oneself = visits.excuse(viewer, missed.id, Excuse.PRESENT, "excuse-01")
    assert await refusal(by_oneself) == "NOT_ALLOWED"
    for key in ("excuse-01", "excuse-01"):
        row = await visits.excuse(officer, missed.id, Excuse.PRESENT, key)
        assert (row.state, row.refusal_code) == (State.ATTENDED, "EXCUSED_PRESENT")
    again = visits.excuse(officer, missed.id, Excuse.OURS, "excuse-02")
    assert await refusal(again) == "ILLEGAL_STATE", "there is nothing to take back any more"
    assert await refusal(visits.excuse(officer, slot, Excuse.OURS, "excuse-03")) == "NOT_FOUND"
    assert (await hold(viewer, slot)).state is State.HELD
    await messages.tell_job(app, missed.id, "excused")
    assert await count("notifications_message", "template = 'appointments.excused'") == 1


async def test_who_was_banned_while_waiting_is_passed_over(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    waits, holds = await people(app, call, 2)
    (slot,) = await offer(app, 3 * DAY)
    taken = await book(holds, slot)
    wait = await _wait(app, waits, slot)
    await _miss(app, waits, clock)
    await service.cancel(holds, taken.id, "cancel-01")
    assert (await Wait.get(id=wait.id)).state == "lapsed"
    assert await count("appointments_booking", "slot_id = $1 AND state = 'confirmed'", slot) == 0


async def test_nobody_is_at_two_places_at_once(app: App, call: MakeCall) -> None:
    (viewer, other) = await people(app, call, 2)
    (hall,) = await offer(app, 2 * DAY)
    (office,) = await offer(
        app, 2 * DAY + timedelta(minutes=15), service_id="exit-entry-appointment"
    )
    (later,) = await offer(
        app, 2 * DAY + timedelta(minutes=30), service_id="exit-entry-appointment"
    )
    booked = await book(viewer, hall)

    async def passport(slot: UUID) -> object:
        return await service.hold(viewer, slot, item_id="passport", key=f"hold-{slot}")

    assert await refusal(passport(office)) == "LIMIT_TIME"
    assert (await passport(later)) is not None, "one after the other is no clash"
    (second,) = await offer(app, 2 * DAY)
    taken = await book(other, second)
    wait = await _wait(app, viewer, second)
    await service.cancel(other, taken.id, "cancel-01")
    assert (await Wait.get(id=wait.id)).state == "waiting", "passed over, and waits on"
    await service.cancel(viewer, booked.id, "cancel-02")
    await book(other, second)


async def test_the_waiting_list_binds_nobody_past_the_deadline(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    holds, waits = await people(app, call, 2)
    (slot,) = await offer(app, timedelta(hours=2))
    held = await hold(holds, slot)
    wait = await _wait(app, waits, slot)
    clock.move(timedelta(minutes=90))  # a hall's appointment is given back an hour before
    await service.cancel(holds, held.id, "cancel-01")
    assert (await Wait.get(id=wait.id)).state == "waiting"
    assert await count("appointments_booking", "state = 'confirmed'") == 0


async def test_unpaid_holds_are_counted_over_all_hospitals(app: App, call: MakeCall) -> None:
    viewer = await patient(app, call)
    slots = [slot for days in (1, 4, 7, 10) for slot in (await paid_slots(viewer, days))[::9]]
    answers = []
    for number, slot in enumerate(slots):
        request = NumberRequest(f"h{1 + number % 4}", slot.ref)
        try:
            held = await numbers.book_number(viewer, REGISTRATION, request, f"hold-{number:04d}")
            answers.append(str(held.state))
        except Exception as refused:
            answers.append(getattr(refused, "code", repr(refused)))
    assert answers.count("held") == UNPAID_MAX
    assert "LIMIT_UNPAID" in answers
    assert await count("appointments_booking", "state = 'held'") == UNPAID_MAX


async def test_holding_again_and_again_has_an_end(app: App, call: MakeCall) -> None:
    viewer = await patient(app, call)
    slots = await paid_slots(viewer)
    for number in range(numbers.HOLDS_PER_HOUR):
        request = NumberRequest("h1", slots[number % 3].ref)
        held = await numbers.book_number(viewer, REGISTRATION, request, f"hold-{number:04d}")
        await service.cancel(viewer, held.id, f"cancel-{number:04d}")
    work = numbers.book_number(viewer, REGISTRATION, NumberRequest("h1", slots[0].ref), "hold-9999")
    assert await refusal(work) == "TOO_MANY_HOLDS"
    assert await count("appointments_booking", "state = 'held'") == 0


async def test_of_many_attempts_at_once_one_has_all_its_limits(app: App, call: MakeCall) -> None:
    """They share a transaction, and each could take the limit that another one lacks."""
    (viewer,) = await people(app, call, 1)
    (slot,) = await offer(app, 2 * DAY, capacity=9)
    attempts = [hold(viewer, slot) for _ in range(30)]
    held = [one for one in await asyncio.gather(*attempts, return_exceptions=True)
            if not isinstance(one, BaseException)]  # fmt: skip
    assert len(held) == 1


async def test_one_person_waits_in_a_few_lists(app: App, call: MakeCall) -> None:
    (viewer,) = await people(app, call, 1)
    slots = [(await offer(app, 2 * DAY))[0] for _ in range(waiting.WAITS_MAX + 1)]
    for slot in slots[:-1]:
        await _wait(app, viewer, slot)
    assert await refusal(_wait(app, viewer, slots[-1])) == "WAITS_FULL"
    assert await count("appointments_wait") == waiting.WAITS_MAX


async def test_two_phones_do_not_act_on_what_they_have_not_seen(app: App, call: MakeCall) -> None:
    (viewer,) = await people(app, call, 1)
    first, second = await offer(app, 2 * DAY, 3 * DAY)
    seen = await hold(viewer, first)
    booked = await service.confirm(viewer, seen.id, "confirm-1")
    for work in (
        service.reschedule(viewer, seen.id, second, "move-0001", seen.version),
        service.cancel(viewer, seen.id, "cancel-01", seen.version),
    ):
        assert await refusal(work) == "VERSION_CHANGED"
    assert (await Booking.get(id=seen.id)).state == State.CONFIRMED
    moved = await service.reschedule(viewer, seen.id, second, "move-0001", booked.version)
    assert moved.version > booked.version
    ended = await service.cancel(viewer, moved.id, "cancel-01", moved.version)
    assert (ended.state, await count("appointments_wait")) == (State.CANCELLED, 0)


async def test_both_parents_and_the_child_are_told_and_may_undo(app: App, call: MakeCall) -> None:
    mother, father, stranger = await people(app, call, 3)
    child_id = await citizen(app, 4)
    for parent in (mother, father):
        await guardian_of(app, parent, child_id)
    (slot,) = await offer(app, 2 * DAY)
    held = await service.hold(
        mother, slot, item_id="general", on_behalf_of=child_id, key="hold-0001"
    )
    await service.confirm(mother, held.id, "confirm-1")
    rows = await connection().execute_query_dict("SELECT person_id FROM notifications_message")
    told = {row["person_id"] for row in rows}
    assert told == {mother.subject_id, father.subject_id, child_id}
    for party in (mother, father, call(user_id=child_id, level=2)):
        assert [b.id for b in await service.list_bookings(party, first=5, before=None)] == [held.id]
    assert await service.list_bookings(stranger, first=5, before=None) == []
    assert (await service.cancel(father, held.id, "cancel-01")).state is State.CANCELLED


def test_these_are_all_the_entrances() -> None:
    """Bookings are inserted in few places, each with its limits and bans."""
    inserting = set()
    for path in files_of_the_tree():
        if path.suffix != ".py" or path.parts[0] in ("tests", "bench"):
            continue
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("insert_bookings", "insert_held"):
                inserting.add(path.stem)
    assert inserting == {"allocator", "waiting", "moving"}
