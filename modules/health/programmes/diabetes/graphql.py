"""Service 26 in GraphQL."""

from typing import Annotated

import strawberry

from core.graphql import IdempotencyKey, Info, Refused, mutation, of_service
from modules.health.programmes import joining
from modules.health.programmes.diabetes.programme import DIABETES, SERVICE
from modules.health.programmes.graphql import (
    CareJoined,
    care_field,
    leave_field,
    record_field,
    to_enrolment,
)

EnrolInDiabetesCareResult = Annotated[
    CareJoined | Refused, strawberry.union("EnrolInDiabetesCareResult")
]


@strawberry.type
class Query:
    """The query field of service 26."""

    diabetes_care = care_field(
        DIABETES,
        description="The diabetes programme of the viewer, or of whom they act for: empty "
        "where they do not take part. Needs the consent `health.diabetes-care`.",
    )


@strawberry.type
class Mutation:
    """The mutation fields of service 26."""

    @mutation(
        of_service(SERVICE),
        description="Take part in the diabetes programme, from 18 years on. Needs the "
        "consent `health.diabetes-care`.",
    )
    async def enrol_in_diabetes_care(
        self, info: Info, idempotency_key: IdempotencyKey
    ) -> EnrolInDiabetesCareResult:
        """Once; with a plan for the person's age."""
        care = await joining.join_as_adult(info.context, DIABETES, idempotency_key)
        return CareJoined(to_enrolment(info.context, DIABETES, care))

    record_glucose = record_field(
        DIABETES,
        "recordGlucose",
        description="Note blood glucose or HbA1c, for oneself or whom one acts for. What looks "
        "like a slip or another unit is asked about, and nothing is kept then.",
    )
    leave_diabetes_care = leave_field(
        DIABETES, "leaveDiabetesCare", description="Take part no more."
    )
