"""The GraphQL types of care programmes, and the fields that each programme has of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import strawberry

from core.clock import civil_date
from core.context.call import Call
from core.graphql import IdempotencyKey, Info, Refused, mutation, of_service, parse_id, query, view
from core.standards import sparkline
from core.texts import Locale, Named
from modules.health.programmes import domain, service
from modules.health.programmes.domain import Adherence, Goal, Quantity, Rule, Severity
from modules.health.programmes.models import NOTE, Alert, FollowUp, Measurement
from modules.health.programmes.programme import Programme
from modules.health.programmes.service import Care, measured_of

view(Quantity, name="CareQuantity")
view(Severity, name="CareSeverity")
view(Goal, name="CareGoal")
view(Adherence, name="CareAdherence")

_SHOWN = 90
"""So many measurements are shown, the newest."""


@strawberry.input(description="One measured value.")
class MeasuredValueInput:
    """A value in the unit of its quantity."""

    quantity: Quantity = strawberry.field(description="What was measured.")
    value: float = strawberry.field(description="The value in the unit of the quantity.")


@view
@dataclass(frozen=True, slots=True)
class MeasuredValue:
    """One measured value."""

    quantity: Annotated[Quantity, "What was measured."]
    value: Annotated[float, "The value, as it was typed."]
    unit: Annotated[str, "Its unit, as UCUM writes it."]


@view
@dataclass(frozen=True, slots=True)
class CareMeasurement:
    """What was measured at one moment."""

    id: Annotated[UUID, "Its id."]
    values: Annotated[Sequence[MeasuredValue], "The values."]
    measured_at: Annotated[datetime, "When it was measured."]
    typed_as: Annotated[str, "What the person who typed it is: self, guardian or proxy."]


@view
@dataclass(frozen=True, slots=True)
class CarePlan:
    """The plan that holds now: goals, how often to measure, what staff have added."""

    version: Annotated[int, "Counts up with each change."]
    goals: Annotated[Sequence[Goal], "What it aims at."]
    every_days: Annotated[int, "Measure every so many days."]
    note: Annotated[str | None, "What the doctor says; null where nothing."]
    is_by_staff: Annotated[bool, "Whether a doctor made this version; else the programme did."]
    made_at: Annotated[datetime, "Since when it holds."]


class FollowUpState(StrEnum):
    """How far a visit has got. DUE: not booked. BOOKED: for a moment. KEPT: over."""

    DUE = "DUE"
    BOOKED = "BOOKED"
    KEPT = "KEPT"


@view
@dataclass(frozen=True, slots=True)
class CareFollowUp:
    """A visit of the plan."""

    id: Annotated[UUID, "Its id."]
    code: Annotated[str, "What the schedule calls it."]
    name: Annotated[Named, "Its name."]
    from_on: Annotated[date, "The first day on which it can be made."]
    until_on: Annotated[date, "The last day on which it is due."]
    state: Annotated[FollowUpState, "How far it has got."]
    booked_at: Annotated[datetime | None, "The moment for which it is booked."]
    place: Annotated[str | None, "Where it is booked."]


@view
@dataclass(frozen=True, slots=True)
class CareAlert:
    """That measurements have met a rule of the programme."""

    id: Annotated[UUID, "Its id."]
    rule: Annotated[str, "The rule's code."]
    severity: Annotated[Severity, "How soon somebody has to act."]
    advice: Annotated[str, "What to do, in the viewer's language."]
    source: Annotated[str, "Where the rule is published."]
    raised_at: Annotated[datetime, "When it was met."]
    handled_at: Annotated[datetime | None, "When staff answered it; null while it is open."]


@view
@dataclass(frozen=True, slots=True)
class CarePicture:
    """A drawn series."""

    quantity: Annotated[Quantity, "What it shows."]
    title: Annotated[str, "What it shows, in words."]
    svg: Annotated[str, "The picture, SVG 1.1; measurements tells the same as a table."]


@view
@dataclass(frozen=True, slots=True)
class CareEnrolment:
    """Somebody's part in a programme, with everything that is kept of it."""

    id: Annotated[UUID, "Its id."]
    label: Annotated[str, "The person's own name for it, perhaps empty."]
    enrolled_on: Annotated[date, "When they joined."]
    closed_at: Annotated[datetime | None, "When it was closed; null while it is open."]
    close_reason: Annotated[str | None, "Why: BIRTH or LOSS."]
    plan: Annotated[CarePlan, "The plan that holds."]
    measurements: Annotated[Sequence[CareMeasurement], "The newest ninety, the newest first."]
    follow_ups: Annotated[Sequence[CareFollowUp], "Its visits in the order in which they are due."]
    alerts: Annotated[Sequence[CareAlert], "Its alerts, the newest first."]
    adherence: Annotated[Adherence | None, "How well the plan is kept; null once it is closed."]
    pictures: Annotated[Sequence[CarePicture], "The course of each measured quantity."]


