"""What family doctors do: see what is open, look at a person's care, change the plan, book visits.

Each look at a person stands in that person's access log.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key
from core.database import Transaction, transaction
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.people.directory import Person
from core.people.parties import list_reached
from core.people.personal_read import read_as_staff
from core.refusal_texts import NOT_FOUND
from core.security.authorization import Scope
from modules.health.programmes import messages, service, store, texts
from modules.health.programmes.domain import Goal
from modules.health.programmes.models import NOTE, Alert, CarePlan, Enrolment, FollowUp
from modules.health.programmes.programme import Programme
from modules.health.programmes.service import Care
from notifications import api as notifications
from notifications.api import Parcel, Template

PLACE_MAX, NOTE_MAX, EVERY_DAYS_MAX = 64, 500, 90
_LOOKED_AT = 500
"""Alerts that are read at a time: those of who agrees no more stay open, and are passed over."""


@dataclass(frozen=True, slots=True)
class OpenedCare:
    """Somebody's care as their doctor sees it."""

    person: Person
    programme: Programme
    care: Care
    readers: Sequence[Person]
    """Who is told of what becomes of it."""


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What a doctor changes of a plan; `version` is the one that they have seen."""

    version: int
    goals: Sequence[Goal]
    every_days: int
    note: str


async def list_open(
    call: Call, *, first: int, after: UUID | None
) -> Sequence[tuple[Alert, Enrolment]]:
    """The open alerts of whoever agrees to be looked after, the oldest first, without names."""
    call.require_scope(Scope.CARE_PLANS)
    found: list[tuple[Alert, Enrolment]] = []
    while True:
        alerts = await store.list_open_alerts(first=_LOOKED_AT, after=after)
        found += await _agreed(call.app, alerts)
        if len(found) >= first or len(alerts) < _LOOKED_AT:
            return found[:first]
        after = alerts[-1].id


async def _agreed(app: App, alerts: Sequence[Alert]) -> Sequence[tuple[Alert, Enrolment]]:
    rows = await Enrolment.filter(id__in=[alert.enrolment_id for alert in alerts])
    enrolments = {
        row.id: row
        for programme in service.programmes_of(app).values()
        if (mine := [row for row in rows if row.programme == programme.service])
        for row in await service.with_consent(app, programme, mine)
    }
    return [(a, enrolments[a.enrolment_id]) for a in alerts if a.enrolment_id in enrolments]


async def open_care(call: Call, enrolment_id: UUID) -> OpenedCare:
    """Somebody's care; they see who looked. Raises NotFound, for a doctor's own care and without
    the person's consent too."""
    doctor = call.require_scope(Scope.CARE_PLANS)
    row = await store.find_enrolment(enrolment_id)
    programmes = service.programmes_of(call.app)
    if row is None or row.citizen_id == doctor.user_id or row.programme not in programmes:
        raise NotFound(NOT_FOUND)
    programme = programmes[row.programme]
    if not await service.with_consent(call.app, programme, [row]):
        raise NotFound(NOT_FOUND)
    person = await read_as_staff(
        call,
        row.citizen_id,
        service=programme.service,
        fields=("name", "phone", *programme.purpose.fields),
        basis_ref=f"care:{row.id}",
        scope=Scope.CARE_PLANS,
    )
    (care,) = await service.gather(programme, [row], call.app.clock.now())
    readers = await list_reached(call.app, person, programme.service)
    return OpenedCare(person, programme, care, readers)


async def change_plan(call: Call, enrolment_id: UUID, change: PlanChange, key: str) -> OpenedCare:
    """Make the next version of a plan, which answers the open alerts; the person is told.

    The same key changes once. Raises NotFound for a closed enrolment, InvalidInput, Conflict
    CARE_PLAN_CHANGED for another version than the newest.
    """
    opened = await open_care(call, enrolment_id)
    _check(opened.programme, change)
    async with transaction() as tx:
        command = {"enrolment": enrolment_id, "change": change}
        claim = await claim_key(call, tx, "changeCarePlan", key, command)
        if await store.lock_open(tx, enrolment_id) is None:
            raise NotFound(NOT_FOUND)
        if not claim.replayed:
            if await store.newest_version(tx, enrolment_id) != change.version:
                raise Conflict(texts.PLAN_CHANGED)
            await _insert(call, tx, opened, change)
            await store.handle_alerts(tx, enrolment_id, call.app.clock.now())
            await _say(call, tx, opened, messages.PLAN, {}, f"care-plan:{claim.effect_id}")
    return await _again(call, opened)


