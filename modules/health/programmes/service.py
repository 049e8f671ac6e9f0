"""What people do with their programmes: join, look, measure, leave."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key
from core.database import Transaction, transaction
from core.errors import Forbidden, InvalidInput, NotFound
from core.ids import new_id
from core.people import consents
from core.people.directory import Person, age_on, get_person
from core.people.parties import list_reached
from core.people.personal_read import open_access
from core.refusal_texts import CONSENT_REQUIRED, NOT_FOUND
from kinds import owned
from modules.health.programmes import messages, store, texts
from modules.health.programmes.domain import Measured, Quantity, Rule, Values, Visit
from modules.health.programmes.models import Alert, CarePlan, Enrolment, FollowUp, Measurement
from modules.health.programmes.programme import PROGRAMMES, Facts, Programme, Subject
from notifications import api as notifications
from notifications.api import Parcel

LOOKED_BACK = timedelta(days=90)
"""How far back rules look."""
_AHEAD = timedelta(minutes=5)
"""How much a phone's clock may be fast."""


@dataclass(frozen=True, slots=True)
class Joining:
    """What somebody says when they join: the programme's facts, and their own name for it."""

    facts: Facts
    label: str = ""
    age: int = 0


@dataclass(frozen=True, slots=True)
class Care:
    """An enrolment with everything that is kept of it."""

    enrolment: Enrolment
    plan: CarePlan
    measured: Sequence[Measurement]
    follow_ups: Sequence[FollowUp]
    alerts: Sequence[Alert]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A measurement that was stored, and the rules that it has met."""

    care: Care
    rules: Sequence[Rule]


def programmes_of(app: App) -> Mapping[str, Programme]:
    """Every programme by its service."""
    return {programme.service: programme for programme in app.extensions(PROGRAMMES)}


async def age_of(call: Call, today: date) -> int:
    """The years of age of whom the call is about; 0 while unknown."""
    return _age(await get_person(call.app, call.subject_id), today)


def _age(person: Person, today: date) -> int:
    return age_on(person.born_on, today) if person.born_on else 0


async def enrol(call: Call, programme: Programme, joining: Joining, key: str) -> Enrolment:
    """Have whom the call is about take part, with a first plan and the visits of the schedule.

    Raises Forbidden CONSENT_REQUIRED, and as `owned.add` does; then nothing is written.
    """
    subscription, now = programme.subscription, call.app.clock.now()
    today = civil_date(now)
    row = {
        "label": owned.require_label(joining.label),
        "facts": dict(joining.facts),
        "enrolled_on": today,
        "enrolled_at": now,
    }
    async with transaction() as tx:
        await require_consent(call, tx, programme)
        command = {"facts": row["facts"], "label": row["label"]}
        enrolment = await owned.add(
            call, tx, subscription.rows, subscription.adds, key, row, command
        )
        await open_plan(tx, programme, enrolment, joining.age, now)
    return enrolment


async def require_consent(call: Call, tx: Transaction, programme: Programme) -> None:
    """Raise Forbidden CONSENT_REQUIRED without a live consent to the programme."""
    purpose = programme.purpose
    if await _find_consent(call.app, tx, call.subject_id, programme) is None:
        raise Forbidden(CONSENT_REQUIRED, purpose=purpose.id)


async def has_consent(app: App, citizen_id: UUID, programme: Programme) -> bool:
    """Whether a person's consent to a programme holds now."""
    async with transaction() as tx:
        return await _find_consent(app, tx, citizen_id, programme) is not None


async def with_consent(
    app: App, programme: Programme, enrolments: Sequence[Enrolment]
) -> Sequence[Enrolment]:
    """Those of a programme's enrolments whose people's consent to it holds now."""
    purpose, people = programme.purpose, [row.citizen_id for row in enrolments]
    agreed = await consents.list_agreed(people, purpose.id, purpose.text_version, app.clock.now())
    return [row for row in enrolments if row.citizen_id in agreed]