@view
@dataclass(frozen=True, slots=True)
class CareJoined:
    """The person takes part."""

    enrolment: Annotated[CareEnrolment, "Their part, with its first plan."]


@view
@dataclass(frozen=True, slots=True)
class MeasurementRecorded:
    """The measurement is kept."""

    enrolment: Annotated[CareEnrolment, "The enrolment with it."]
    alerts: Annotated[Sequence[CareAlert], "The alerts that it belongs to, the newest first."]


@view
@dataclass(frozen=True, slots=True)
class CareLeft:
    """The person takes part no more, and what was kept is forgotten."""

    enrolment_id: Annotated[str, "The enrolment's id."]


EnrolmentId = Annotated[strawberry.ID, strawberry.argument(description="The enrolment's id.")]
MeasuredAt = Annotated[
    datetime | None,
    strawberry.argument(
        description="When it was measured: at most 90 days ago, of a small child since the birth, "
        "in pregnancy since its beginning; null for now."
    ),
]
MeasuredValues = Annotated[
    list[MeasuredValueInput], strawberry.argument(description="What was measured then.")
]


def care_field(programme: Programme, *, description: str) -> Any:
    """The query field of all enrolments of the viewer, or of whom they act for."""

    async def resolve(info: Info) -> list[CareEnrolment]:
        return [
            to_enrolment(info.context, programme, care)
            for care in await service.read_care(info.context, programme)
        ]

    return query(of_service(programme.service, for_others=True), description=description)(resolve)


def record_field(programme: Programme, name: str, *, description: str) -> Any:
    """The mutation field, called `name`, that stores a measurement and answers with its alerts."""

    async def resolve(
        info: Info,
        enrolment_id: EnrolmentId,
        values: MeasuredValues,
        idempotency_key: IdempotencyKey,
        measured_at: MeasuredAt = None,
    ) -> Any:
        given = {one.quantity: one.value for one in values}
        return await record(
            info.context, programme, parse_id(enrolment_id), given, measured_at, idempotency_key
        )

    return _mutation(programme, resolve, MeasurementRecorded, name, description, for_others=True)


def leave_field(
    programme: Programme, name: str, *, description: str, for_others: bool = False
) -> Any:
    """The mutation field, called `name`, by which the viewer leaves, or a child of theirs."""

    async def resolve(
        info: Info, enrolment_id: EnrolmentId, idempotency_key: IdempotencyKey
    ) -> Any:
        row_id = parse_id(enrolment_id)
        await service.leave(info.context, programme, row_id, idempotency_key)
        return CareLeft(enrolment_id)

    return _mutation(programme, resolve, CareLeft, name, description, for_others=for_others)


def _mutation(
    programme: Programme,
    resolve: Any,
    payload: type,
    name: str,
    description: str,
    *,
    for_others: bool = False,
) -> Any:
    union = f"{name[0].upper()}{name[1:]}Result"
    resolve.__annotations__["return"] = Annotated[payload | Refused, strawberry.union(union)]
    rule = of_service(programme.service, for_others=for_others)
    return mutation(rule, description=description)(resolve)


