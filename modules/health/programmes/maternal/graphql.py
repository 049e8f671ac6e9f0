"""Service 27 in GraphQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import strawberry

from core.clock import civil_date
from core.context.call import Call
from core.graphql import (
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    of_service,
    parse_id,
    query,
    reading_view,
    view,
)
from core.upstream.records import Records
from kinds.lookup import lookup_field
from modules.health.programmes import service as programmes
from modules.health.programmes.graphql import (
    CareEnrolment,
    EnrolmentId,
    leave_field,
    record_field,
    to_enrolment,
)
from modules.health.programmes.infant.graphql import InfantCare, to_infant
from modules.health.programmes.infant.growth import Sex
from modules.health.programmes.maternal import service
from modules.health.programmes.maternal.gestation import DatedBy, Gestation
from modules.health.programmes.maternal.notices import BIRTHS, BirthNotice
from modules.health.programmes.maternal.programme import MATERNAL, SERVICE, gestation_of
from modules.health.programmes.maternal.service import Newborn
from modules.health.programmes.service import Care

view(BirthNotice)
BirthNotices = reading_view(
    "BirthNotices",
    "Certificates of birth, and how fresh that is.",
    items=Annotated[Records[BirthNotice], "The viewer's children, the newest certificate first."],
)
view(DatedBy, name="PregnancyDatedBy")
view(Gestation, name="PregnancyDates")


@strawberry.input(description="A child that was born.")
class NewbornInput:
    """A child."""

    sex: Sex = strawberry.field(description="The sex, for the growth standard.")
    label: str = strawberry.field(
        default="", description="The parent's name for the child, up to 16 characters."
    )


@view
@dataclass(frozen=True, slots=True)
class MaternalCare:
    """A pregnancy's plan."""

    enrolment: Annotated[CareEnrolment, "Plan, measurements, visits, alerts."]
    dates: Annotated[Gestation, "The due date, and what it rests on."]
    weeks: Annotated[int | None, "Full weeks of the pregnancy today; null once it is closed."]
    days: Annotated[int | None, "Days beyond these weeks; null once it is closed."]


@view
@dataclass(frozen=True, slots=True)
class MaternalChanged:
    """The plan as it stands now."""

    care: Annotated[MaternalCare, "The plan."]


@view
@dataclass(frozen=True, slots=True)
class BirthReported:
    """The plan is closed, and each child has one."""

    care: Annotated[MaternalCare, "The mother's plan, closed."]
    infants: Annotated[Sequence[InfantCare], "The children's plans in the order of the input."]


EnrolInMaternalCareResult = Annotated[
    MaternalChanged | Refused, strawberry.union("EnrolInMaternalCareResult")
]
CorrectDueDateResult = Annotated[
    MaternalChanged | Refused, strawberry.union("CorrectDueDateResult")
]
ReportBirthResult = Annotated[BirthReported | Refused, strawberry.union("ReportBirthResult")]
CloseMaternalCareResult = Annotated[
    MaternalChanged | Refused, strawberry.union("CloseMaternalCareResult")
]


@strawberry.type
class Query:
    """The query field of service 27."""

    @query(
        of_service(SERVICE, for_others=True),
        description="The pregnancy plans of the viewer, or of whom they act for, the newest "
        "first. Needs the consent `health.maternal-infant-care`.",
    )
    async def maternal_care(self, info: Info) -> list[MaternalCare]:
        """Closed ones too."""
        rows = await programmes.read_care(info.context, MATERNAL)
        return [_show(info.context, care) for care in rows]

    birth_notices = lookup_field(
        BIRTHS,
        returns=BirthNotices,
        description="What hospitals have certified of the viewer's births, for reportBirth. Needs "
        "the consent `health.birth-register`.",
    )


@strawberry.type
class Mutation:
    """The mutation fields of service 27."""

    @mutation(
        of_service(SERVICE),
        description="Open a pregnancy's plan, by the last period or by the due date. Needs the "
        "consent `health.maternal-infant-care`.",
    )
    async def enrol_in_maternal_care(
        self,
        info: Info,
        idempotency_key: IdempotencyKey,
        last_period_on: Annotated[
            date | None, strawberry.argument(description="The first day of the last period.")
        ] = None,
        due_on: Annotated[
            date | None, strawberry.argument(description="The due date that a doctor has told.")
        ] = None,
        fetuses: Annotated[
            int, strawberry.argument(description="How many children are expected, 1 to 5.")
        ] = 1,
    ) -> EnrolInMaternalCareResult:
        """With the visits of the national schedule that are still to come."""
        care = await service.enrol(info.context, last_period_on, due_on, fetuses, idempotency_key)
        return MaternalChanged(_show(info.context, care))

    @mutation(
        of_service(SERVICE),
        description="Note a scan: it corrects the due date, once, where both differ too much.",
    )
    async def correct_due_date(
        self,
        info: Info,
        enrolment_id: EnrolmentId,
        scan_on: Annotated[date, strawberry.argument(description="The day of the scan.")],
        weeks: Annotated[int, strawberry.argument(description="The weeks that it showed.")],
        days: Annotated[int, strawberry.argument(description="The days beyond these weeks.")],
        idempotency_key: IdempotencyKey,
    ) -> CorrectDueDateResult:
        """The visits move with it."""
        care = await service.correct(
            info.context, parse_id(enrolment_id), scan_on, weeks, days, idempotency_key
        )
        return MaternalChanged(_show(info.context, care))

    record_pregnancy = record_field(
        MATERNAL, "recordPregnancy", description="Note a blood pressure or a weight in pregnancy."
    )

    @mutation(
        of_service(SERVICE),
        description="Tell a birth: the plan is closed and each child has one of their own.",
    )
    async def report_birth(
        self,
        info: Info,
        enrolment_id: EnrolmentId,
        born_on: Annotated[date, strawberry.argument(description="The day of the birth.")],
        children: Annotated[
            list[NewbornInput], strawberry.argument(description="The children, one to five.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> ReportBirthResult:
        """Twins have two plans."""
        born = [Newborn(child.sex, child.label) for child in children]
        care, infants = await service.report_birth(
            info.context, parse_id(enrolment_id), born_on, born, idempotency_key
        )
        shown = [to_infant(info.context, infant) for infant in infants]
        return BirthReported(_show(info.context, care), shown)

    @mutation(
        of_service(SERVICE),
        description="Close the plan without a birth: nothing is asked, nothing is sent, nobody is "
        "reminded any more.",
    )
    async def close_maternal_care(
        self, info: Info, enrolment_id: EnrolmentId, idempotency_key: IdempotencyKey
    ) -> CloseMaternalCareResult:
        """Quietly."""
        care = await service.close_quietly(info.context, parse_id(enrolment_id), idempotency_key)
        return MaternalChanged(_show(info.context, care))

    leave_maternal_care = leave_field(
        MATERNAL, "leaveMaternalCare", description="End a plan, open or closed, and forget it."
    )


def _show(call: Call, care: Care) -> MaternalCare:
    gestation = gestation_of(care.enrolment.facts)
    enrolment = to_enrolment(call, MATERNAL, care)
    if care.enrolment.closed_at is not None:
        return MaternalCare(enrolment, gestation, None, None)
    weeks, days = divmod(gestation.days_on(civil_date(call.app.clock.now())), 7)
    return MaternalCare(enrolment, gestation, weeks, days)
