"""Service 28 in GraphQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import strawberry

from core.context.call import Call
from core.graphql import (
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    of_service,
    parse_id,
    query,
    view,
)
from core.people.mandates import act_for
from modules.health.programmes import service as programmes
from modules.health.programmes.domain import UNIT, Quantity
from modules.health.programmes.graphql import (
    NAME,
    CareEnrolment,
    CarePicture,
    EnrolmentId,
    leave_field,
    record_field,
    to_enrolment,
)
from modules.health.programmes.infant import chart, service
from modules.health.programmes.infant import programme as domain
from modules.health.programmes.infant.growth import GROWTH, Sex
from modules.health.programmes.infant.programme import INFANT, SERVICE, Infant, growth_of
from modules.health.programmes.service import Care, measured_of

view(Sex, name="ChildSex")


@view
@dataclass(frozen=True, slots=True)
class GrowthPoint:
    """A measurement beside the WHO Child Growth Standards."""

    quantity: Annotated[Quantity, "What was measured."]
    value: Annotated[float, "The value in the quantity's unit."]
    on: Annotated[date, "The day on which it was measured."]
    age_days: Annotated[int, "The age on that day."]
    compared_age_days: Annotated[
        int,
        "The age that it is compared at: of a preterm child until the second birthday the one "
        "counted from term, negative before.",
    ]
    z: Annotated[float | None, "The z-score; null where the standard is silent."]
    percentile: Annotated[float | None, "The percentile; null where the standard is silent."]


@view
@dataclass(frozen=True, slots=True)
class InfantCare:
    """A small child's plan, with the growth so far."""

    enrolment: Annotated[CareEnrolment, "Plan, measurements, check-ups, alerts."]
    born_on: Annotated[date, "The day of birth."]
    sex: Annotated[Sex, "The sex, for the standard."]
    gestation_days: Annotated[int | None, "How long the pregnancy was; null while unknown."]
    growth: Annotated[Sequence[GrowthPoint], "Every measurement, the oldest first."]
    charts: Annotated[Sequence[CarePicture], "A chart of each measured quantity."]


@view
@dataclass(frozen=True, slots=True)
class InfantJoined:
    """The child has a plan."""

    care: Annotated[InfantCare, "The plan."]


EnrolInInfantCareResult = Annotated[
    InfantJoined | Refused, strawberry.union("EnrolInInfantCareResult")
]
GiveInfantPlanResult = Annotated[InfantJoined | Refused, strawberry.union("GiveInfantPlanResult")]
Label = Annotated[
    str, strawberry.argument(description="The parent's name for the child, up to 16 characters.")
]


@strawberry.type
class Query:
    """The query field of service 28."""

    @query(
        of_service(SERVICE, for_others=True),
        description="The plans of the viewer's small children, or of whom they act for. Needs the "
        "consent `health.maternal-infant-care`.",
    )
    async def infant_care(self, info: Info) -> list[InfantCare]:
        """The youngest plan first."""
        rows = await programmes.read_care(info.context, INFANT)
        return [to_infant(info.context, care) for care in rows]


@strawberry.type
class Mutation:
    """The mutation fields of service 28."""

    @mutation(
        of_service(SERVICE, for_others=True),
        description="Open the plan of a child below six years: for the child itself, once it is "
        "registered (addNewborn, addChild), or under a name of the parent's choice. After a "
        "pregnancy that has a plan here, reportBirth does so. Needs the consent "
        "`health.maternal-infant-care`.",
    )
    async def enrol_in_infant_care(
        self,
        info: Info,
        born_on: Annotated[date, strawberry.argument(description="The day of birth.")],
        sex: Annotated[Sex, strawberry.argument(description="The sex, for the standard.")],
        idempotency_key: IdempotencyKey,
        label: Label = "",
        gestation_weeks: Annotated[
            int | None, strawberry.argument(description="Weeks of the pregnancy, 22 to 44.")
        ] = None,
        gestation_days: Annotated[
            int, strawberry.argument(description="Days beyond these weeks, 0 to 6.")
        ] = 0,
    ) -> EnrolInInfantCareResult:
        """At most six children; a preterm child is compared by corrected age."""
        days = service.gestation_days(gestation_weeks, gestation_days)
        infant = Infant(born_on, sex, days)
        row_id = await service.enrol(info.context, infant, label, idempotency_key)
        care = await programmes.read_one(info.context, INFANT, row_id)
        return InfantJoined(to_infant(info.context, care))

    record_growth = record_field(
        INFANT,
        "recordGrowth",
        description="Note a child's weight, length or head circumference. What does not fit the "
        "age is asked about, and nothing is kept then.",
    )
    leave_infant_care = leave_field(
        INFANT, "leaveInfantCare", description="End a child's plan.", for_others=True
    )

    @mutation(
        of_service(SERVICE),
        description="Make a plan that stands under the viewer's account the child's own, once the "
        "child is registered. Needs the child's consent `health.maternal-infant-care`.",
    )
    async def give_infant_plan(
        self,
        info: Info,
        enrolment_id: EnrolmentId,
        child_id: Annotated[
            strawberry.ID, strawberry.argument(description="The child: personId of mandates.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> GiveInfantPlanResult:
        """With everything that was measured; then it is read with onBehalfOf."""
        call, row_id = info.context, parse_id(enrolment_id)
        child = await act_for(call, parse_id(child_id), service=SERVICE)
        await service.give_plan(call, child, row_id, idempotency_key)
        care = await programmes.read_one(child, INFANT, row_id)
        return InfantJoined(to_infant(child, care))


def to_infant(call: Call, care: Care) -> InfantCare:
    """A child's plan as it is shown."""
    infant = Infant.of(care.enrolment.facts)
    points = growth_of(infant, [measured_of(one) for one in care.measured])
    return InfantCare(
        to_enrolment(call, INFANT, care),
        infant.born_on,
        infant.sex,
        infant.gestation_days,
        [_point(point) for point in points],
        _charts(call, infant, points),
    )


def _point(point: domain.GrowthPoint) -> GrowthPoint:
    percentile = point.percentile
    return GrowthPoint(
        point.quantity,
        point.value,
        point.on,
        point.age_days,
        point.compared_age_days,
        None if point.z is None else round(point.z, 2),
        None if percentile is None else round(percentile, 1),
    )


def _charts(
    call: Call, infant: Infant, points: Sequence[domain.GrowthPoint]
) -> Sequence[CarePicture]:
    charts = []
    for quantity in GROWTH:
        series = [point for point in points if point.quantity is quantity]
        if series:
            name, last = NAME[quantity].say(call.locale), series[-1]
            rank = "" if last.percentile is None else f", P{last.percentile:.0f}"
            title = f"{name}: {last.value} {UNIT[quantity]}{rank} ({last.on})"
            svg = chart.draw(infant.sex, quantity, series, title)
            charts.append(CarePicture(quantity, title, svg))
    return charts