async def record(
    call: Call,
    programme: Programme,
    enrolment_id: UUID,
    values: domain.Values,
    measured_at: datetime | None,
    key: str,
) -> MeasurementRecorded:
    """Store a measurement and show what has come of it."""
    recorded = await service.record(call, programme, enrolment_id, values, measured_at, key)
    codes = {rule.code for rule in recorded.rules}
    shown = to_enrolment(call, programme, recorded.care)
    return MeasurementRecorded(
        shown, [one for one in shown.alerts if one.rule in codes and one.handled_at is None]
    )


def to_enrolment(call: Call, programme: Programme, care: Care) -> CareEnrolment:
    """An enrolment as it is shown."""
    row, plan = care.enrolment, care.plan
    today = civil_date(call.app.clock.now())
    note = plan.note_sealed
    rules = {rule.code: rule for rule in programme.rules}
    goals = [Goal(Quantity(str(one["quantity"])), _bound(one, "at_least"), _bound(one, "below"))
             for one in plan.goals]  # fmt: skip
    measured = [measured_of(one) for one in care.measured]
    kept = domain.adherence(measured, plan.every_days, row.enrolled_on, today)
    return CareEnrolment(
        row.id,
        row.label,
        row.enrolled_on,
        row.closed_at,
        row.close_reason,
        CarePlan(
            plan.version,
            goals,
            plan.every_days,
            call.app.vault.decrypt(bytes(note), NOTE) if note else None,
            plan.is_by_staff,
            plan.made_at,
        ),
        [_measurement(one) for one in reversed(care.measured[-_SHOWN:])],
        [_follow_up(one) for one in care.follow_ups],
        [_alert(one, rules[one.rule], call.locale) for one in care.alerts if one.rule in rules],
        None if row.closed_at else kept,
        _pictures(goals, measured[-_SHOWN:], call.locale),
    )


def _bound(stored: dict[str, str | float | None], name: str) -> float | None:
    value = stored[name]
    return None if value is None else float(value)


def _measurement(row: Measurement) -> CareMeasurement:
    values = measured_of(row).values.items()
    shown = [MeasuredValue(name, value, domain.UNIT[name]) for name, value in values]
    return CareMeasurement(row.id, shown, row.measured_at, row.typed_as)


def _follow_up(row: FollowUp) -> CareFollowUp:
    return CareFollowUp(
        row.id,
        row.code,
        Named(row.name_zh, row.name_en),
        row.from_on,
        row.until_on,
        FollowUpState(row.state),
        row.booked_at,
        row.place,
    )


def _alert(row: Alert, rule: Rule, locale: Locale) -> CareAlert:
    return CareAlert(
        row.id,
        row.rule,
        Severity(row.severity),
        rule.advice.say(locale),
        rule.source,
        row.raised_at,
        row.handled_at,
    )


NAME = {
    Quantity.SYSTOLIC: Named("高压", "Systolic pressure"),
    Quantity.DIASTOLIC: Named("低压", "Diastolic pressure"),
    Quantity.PULSE: Named("脉搏", "Pulse"),
    Quantity.GLUCOSE_FASTING: Named("空腹血糖", "Fasting glucose"),
    Quantity.GLUCOSE_AFTER_MEAL: Named("餐后血糖", "Glucose after a meal"),
    Quantity.GLUCOSE_RANDOM: Named("随机血糖", "Glucose at any time"),
    Quantity.HBA1C: Named("糖化血红蛋白", "HbA1c"),
    Quantity.WEIGHT: Named("体重", "Weight"),
    Quantity.LENGTH: Named("身长", "Length"),
    Quantity.HEAD: Named("头围", "Head circumference"),
}


def _pictures(
    goals: Sequence[Goal], measured: Sequence[domain.Measured], locale: Locale
) -> Sequence[CarePicture]:
    """The course of each quantity that was measured, with its goals as marks across."""
    shown = []
    for quantity, name in NAME.items():
        series = [one.values[quantity] for one in measured if quantity in one.values]
        if not series:
            continue
        marks = [
            mark
            for goal in goals
            if goal.quantity is quantity
            for mark in (goal.at_least, goal.below)
            if mark is not None
        ]
        title = f"{name.say(locale)}: {min(series)}-{max(series)} {domain.UNIT[quantity]}"
        shown.append(CarePicture(quantity, title, sparkline.draw(series, title, marks)))
    return shown
