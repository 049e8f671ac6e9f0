"""Booking halls and venues for one's family: under a mandate, with the other's limits."""

from datetime import timedelta
from uuid import UUID

import pytest

from core.clock import ManualClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.database import connection, transaction
from core.people.data_rights import erase_person, export_person, find_holds
from kinds.booking import service, waiting
from kinds.booking.availability import availability_of
from kinds.booking.domain import State
from kinds.booking.models import Booking
from kinds.booking.people import Companion
from kinds.booking.store import BookingRow
from modules.identity.models import Mandate
from notifications.messages.models import Message
from tests.jobs import run_due
from tests.kinds.booking.engine import (
    HALL,
    ITEMS,
    MakeCall,
    book,
    count,
    offer,
    people,
    refusal,
)
from tests.kinds.booking.people import citizen, fresh, guardian_of, resident_id

DAY = timedelta(days=1)


@pytest.mark.parametrize("service_id", [HALL, "exit-entry-appointment"])
async def test_a_guardian_books_with_the_childs_limits_until_the_mandate_ends(
    app: App, call: MakeCall, clock: ManualClock, service_id: str
) -> None:
    guardian, stranger = await people(app, call, 2)
    child_id = await citizen(app, 3)
    mandate = await guardian_of(app, guardian, child_id)
    first, second, third = await offer(
        app, 2 * DAY, 2 * DAY + timedelta(hours=1), 3 * DAY, capacity=2, service_id=service_id
    )

    async def hold(viewer: Call, slot: UUID, key: str, *, own: bool = False) -> BookingRow:
        return await service.hold(
            viewer,
            slot,
            item_id=ITEMS[service_id],
            on_behalf_of=None if own else child_id,
            key=key,
        )

    held = await hold(guardian, first, "hold-0001")
    assert (held.booked_by, held.booked_for) == (guardian.subject_id, child_id)
    assert await hold(guardian, first, "hold-0001") == held
    assert await refusal(hold(guardian, first, "hold-0001", own=True)) == "KEY_REUSED"
    assert await refusal(hold(guardian, second, "hold-0002")) in {"LIMIT_DAY", "LIMIT_OPEN"}
    mine = await hold(guardian, second, "hold-0003", own=True)
    assert mine.booked_for is None
    assert await refusal(hold(stranger, third, "hold-0004")) == "NOT_FOUND"
    assert (await service.confirm(guardian, held.id, "confirm-1")).state is State.CONFIRMED
    await Mandate.filter(id=mandate.id).update(state="ended", ended_at=clock.now())
    assert await refusal(hold(guardian, third, "hold-0005")) == "NOT_FOUND"
    assert await refusal(service.confirm(guardian, held.id, "confirm-2")) == "NOT_FOUND"
    work = service.reschedule(guardian, held.id, third, "move-0001")
    assert await refusal(work) == "NOT_FOUND"
    assert await count("appointments_booking") == 2
    for work in (
        service.get_booking(guardian, held.id),
        service.cancel(guardian, held.id, "cancel-01"),
    ):
        assert await refusal(work) == "NOT_FOUND", "who made it loses sight with the mandate"
    own = call(user_id=child_id, level=2)
    assert (await service.get_booking(own, held.id)).state is State.CONFIRMED
    ended = await service.cancel(own, held.id, "cancel-02")
    assert ended.state is State.CANCELLED, "whom it is about may always give it back"


async def test_a_wedding_is_nobody_elses_to_book(app: App, call: MakeCall) -> None:
    (guardian,) = await people(app, call, 1)
    child_id = await citizen(app, 2)
    await guardian_of(app, guardian, child_id)
    (slot,) = await offer(app, 3 * DAY, service_id="marriage-registration-appointment")
    work = service.hold(
        guardian,
        slot,
        item_id="marriage",
        companions=[Companion("甄示范", resident_id(9))],
        on_behalf_of=child_id,
        key="hold-0001",
    )
    assert await refusal(work) == "NOT_FOUND"
    assert await count("appointments_booking") == 0


async def test_a_proxy_books_what_the_mandate_covers(app: App, call: MakeCall) -> None:
    (proxy,) = await people(app, call, 1)
    elder_id = await citizen(app, 2)
    mandate = await guardian_of(app, proxy, elder_id)
    await Mandate.filter(id=mandate.id).update(kind="proxy", services=["venue-booking"])
    (hall,) = await offer(app, 2 * DAY)
    (venue,) = await offer(app, 2 * DAY, service_id="venue-booking")
    work = service.hold(proxy, hall, item_id="general", on_behalf_of=elder_id, key="hold-0001")
    assert await refusal(work) == "NOT_FOUND"
    held = await service.hold(proxy, venue, item_id="entry", on_behalf_of=elder_id, key="hold-0002")
    assert held.booked_for == elder_id