async def _find_consent(
    app: App, tx: Transaction, citizen_id: UUID, programme: Programme
) -> UUID | None:
    purpose = programme.purpose
    return await consents.find_live(
        tx, citizen_id, purpose.id, purpose.text_version, app.clock.now()
    )


async def open_plan(
    tx: Transaction, programme: Programme, enrolment: Enrolment, age: int, now: datetime
) -> None:
    """Give an enrolment its first plan and visits. Repeat-safe."""
    goals = programme.goals(Subject(age, enrolment.facts))
    plan = CarePlan(
        id=new_id(),
        enrolment_id=enrolment.id,
        citizen_id=enrolment.citizen_id,
        version=1,
        goals=[asdict(goal) for goal in goals],
        every_days=programme.every_days,
        is_by_staff=False,
        made_at=now,
    )
    await store.insert_plan(tx, enrolment, plan, first=True)
    await store.insert_visits(tx, enrolment, visits_of(programme, enrolment, civil_date(now)))


def visits_of(programme: Programme, enrolment: Enrolment, today: date) -> Sequence[Visit]:
    """The visits of an enrolment's schedule as seen from a day."""
    return programme.visits(enrolment.facts, enrolment.enrolled_on, today)


async def read_care(call: Call, programme: Programme) -> Sequence[Care]:
    """All enrolments of whom the call is about, the newest first; the look is logged.

    Raises Forbidden CONSENT_REQUIRED, NotFound where the viewer's mandate has ended.
    """
    access = await open_access(call, service=programme.service, purpose=programme.purpose)
    rows = await store.list_enrolments(access.person.id, programme.service)
    return await gather(programme, rows, call.app.clock.now())


async def read_one(call: Call, programme: Programme, enrolment_id: UUID) -> Care:
    """One enrolment that a command has just shown to be the subject's own."""
    row = await store.find_enrolment(enrolment_id)
    if row is None or row.citizen_id != call.subject_id or row.programme != programme.service:
        raise NotFound(NOT_FOUND)
    (care,) = await gather(programme, [row], call.app.clock.now())
    return care


async def gather(programme: Programme, rows: Sequence[Enrolment], now: datetime) -> Sequence[Care]:
    """Everything that is kept of some enrolments of a programme, in four queries."""
    ids = [row.id for row in rows]
    if not ids:
        return []
    plans = await store.list_plans(ids)
    until = min((row.closed_at or now for row in rows), default=now)
    measured = await store.list_measured(ids, until - programme.window)
    visits, alerts = await store.list_follow_ups(ids), await store.list_alerts(ids)
    return [
        Care(
            row,
            plans[row.id],
            [one for one in measured if one.enrolment_id == row.id],
            [one for one in visits if one.enrolment_id == row.id],
            [one for one in alerts if one.enrolment_id == row.id],
        )
        for row in rows
    ]


async def record(
    call: Call,
    programme: Programme,
    enrolment_id: UUID,
    values: Values,
    measured_at: datetime | None,
    key: str,
) -> Recorded:
    """Store a measurement of whom the call is about, and raise the alerts that it completes.

    The same key stores once. Raises InvalidInput with the question or the refusal, NotFound for
    an enrolment that is closed or somebody else's, Forbidden CONSENT_REQUIRED, Conflict
    KEY_REUSED; then nothing is written.
    """
    now = call.app.clock.now()
    at = measured_at or now
    _check_moment(at, now, programme.window)
    access = await open_access(call, service=programme.service, purpose=programme.purpose)
    typed_as = call.mandate.kind if call.mandate else "self"
    typed = {quantity.value: value for quantity, value in values.items()}
    command = {"enrolment": enrolment_id, "values": typed, "at": measured_at}
    rules: Sequence[Rule] = ()
    readers = await list_reached(call.app, access.person, programme.service)
    async with transaction() as tx:
        claim = await claim_key(call, tx, f"record:{programme.service}", key, command)
        enrolment = await store.lock_open(tx, enrolment_id, citizen_id=access.person.id)
        if enrolment is None or enrolment.programme != programme.service:
            raise NotFound(NOT_FOUND)
        subject = Subject(_age(access.person, civil_date(at)), enrolment.facts)
        if not claim.replayed:
            _check_values(programme, subject, values, civil_date(at))
            newest = Measured(dict(values), at)
            earlier = await store.list_measured([enrolment.id], at - LOOKED_BACK, tx)
            rules = programme.alerts(subject, newest, [measured_of(one) for one in earlier])
            await Measurement.create(
                using_db=tx,
                id=claim.effect_id,
                enrolment_id=enrolment.id,
                citizen_id=enrolment.citizen_id,
                values=typed,
                measured_at=at,
                typed_as=typed_as,
                stored_at=now,
            )
            await _raise(call.app, tx, enrolment, readers, rules)
    (care,) = await gather(programme, [enrolment], now)
    return Recorded(care, rules)