async def _insert(call: Call, tx: Transaction, opened: OpenedCare, change: PlanChange) -> None:
    row, note = opened.care.enrolment, change.note.strip()
    plan = CarePlan(
        id=new_id(),
        enrolment_id=row.id,
        citizen_id=row.citizen_id,
        version=change.version + 1,
        goals=[asdict(goal) for goal in change.goals],
        every_days=change.every_days,
        note_sealed=call.app.vault.encrypt(note, NOTE) if note else None,
        is_by_staff=True,
        made_at=call.app.clock.now(),
    )
    await store.insert_plan(tx, row, plan, first=False)


async def book(call: Call, follow_up_id: UUID, at: datetime, place: str, key: str) -> OpenedCare:
    """Book a visit for a moment, or move it; the person is told. The same key books once.

    Raises NotFound, InvalidInput, Conflict CARE_FOLLOW_UP_CLOSED for one that was kept.
    """
    place = place.strip()
    if not 0 < len(place) <= PLACE_MAX:
        raise InvalidInput(texts.PLACE_TOO_LONG, "place")
    if at <= call.app.clock.now():
        raise InvalidInput(texts.BOOKED_IN_PAST, "startsAt")
    change = {"state": store.BOOKED, "booked_at": at, "place": place}
    return await _change_visit(call, follow_up_id, "bookCareFollowUp", change, key)


async def keep(call: Call, follow_up_id: UUID, key: str) -> OpenedCare:
    """Note that a visit was kept: nobody is reminded of it any more. Raises as `book` does."""
    return await _change_visit(call, follow_up_id, "keepCareFollowUp", {"state": store.KEPT}, key)


async def _change_visit(
    call: Call, follow_up_id: UUID, operation: str, change: dict[str, object], key: str
) -> OpenedCare:
    call.require_scope(Scope.CARE_PLANS)
    visit = await FollowUp.get_or_none(id=follow_up_id)
    if visit is None:
        raise NotFound(NOT_FOUND)
    opened = await open_care(call, visit.enrolment_id)
    async with transaction() as tx:
        command = {"visit": follow_up_id, **change}
        claim = await claim_key(call, tx, operation, key, command)
        if await store.lock_open(tx, visit.enrolment_id) is None:
            raise NotFound(NOT_FOUND)
        if not claim.replayed:
            rows = FollowUp.filter(id=follow_up_id).exclude(state=store.KEPT)
            if not await rows.using_db(tx).update(**change):
                raise Conflict(texts.FOLLOW_UP_CLOSED)
            if change["state"] == store.BOOKED:
                said = {"at": change["booked_at"], "place": change["place"]}
                message_key = f"care-visit:{claim.effect_id}"
                await _say(call, tx, opened, messages.BOOKED, said, message_key)
    return await _again(call, opened)


async def _again(call: Call, opened: OpenedCare) -> OpenedCare:
    row, programme = opened.care.enrolment, opened.programme
    (care,) = await service.gather(programme, [row], call.app.clock.now())
    return replace(opened, care=care)


async def _say(
    call: Call,
    tx: Transaction,
    opened: OpenedCare,
    template: Template,
    said: dict[str, object],
    key: str,
) -> None:
    """Tell the person, or the guardians of a child, in the app's page of the programme."""
    link = call.app.city.deep_link.format(id=opened.programme.service)
    parcels = [Parcel(reader, said) for reader in opened.readers]
    await notifications.send_many(call.app, tx, template, parcels, key, deep_link=link)


def _check(programme: Programme, change: PlanChange) -> None:
    if not 1 <= change.every_days <= EVERY_DAYS_MAX:
        raise InvalidInput(texts.EVERY_DAYS_RANGE, "everyDays")
    if len(change.note) > NOTE_MAX:
        raise InvalidInput(texts.NOTE_TOO_LONG, "note")
    for goal in change.goals:
        bounds = [bound for bound in (goal.at_least, goal.below) if bound is not None]
        if not bounds or bounds != sorted(set(bounds)) or goal.quantity not in programme.quantities:
            raise InvalidInput(texts.GOAL_INVALID, "goals")
