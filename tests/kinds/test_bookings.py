"""What every booking service promises, for each whose slots are the city's own; and that there is
no entrance to a booking beside those tried here."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLObjectType, GraphQLUnionType, build_schema, get_named_type

from core.catalogue import Service, ServiceKind, ServiceStatus
from core.clock import ManualClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.ids import new_id
from core.manifest import discover
from core.security.authorization import FRESH_AUTH_LIFE
from core.texts import Locale, Named
from kinds.booking import messages, queue, service, visits, waiting
from kinds.booking.availability import availability_of
from kinds.booking.domain import State, WaitState
from kinds.booking.graphql_booking import appointment
from kinds.booking.models import Booking, Wait
from kinds.booking.people import SUBJECT, Companion
from kinds.booking.policy import Policy, load_rules, rules_of
from kinds.booking.slot_store import Described
from kinds.booking.sources import SOURCES
from kinds.booking.store import BookingRow
from modules.identity.models import Citizen
from tests.conftest import ROOT
from tests.kinds.booking.engine import broken_invariants, count, offer, people, refusal, used
from tests.kinds.booking.people import citizen, guardian_of, resident_id

MakeCall = Callable[..., Call]
MANIFESTS = discover()
LIVING: dict[str, Service] = {
    one.id: one
    for manifest in MANIFESTS
    for one in manifest.services
    if (one.kind, one.status) == (ServiceKind.APPOINTMENT, ServiceStatus.LIVE)
}
OWN = sorted(load_rules(ROOT / "cities/jinan/appointments", LIVING.values()).venues)
DAY = timedelta(days=1)


@pytest.fixture
def upstreams() -> Mapping[Any, Any]:
    """Nobody outside is asked."""
    return {}


@dataclass
class Desk:
    """One service as somebody meets it: what has to be said to book there."""

    app: App
    service: Service

    @property
    def policy(self) -> Policy:
        """What the city decided for it."""
        return rules_of(self.app).policies[self.service.id]

    @property
    def item_id(self) -> str:
        """What one comes for, without anything to pay first."""
        items = rules_of(self.app).items[self.service.id].values()
        return next(item.id for item in items if not self.policy.is_prepaid(item.fee_fen))

    def _about(self, call: Call) -> str | None:
        """A plate for each booking, where it is about one."""
        return f"鲁A{new_id().int % 90000 + 10000}" if self.policy.subject else None

    def _companions(self) -> list[Companion]:
        return [Companion("甄示例", resident_id(900 + n)) for n in range(self.policy.companions)]

    async def hold(self, call: Call, slot: UUID, *, for_id: UUID | None = None) -> BookingRow:
        """A hold."""
        return await service.hold(
            call, slot, item_id=self.item_id, subject=self._about(call),
            companions=self._companions(), on_behalf_of=for_id, key=str(new_id()),
        )  # fmt: skip

    async def book(self, call: Call, slot: UUID) -> BookingRow:
        """A confirmed appointment."""
        held = await self.hold(call, slot)
        return await service.confirm(call, held.id, str(new_id()))

    async def wait(self, call: Call, slot: UUID) -> Wait:
        """A place in the list of the slot's day."""
        facts = await availability_of(self.app).find(slot)
        assert facts is not None
        return await waiting.join(
            call, facts.resource_id, civil_date(facts.starts_at), item_id=self.item_id,
            subject=self._about(call), key=str(new_id()),
        )  # fmt: skip

    async def move(self, call: Call, booking_id: UUID, slot: UUID) -> BookingRow:
        """The appointment at another time."""
        return await service.reschedule(call, booking_id, slot, str(new_id()))

    async def offer(self, *starts: timedelta, capacity: int = 1) -> list[UUID]:
        """Slots of a new place."""
        return await offer(self.app, *starts, capacity=capacity, service_id=self.service.id)


@pytest.fixture(params=OWN)
def desk(request: pytest.FixtureRequest, app: App) -> Desk:
    """Each service in turn."""
    return Desk(app, LIVING[request.param])


def test_every_living_booking_service_has_slots_of_ours_or_a_source() -> None:
    outside = {source.service_id for source in SOURCES.of(MANIFESTS)}
    assert set(OWN) | outside == LIVING.keys()
    assert not set(OWN) & outside and len(OWN) >= 6


