"""Every query of care programmes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from tortoise.models import Model

from core.database import Transaction, fetch_one
from core.ids import new_id
from modules.health.programmes.domain import Visit
from modules.health.programmes.models import Alert, CarePlan, Enrolment, FollowUp, Measurement

DUE, BOOKED, KEPT = "DUE", "BOOKED", "KEPT"
"""The states of a visit."""


async def list_enrolments(citizen_id: UUID, programme: str) -> Sequence[Enrolment]:
    """A person's enrolments in a programme, closed ones too, the newest first."""
    return await Enrolment.filter(citizen_id=citizen_id, programme=programme).order_by("-id")


async def find_enrolment(enrolment_id: UUID) -> Enrolment | None:
    """An enrolment by its id."""
    return await Enrolment.get_or_none(id=enrolment_id)


async def lock_open(
    tx: Transaction, enrolment_id: UUID, *, citizen_id: UUID | None = None
) -> Enrolment | None:
    """An open enrolment, of a person where one is named, locked until the transaction ends."""
    rows = Enrolment.filter(id=enrolment_id, closed_at=None)
    if citizen_id is not None:
        rows = rows.filter(citizen_id=citizen_id)
    return await rows.using_db(tx).select_for_update().first()


async def give(tx: Transaction, enrolment: Enrolment, citizen_id: UUID) -> None:
    """Make an enrolment and all that is kept of it somebody else's."""
    enrolment.citizen_id = citizen_id
    await enrolment.save(using_db=tx, update_fields=["citizen_id"])
    for model in (CarePlan, Measurement, FollowUp, Alert):
        rows = model.filter(enrolment_id=enrolment.id)
        await rows.using_db(tx).update(citizen_id=citizen_id)


async def has_open(tx: Transaction, citizen_id: UUID, programme: str) -> bool:
    """Whether somebody takes part in a programme."""
    rows = Enrolment.filter(citizen_id=citizen_id, programme=programme, closed_at=None)
    return await rows.using_db(tx).exists()


async def list_plans(enrolment_ids: Sequence[UUID]) -> Mapping[UUID, CarePlan]:
    """The newest version of each enrolment's plan."""
    rows = await CarePlan.filter(enrolment_id__in=list(enrolment_ids)).order_by("version")
    return {row.enrolment_id: row for row in rows}


async def newest_version(tx: Transaction, enrolment_id: UUID) -> int:
    """The number of the newest version of a plan."""
    plans = CarePlan.filter(enrolment_id=enrolment_id).using_db(tx)
    newest = await plans.order_by("-version").first()
    return 0 if newest is None else newest.version


async def list_measured(
    enrolment_ids: Sequence[UUID], since: datetime, tx: Transaction | None = None
) -> Sequence[Measurement]:
    """The measurements of enrolments since a moment, the oldest first."""
    rows = Measurement.filter(enrolment_id__in=list(enrolment_ids), measured_at__gte=since)
    return await (rows.using_db(tx) if tx else rows).order_by("measured_at", "id")


async def list_follow_ups(enrolment_ids: Sequence[UUID]) -> Sequence[FollowUp]:
    """The visits of enrolments in the order in which they are due."""
    return await FollowUp.filter(enrolment_id__in=list(enrolment_ids)).order_by("from_on", "id")


async def list_alerts(enrolment_ids: Sequence[UUID]) -> Sequence[Alert]:
    """The alerts of enrolments, the newest first."""
    return await Alert.filter(enrolment_id__in=list(enrolment_ids)).order_by("-id")


async def list_open_alerts(*, first: int, after: UUID | None) -> Sequence[Alert]:
    """Everybody's alerts that nobody has handled, the oldest first."""
    rows = Alert.filter(handled_at=None)
    if after is not None:
        rows = rows.filter(id__gt=after)
    return await rows.order_by("id").limit(first)


async def insert_visits(tx: Transaction, enrolment: Enrolment, visits: Sequence[Visit]) -> None:
    """Add visits that the enrolment does not have yet."""
    rows = [
        FollowUp(
            id=new_id(),
            enrolment_id=enrolment.id,
            citizen_id=enrolment.citizen_id,
            code=visit.code,
            name_zh=visit.name.zh,
            name_en=visit.name.en,
            from_on=visit.from_on,
            until_on=visit.until_on,
            state=DUE,
        )
        for visit in visits
    ]
    await FollowUp.bulk_create(rows, ignore_conflicts=True, using_db=tx)


async def delete_due(tx: Transaction, enrolment_id: UUID) -> None:
    """Drop the visits that are neither booked nor kept: the schedule is made anew."""
    await FollowUp.filter(enrolment_id=enrolment_id, state=DUE).using_db(tx).delete()


async def insert_plan(
    tx: Transaction, enrolment: Enrolment, plan: CarePlan, *, first: bool
) -> CarePlan:
    """Add a version of a plan; the `first` is made once."""
    if first:
        await CarePlan.bulk_create([plan], ignore_conflicts=True, using_db=tx)
    else:
        await plan.save(using_db=tx, force_create=True)
    return await CarePlan.get(enrolment_id=enrolment.id, version=plan.version, using_db=tx)


async def raise_alert(
    tx: Transaction, enrolment: Enrolment, rule: str, severity: str, now: datetime
) -> bool:
    """Add an alert; False where the same one is open already."""
    row = await fetch_one(
        tx,
        """INSERT INTO health_alert (id, enrolment_id, citizen_id, rule, severity, raised_at)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (enrolment_id, rule) WHERE handled_at IS NULL DO NOTHING RETURNING id""",
        new_id(),
        enrolment.id,
        enrolment.citizen_id,
        rule,
        severity,
        now,
    )
    return row is not None


async def handle_alerts(tx: Transaction, enrolment_id: UUID, now: datetime) -> None:
    """Note that staff have answered everything that was open."""
    open_ones = Alert.filter(enrolment_id=enrolment_id, handled_at=None).using_db(tx)
    await open_ones.update(handled_at=now)


async def close(tx: Transaction, enrolment: Enrolment, reason: str, now: datetime) -> None:
    """End an enrolment: nobody is reminded of it any more, and nothing of it waits for staff."""
    await Enrolment.filter(id=enrolment.id).using_db(tx).update(closed_at=now, close_reason=reason)
    await delete_due(tx, enrolment.id)
    await handle_alerts(tx, enrolment.id, now)


async def delete_all_of(tx: Transaction, enrolment_id: UUID) -> None:
    """Forget what was kept under an enrolment."""
    tables: Sequence[type[Model]] = (CarePlan, Measurement, FollowUp, Alert)
    for model in tables:
        await model.filter(enrolment_id=enrolment_id).using_db(tx).delete()
