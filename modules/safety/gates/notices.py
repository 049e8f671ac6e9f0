"""Notices to guardians of what gates said, once each and in the order in which it occurred."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.sweep import sweep
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
from notifications.api import Template

_DEADLINE_S = 8.0
_REST, _REST_MAX = timedelta(minutes=5), 500
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
    swept = await sweep(app, SERVICE, pupil_refs, partial(_tell_pupil, app, school_code))
    swept.require_whole()


async def _tell_pupil(app: App, school_code: str, pupil_ref: str) -> None:
    followers = await store.list_followers(school_code, pupil_ref)
    guardians, swept = await list_guardians(app, SERVICE, followers)
    children = await describe_children(app, school_code, {child_id for _, child_id in followers})
    async with transaction() as tx:
        await store.lock_pupil(tx, school_code, pupil_ref)
        for event in await store.list_untold(tx, school_code, pupil_ref):
            template = await _template_of(app, tx, event, children)
            params = {c: known | {"at": event.occurred_at} for c, known in children.items()}
            occasion = f"{school_code}:{event.event_ref}"
            await tell_guardians(app, tx, template, guardians, params, occasion)
            if not swept.failed:
                event.told_at = app.clock.now()
                await event.save(using_db=tx, update_fields=["told_at"])
    swept.require_whole()


async def describe_children(
    app: App, school_code: str, child_ids: Collection[UUID]
) -> dict[UUID, dict[str, object]]:
    """What messages call each child and its school."""
    school = (await list_schools(app, Deadline.after(_DEADLINE_S))).get(school_code)
    name = school.name if school else Named(school_code, school_code)
    children: dict[UUID, dict[str, object]] = {}
    for child_id in child_ids:
        child = await find_person(app, child_id)
        called = child.name if child is not None and child.name else texts.YOUR_CHILD
        children[child_id] = {"child": called, "school": name}
    return children


async def _template_of(
    app: App, tx: Transaction, event: GateEvent, child_ids: Collection[UUID]
) -> Template:
    """An arrival withdraws the alarm of its day; late news says that it is late."""
    way, day = Direction(event.direction), civil_date(event.occurred_at)
    if way is Direction.IN:
        now = app.clock.now()
        open_ones = [await store.withdraw_alarms(tx, c, day, day, now) for c in child_ids]
        if any(open_ones):
            return messages.RELIEVED
    return messages.LATE[way] if event.is_late else messages.PASSED[way]


async def tell_guardians(
    app: App,
    tx: Transaction,
    template: Template,
    guardians: Sequence[tuple[Person, UUID]],
    params: Mapping[UUID, Mapping[str, object]],
    occasion: str,
) -> None:
    """Tell guardians of an occasion of their children, each once; `params` are by child."""
    link = app.city.deep_link.format(id=SERVICE)
    for person, child_id in guardians:
        key = FOLLOWS.key_of(occasion, person.id)
        await notifications.send(app, tx, template, person, params[child_id], key, deep_link=link)


@job("safety.tell_gate_rest", lane=Lane.CRITICAL, timeout_s=300, every="*/2 * * * *")
async def tell_rest(app: App) -> None:
    """Every two minutes: what some trouble has kept from being told."""
    before = app.clock.now() - _REST
    left = await store.list_untold_pupils(before, _REST_MAX)
    await sweep(app, SERVICE, left, lambda pupil: _tell_pupil(app, *pupil))