async def test_waiting_for_a_child_books_for_the_child(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    guardian, other, stranger = await people(app, call, 3)
    child_id, elder_id = await citizen(app, 4), await citizen(app, 5)
    await guardian_of(app, guardian, child_id)
    ended = await guardian_of(app, guardian, elder_id)
    (slot,) = await offer(app, 2 * DAY, capacity=2)
    taken = [await book(viewer, slot) for viewer in (other, stranger)]
    facts = await availability_of(app).find(slot)
    assert facts is not None

    async def wait(viewer: Call, key: str, subject_id: UUID | None) -> UUID:
        row = await waiting.join(
            viewer,
            facts.resource_id,
            civil_date(facts.starts_at),
            item_id="general",
            subject=None,
            on_behalf_of=subject_id,
            key=key,
        )
        return row.id

    assert await refusal(wait(stranger, "wait-0001", child_id)) == "NOT_FOUND"
    for_elder = await wait(guardian, "wait-0002", elder_id)
    for_child = await wait(guardian, "wait-0003", child_id)
    assert await wait(guardian, "wait-0003", child_id) == for_child
    assert await refusal(wait(guardian, "wait-0003", None)) == "KEY_REUSED"
    assert await refusal(wait(guardian, "wait-0004", child_id)) == "WAITING_ALREADY"
    own = await wait(guardian, "wait-0005", None)
    for person_id, waits in ((guardian.subject_id, 3), (child_id, 1)):
        exported = (await export_person(app, person_id))["appointments"]
        assert len(exported.data["waiting"]) == waits
    await Mandate.filter(id=ended.id).update(state="ended", ended_at=clock.now())
    await service.cancel(other, taken[0].id, "cancel-01")
    states = {row.id: row.state for row in await waiting.Wait.all()}
    assert states == {for_elder: "lapsed", for_child: "offered", own: "waiting"}
    (booked,) = await Booking.filter(booked_for=child_id)
    assert (booked.booked_by, booked.state) == (guardian.subject_id, State.HELD)
    await service.confirm(guardian, booked.id, "confirm-1")
    assert (await service.get_booking(guardian, booked.id)).booked_for == child_id
    work = service.hold(guardian, slot, item_id="general", on_behalf_of=child_id, key="hold-0001")
    assert await refusal(work) in {"SLOT_FULL", "LIMIT_DAY"}
    await service.cancel(stranger, taken[1].id, "cancel-02")
    assert (await waiting.Wait.get(id=own)).state == "offered", "a person of their own"
    await _erase(app, child_id)
    assert await count("appointments_wait", "booked_for = $1", child_id) == 0


async def test_either_guardian_sees_and_gives_up_a_childs_place_in_a_list(
    app: App, call: MakeCall
) -> None:
    mother, father, stranger = await people(app, call, 3)
    child_id = await citizen(app, 4)
    for guardian in (mother, father):
        await guardian_of(app, guardian, child_id)
    (slot,) = await offer(app, 2 * DAY)
    facts = await availability_of(app).find(slot)
    assert facts is not None
    wait = await waiting.join(
        *(mother, facts.resource_id, civil_date(facts.starts_at)),
        item_id="general",
        subject=None,
        on_behalf_of=child_id,
        key="wait-0001",
    )
    for party in (mother, father, call(user_id=child_id, level=2)):
        assert [row.id for row in await waiting.list_waits(party, first=5)] == [wait.id]
    assert await waiting.list_waits(stranger, first=5) == []
    await run_due(app, "identity.tell_act")
    told = await Message.filter(template__startswith="identity.acted")
    assert {row.person_id for row in told} == {father.subject_id, child_id}
    assert await refusal(waiting.leave(stranger, wait.id, "leave-01")) == "NOT_FOUND"
    for _ in range(2):
        await waiting.leave(father, wait.id, "leave-02")
    assert (await waiting.Wait.get(id=wait.id)).state == "left"


async def test_a_copy_of_everything_and_forgetting_it(app: App, call: MakeCall) -> None:
    guardian, other = await people(app, call, 2)
    child_id = await citizen(app, 3)
    await guardian_of(app, guardian, child_id)
    slot, later, third = await offer(app, 2 * DAY, 3 * DAY, 4 * DAY, capacity=3)
    mine = await book(guardian, slot)
    childs = await service.hold(
        guardian, later, item_id="general", on_behalf_of=child_id, key="hold-0001"
    )
    foreign = await book(other, third)
    for person_id, ids in ((guardian.subject_id, {mine.id, childs.id}), (child_id, {childs.id})):
        exported = (await export_person(app, person_id))["appointments"]
        assert {row["id"] for row in exported.data["bookings"]} == set(map(str, ids))
        assert "appointments" in await find_holds(app, person_id)
        assert [withheld.what for withheld in exported.withheld] == ["companions"]
    await _erase(app, guardian.subject_id)
    assert (await service.get_booking(guardian, mine.id)).state is State.CONFIRMED
    await service.cancel(fresh(guardian), mine.id, "cancel-01")
    await service.cancel(call(user_id=child_id, level=2), childs.id, "cancel-02")
    assert "appointments" not in await find_holds(app, guardian.subject_id)
    for _ in range(2):
        await _erase(app, guardian.subject_id)
    assert await refusal(service.get_booking(guardian, mine.id)) == "NOT_FOUND"
    row = await Booking.get(id=childs.id)
    assert (row.person_key, row.booked_for) == (None, child_id)
    assert row.booked_by not in (guardian.subject_id, child_id)
    assert (await Booking.get(id=foreign.id)).booked_by == other.subject_id
    exported = (await export_person(app, guardian.subject_id))["appointments"]
    assert exported.data == {"bookings": [], "waiting": []}
    await _erase(app, child_id)
    assert (await Booking.get(id=childs.id)).booked_for != child_id
    mine_left = "SELECT 1 FROM appointments_limit_use WHERE booking_id = ANY($1)"
    assert await connection().execute_query_dict(mine_left, [[mine.id, childs.id]]) == []


async def _erase(app: App, person_id: UUID) -> None:
    async with transaction() as tx:
        await erase_person(app, tx, person_id)
