"""Notices to guardians of what gates said, once each and in the order in which it occurred."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from itertools import groupby
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.sweep import Swept, sweep
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.people.directory import Person, find_person
from core.queue.jobs import Lane, job
from core.texts import Named
from kinds.owned import OwnedList
from kinds.subscription import Subscription
from modules.safety.gates import messages, store, texts
from modules.safety.gates.domain import SERVICE, Direction
from modules.safety.gates.models import GateEvent, GateFollow
from modules.safety.schools.guardians import list_guardians
from modules.safety.schools.upstream import list_schools
from notifications import api as notifications
from notifications.api import Parcel, Template

_DEADLINE_S = 8.0
_REST, _REST_MAX = timedelta(minutes=5), 5_000
FOLLOWS = Subscription(
    SERVICE,
    OwnedList(
        GateFollow,
        most=6,
        too_many=texts.TOO_MANY_CHILDREN,
        same=("child_id",),
        renamed=("school_code", "pupil_ref"),
    ),
    adds="followSchoolGate",
    removes="unfollowSchoolGate",
    keys="gate:",
)


@job("safety.tell_gate_pupils", lane=Lane.CRITICAL, timeout_s=60)
async def tell_pupils(app: App, school_code: str, pupil_refs: list[str]) -> None:
    """Tell the guardians of some pupils what they have not been told yet. Repeat-safe.

    Raises SweepIncomplete where somebody could not be told, so that it is tried again.
    """
    tell = partial(_tell, app, school_code)
    swept = await sweep(app, SERVICE, [pupil_refs], tell)
    if swept.failed and len(pupil_refs) > 1:  # the trouble of one keeps the news from no other
        swept = await sweep(app, SERVICE, [[one] for one in pupil_refs], tell)
    swept.require_whole()


async def _tell(app: App, school_code: str, pupil_refs: Sequence[str]) -> None:
    """Tell of some pupils in one transaction. Of several, all or nothing."""
    followers = await store.list_followers(school_code, pupil_refs)
    guardians: dict[str, list[tuple[Person, UUID]]] = {}
    swept = Swept()
    for pupil, of_pupil in followers.items():
        guardians[pupil], one = await list_guardians(app, SERVICE, of_pupil)
        swept += one
    if len(pupil_refs) > 1:
        swept.require_whole()
    child_ids = {child_id for of_pupil in followers.values() for _, child_id in of_pupil}
    children = await describe_children(app, school_code, child_ids)
    async with transaction() as tx:
        await store.lock_pupils(tx, school_code, pupil_refs)
        events = await store.list_untold(tx, school_code, pupil_refs)
        relieved = await _relieve(app, tx, events, followers)
        for template, alike in groupby(events, lambda one: _template_of(one, relieved)):
            parcels = [
                parcel
                for event in alike
                for parcel in _parcels(
                    guardians[event.pupil_ref],
                    {c: known | {"at": event.occurred_at} for c, known in children.items()},
                    f"{school_code}:{event.event_ref}",
                )
            ]
            await _send(app, tx, template, parcels)
        if not swept.failed:
            await store.note_told(tx, events, app.clock.now())
    swept.require_whole()


async def _relieve(
    app: App,
    tx: Transaction,
    events: Sequence[GateEvent],
    followers: Mapping[str, Sequence[tuple[UUID, UUID]]],
) -> Collection[UUID]:
    """The events by which an alarm is withdrawn: the first arrival of its day."""
    arrivals: dict[tuple[UUID, date], UUID] = {}
    for event in events:
        if event.direction == Direction.IN:
            for _, child in followers[event.pupil_ref]:
                arrivals.setdefault((child, civil_date(event.occurred_at)), event.id)
    withdrawn = await store.withdraw_alarms_of_days(tx, arrivals.keys(), app.clock.now())
    return {arrivals[day] for day in withdrawn}


async def describe_children(
    app: App, school_code: str, child_ids: Collection[UUID]
) -> dict[UUID, dict[str, object]]:
    """What messages call each child and its school."""
    school = (await list_schools(app, Deadline.after(_DEADLINE_S))).find(school_code)
    name = school.name if school else Named(school_code, school_code)
    children: dict[UUID, dict[str, object]] = {}
    for child_id in child_ids:
        child = await find_person(app, child_id)
        called = child.name if child is not None and child.name else texts.YOUR_CHILD
        children[child_id] = {"child": called, "school": name}
    return children


def _template_of(event: GateEvent, relieved: Collection[UUID]) -> Template:
    """Late news says that it is late."""
    if event.id in relieved:
        return messages.RELIEVED
    return (messages.LATE if event.is_late else messages.PASSED)[Direction(event.direction)]


async def tell_guardians(
    app: App,
    tx: Transaction,
    template: Template,
    guardians: Sequence[tuple[Person, UUID]],
    params: Mapping[UUID, Mapping[str, object]],
    occasion: str,
) -> None:
    """Tell guardians of an occasion of their children, each once; `params` are by child."""
    await _send(app, tx, template, _parcels(guardians, params, occasion))


def _parcels(
    guardians: Sequence[tuple[Person, UUID]],
    params: Mapping[UUID, Mapping[str, object]],
    occasion: str,
) -> list[Parcel]:
    return [
        Parcel(person, params[child_id], FOLLOWS.key_of(occasion, person.id))
        for person, child_id in guardians
    ]


async def _send(app: App, tx: Transaction, template: Template, parcels: Sequence[Parcel]) -> None:
    if parcels:
        link = app.city.deep_link.format(id=SERVICE)
        await notifications.send_many(app, tx, template, parcels, deep_link=link)


@job("safety.tell_gate_rest", lane=Lane.CRITICAL, timeout_s=300, every="*/2 * * * *")
async def tell_rest(app: App) -> None:
    """Every two minutes: what some trouble has kept from being told."""
    before = app.clock.now() - _REST
    left = await store.list_untold_pupils(before, _REST_MAX)
    await sweep(app, SERVICE, left, lambda pupil: _tell(app, pupil[0], [pupil[1]]))