async def test_a_booking_from_hold_to_cancellation(desk: Desk, call: MakeCall) -> None:
    viewer, stranger = await people(desk.app, call, 2)
    slot, other = await desk.offer(3 * DAY, 4 * DAY)
    held = await desk.hold(viewer, slot)
    assert (held.state, await used(slot)) == (State.HELD, 1)
    work = (
        service.get_booking(stranger, held.id),
        service.confirm(stranger, held.id, "confirm-0"),
        service.cancel(stranger, held.id, "cancel-00"),
        desk.move(stranger, held.id, other),
    )
    assert [await refusal(each) for each in work] == ["NOT_FOUND"] * len(work)
    booked = await service.confirm(viewer, held.id, "confirm-1")
    assert visits.check_in_code(desk.app, booked) is not None
    moved = await desk.move(viewer, booked.id, other)
    assert (moved.series_id, await used(slot), await used(other)) == (held.id, 0, 1)
    ended = await service.cancel(viewer, moved.id, "cancel-01")
    assert (ended.state, await used(other)) == (State.CANCELLED, 0)
    assert await broken_invariants([slot, other]) == []


async def test_nobody_books_below_the_level_of_the_service(desk: Desk, call: MakeCall) -> None:
    (slot,) = await desk.offer(3 * DAY)
    by_phone = call(user_id=await citizen(desk.app, 1), level=1)
    low, code = (call(), "LOGIN_REQUIRED")
    if desk.service.identity_level > 1:
        low, code = by_phone, "LEVEL_REQUIRED"
    assert await refusal(desk.hold(low, slot)) == code
    if not desk.policy.companions:
        assert await refusal(desk.wait(low, slot)) == code
    assert await count("appointments_booking") == await count("appointments_wait") == 0


async def test_ceilings_hold_at_the_desk_in_the_list_and_when_moving(
    desk: Desk, call: MakeCall
) -> None:
    (viewer,) = await people(desk.app, call, 1)
    most = desk.policy.open_max
    assert most > 0, "without one somebody could fill the calendar"
    slots = [(await desk.offer((3 + number) * DAY))[0] for number in range(most + 1)]
    booked = [await desk.book(viewer, slot) for slot in slots[:-1]]
    assert await refusal(desk.hold(viewer, slots[-1])) == "LIMIT_OPEN"
    if not desk.policy.companions:
        wait = await desk.wait(viewer, slots[-1])
        await waiting.sweep(desk.app)
        assert (await Wait.get(id=wait.id)).state == WaitState.LAPSED
    await desk.move(viewer, booked[0].id, slots[-1])
    assert await count("appointments_booking", "state IN ('held', 'confirmed')") == most


async def test_a_ban_holds_at_every_entrance(
    desk: Desk, call: MakeCall, clock: ManualClock
) -> None:
    rule = desk.policy.ban
    if rule is None:
        pytest.skip("the city bans nobody from this service")
    (viewer,) = await people(desk.app, call, 1)
    kept, slot = await desk.offer(6 * DAY, 7 * DAY)
    misses = []
    for _ in range(rule.misses):
        (missed,) = await desk.offer(3 * DAY)
        misses.append((await desk.book(viewer, missed)).id)
        # not yet the viewer's, who still has something to move by then
        await Booking.filter(id=misses[-1]).update(state=State.MISSED, person_key=None)
        clock.move(timedelta(hours=1))
    old = await desk.book(viewer, kept)
    key = (await Booking.get(id=old.id)).person_key
    assert key is not None
    await Booking.filter(id__in=misses).update(person_key=key)
    assert await refusal(desk.move(viewer, misses[-1], slot)) == "ILLEGAL_STATE", (
        "what was missed cannot be moved into the future"
    )
    entrances: dict[str, Awaitable[object]] = {
        "holdAppointment": desk.hold(viewer, slot),
        "joinWaitingList": desk.wait(viewer, slot),
        "rescheduleAppointment": desk.move(viewer, old.id, slot),
    }
    if desk.policy.queue is not None:
        (queued,) = await offer(
            desk.app, 5 * DAY, service_id=desk.service.id, releases_in=timedelta(minutes=5)
        )
        facts = await availability_of(desk.app).find(queued)
        assert facts is not None
        entrances["joinQueue"] = queue.join(viewer, facts.resource_id)
    elsewhere = set() if desk.policy.queue is not None else {"joinQueue"}
    assert entrances.keys() | elsewhere == TRIED_HERE
    refused = {name: await refusal(entrance) for name, entrance in entrances.items()}
    assert refused == dict.fromkeys(entrances, "BANNED")
    assert await count("appointments_wait") == await count("appointments_ticket") == 0
    assert (await used(slot), await used(kept)) == (0, 1)


async def test_for_others_where_the_catalogue_says_so(desk: Desk, call: MakeCall) -> None:
    (guardian,) = await people(desk.app, call, 1)
    child_id = await citizen(desk.app, 2)
    await guardian_of(desk.app, guardian, child_id)
    (slot,) = await desk.offer(3 * DAY)
    if not desk.service.for_others:
        assert await refusal(desk.hold(guardian, slot, for_id=child_id)) == "NOT_FOUND"
        return
    held = await desk.hold(guardian, slot, for_id=child_id)
    child = call(user_id=child_id, level=2)
    assert [b.id for b in await service.list_bookings(child, first=5, before=None)] == [held.id]
    assert (await service.cancel(child, held.id, "cancel-01")).state is State.CANCELLED


