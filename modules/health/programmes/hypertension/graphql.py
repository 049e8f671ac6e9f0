"""Service 25 in GraphQL."""

from typing import Annotated

import strawberry

from core.graphql import IdempotencyKey, Info, Refused, mutation, of_service
from modules.health.programmes import joining
from modules.health.programmes.graphql import (
    CareJoined,
    care_field,
    leave_field,
    record_field,
    to_enrolment,
)
from modules.health.programmes.hypertension.programme import HYPERTENSION, SERVICE

EnrolInHypertensionCareResult = Annotated[
    CareJoined | Refused, strawberry.union("EnrolInHypertensionCareResult")
]


@strawberry.type
class Query:
    """The query field of service 25."""

    hypertension_care = care_field(
        HYPERTENSION,
        description="The blood pressure programme of the viewer, or of whom they act for: empty "
        "where they do not take part. Needs the consent `health.hypertension-care`.",
    )


@strawberry.type
class Mutation:
    """The mutation fields of service 25."""

    @mutation(
        of_service(SERVICE),
        description="Take part in the blood pressure programme, from 18 years on. Needs the "
        "consent `health.hypertension-care`.",
    )
    async def enrol_in_hypertension_care(
        self, info: Info, idempotency_key: IdempotencyKey
    ) -> EnrolInHypertensionCareResult:
        """Once; with a plan for the person's age."""
        care = await joining.join_as_adult(info.context, HYPERTENSION, idempotency_key)
        return CareJoined(to_enrolment(info.context, HYPERTENSION, care))

    record_blood_pressure = record_field(
        HYPERTENSION,
        "recordBloodPressure",
        description="Note a blood pressure, for oneself or whom one acts for. What looks like a "
        "slip of the finger is asked about, and nothing is kept then.",
    )
    leave_hypertension_care = leave_field(
        HYPERTENSION, "leaveHypertensionCare", description="Take part no more."
    )