def measured_of(row: Measurement) -> Measured:
    """A stored measurement as rules see it."""
    return Measured({Quantity(name): value for name, value in row.values.items()}, row.measured_at)


def _check_moment(at: datetime, now: datetime, window: timedelta) -> None:
    if at > now + _AHEAD:
        raise InvalidInput(texts.MEASURED_IN_FUTURE, "measuredAt")
    if at < now - window:
        raise InvalidInput(texts.MEASURED_TOO_LONG_AGO, "measuredAt", days=window.days)


def _check_values(programme: Programme, subject: Subject, values: Values, on: date) -> None:
    if not values:
        raise InvalidInput(texts.NOTHING_MEASURED)
    for quantity in values:
        if quantity not in programme.quantities:
            raise InvalidInput(texts.OTHER_PROGRAMME, quantity.lower())
    fault = programme.check(subject, values, on)
    if fault is not None:
        raise InvalidInput(fault.text, fault.quantity.lower(), **fault.said)


async def _raise(
    app: App,
    tx: Transaction,
    enrolment: Enrolment,
    readers: Sequence[Person],
    rules: Sequence[Rule],
) -> None:
    """Raise the alerts that are not open yet, have the visits made that they ask for, say so."""
    now = app.clock.now()
    for rule in rules:
        if not await store.raise_alert(tx, enrolment, rule.code, rule.severity, now):
            continue
        if rule.follow_up_within is not None:
            today = civil_date(now)
            visit = Visit(f"recheck-{today}", texts.RECHECK, today, today + rule.follow_up_within)
            await store.insert_visits(tx, enrolment, [visit])
        await notifications.send_many(
            app,
            tx,
            messages.ALERT,
            [Parcel(reader, {}) for reader in readers],
            f"care-alert:{enrolment.id}:{rule.code}:{now.isoformat()}",
            deep_link=app.city.deep_link.format(id=enrolment.programme),
        )


async def leave(call: Call, programme: Programme, enrolment_id: UUID, key: str) -> None:
    """End the viewer's enrolment and forget what was kept under it; of a closed one too.

    Raises as `owned.remove`.
    """
    rows = replace(programme.subscription.rows, within={"programme": programme.service})
    async with transaction() as tx:
        removes = programme.subscription.removes
        if await owned.remove(call, tx, rows, removes, key, id=enrolment_id):
            await store.delete_all_of(tx, enrolment_id)


async def change_facts(
    app: App, tx: Transaction, programme: Programme, enrolment: Enrolment, facts: dict[str, Any]
) -> None:
    """Give an enrolment other facts, and its open visits the days that follow from them."""
    enrolment.facts = facts
    await enrolment.save(using_db=tx, update_fields=["facts"])
    await store.delete_due(tx, enrolment.id)
    today = civil_date(app.clock.now())
    await store.insert_visits(tx, enrolment, visits_of(programme, enrolment, today))
