"""Work-injury insurance in GraphQL."""

from typing import Annotated

import strawberry

from core.graphql import reading_view, view
from kinds.lookup import lookup_field
from modules.welfare.insurance.graphql import NAMES, contributions_field
from modules.welfare.work_injury import lookup
from modules.welfare.work_injury.domain import InjuryRecognition, WorkInjuryRecord

view(InjuryRecognition, names=NAMES)
WorkInjuryInsurance = reading_view(
    "WorkInjuryInsurance",
    "The viewer's work-injury insurance, and how fresh that is.",
    record=Annotated[
        WorkInjuryRecord, "The record; null for who was never enrolled, or nothing can be shown."
    ],
)


@strawberry.type
class Query:
    """Work-injury insurance's query fields."""

    work_injury_insurance = lookup_field(
        lookup.WORK_INJURY,
        returns=WorkInjuryInsurance,
        for_others=True,
        description="The work-injury insurance of the viewer, or of whom they act for.",
    )
    work_injury_contributions = contributions_field(lookup.WORK_INJURY_CONTRIBUTIONS)