async def test_what_comes_free_is_offered_and_nobody_is_at_two_places(
    desk: Desk, call: MakeCall
) -> None:
    holder, waits, busy = await people(desk.app, call, 3)
    (slot,), (elsewhere,) = await desk.offer(3 * DAY), await offer(desk.app, 3 * DAY)
    taken = await desk.book(holder, slot)
    if desk.policy.companions:  # who comes along would have to be asked again
        assert await refusal(desk.wait(waits, slot)) == "NO_WAITING_LIST"
        return
    held = await service.hold(busy, elsewhere, item_id="general", key="hold-0001")
    lines = [await desk.wait(viewer, slot) for viewer in (busy, waits)]
    await service.cancel(holder, taken.id, "cancel-01")
    assert [(await Wait.get(id=line.id)).state for line in lines] == ["waiting", "offered"]
    (offered,) = await service.list_bookings(waits, first=5, before=None)
    assert (await service.confirm(waits, offered.id, "confirm-1")).state is State.CONFIRMED
    assert await refusal(desk.hold(busy, slot)) in {"SLOT_FULL", "LIMIT_TIME"}
    assert (await service.get_booking(busy, held.id)).state is State.HELD


async def test_a_hold_of_who_left_ends_all_the_same(
    desk: Desk, call: MakeCall, clock: ManualClock
) -> None:
    (viewer,) = await people(desk.app, call, 1)
    (slot,) = await desk.offer(3 * DAY)
    held = await desk.hold(viewer, slot)
    await Citizen.filter(id=viewer.subject_id).update(
        closed_at=clock.now(), phone_index=None, resident_index=None
    )
    clock.move(desk.policy.hold + timedelta(seconds=1))
    await visits.sweep(desk.app)
    assert ((await Booking.get(id=held.id)).state, await used(slot)) == (State.EXPIRED, 0)


@pytest.mark.parametrize("service_id", sorted(LIVING))
async def test_what_is_of_health_is_hidden_from_an_old_proof(
    app: App, call: MakeCall, clock: ManualClock, service_id: str
) -> None:
    """Time and state are seen; where, with whom and what for are not, nor on a lock screen."""
    (viewer,) = await people(app, call, 1)
    (slot,) = await offer(app, 3 * DAY)
    secret = Named("secret", "secret")
    row = replace(
        await service.hold(viewer, slot, item_id="general", key="hold-0001"),
        service_id=service_id,
        described=Described(secret, secret, secret, secret),
        subject_sealed=app.vault.encrypt("secret", SUBJECT),
    )
    info: Any = SimpleNamespace(context=viewer)
    is_of_health = LIVING[service_id].needs_fresh_auth

    def shown() -> str:
        seen = appointment(viewer, row)
        fields = {name: value for name, value in vars(seen).items() if name != "row"}
        return str([fields, *(ask(info) for ask in (seen.item, seen.subject, seen.ics))])

    assert "secret" in shown()
    clock.move(FRESH_AUTH_LIFE)
    assert ("secret" in shown()) is not is_of_health
    texts = str([messages._values(app, row, locale) for locale in Locale])
    assert ("secret" in texts) is not is_of_health


TRIED_HERE = {"holdAppointment", "joinWaitingList", "rescheduleAppointment", "joinQueue"}
TRIED_WITH_THEIR_SYSTEMS = {
    "bookHospitalNumber", "bookHospitalVisit", "bookVaccination", "moveHospitalNumber",
}  # fmt: skip
"""They go through the allocator, or through moving: test_entrances.py."""
NO_ENTRANCE = {"confirmAppointment", "cancelAppointment", "leaveWaitingList"}
"""They go on with what an entrance gave."""


def test_these_are_all_the_mutations_that_give_a_booking_or_a_place_in_a_line() -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    assert schema.mutation_type is not None
    giving = set()
    for name, field in schema.mutation_type.fields.items():
        result = get_named_type(field.type)
        members = result.types if isinstance(result, GraphQLUnionType) else ()
        shown = {
            get_named_type(inner.type).name
            for member in members
            if isinstance(member, GraphQLObjectType)
            for inner in member.fields.values()
        }
        if shown & {"Appointment", "WaitingPlace", "QueueTicket"}:
            giving.add(name)
    assert giving == TRIED_HERE | TRIED_WITH_THEIR_SYSTEMS | NO_ENTRANCE
