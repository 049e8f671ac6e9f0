"""The GraphQL types of what the five insurances have in common."""

from typing import Any

from core.graphql import view
from kinds.lookup import Page, PersonalLookup, page_field
from modules.welfare.insurance.domain import (
    Enrolment,
    InsuranceAccountMovement,
    InsuranceContribution,
    InsuranceRecord,
    InsuredPerson,
)

NAMES = {"employer_zh": "employer", "place_zh": "place", "institution_zh": "institution"}
"""Names of employers, places and institutions exist in Chinese alone."""

view(InsuranceAccountMovement)
view(InsuredPerson, hidden=("resident_id",))
view(Enrolment, names=NAMES)
view(
    InsuranceContribution,
    names=NAMES | {"employer_fen": "employer_part", "personal_fen": "personal_part"},
)
view(InsuranceRecord, is_interface=True)


def contributions_field(lookup: PersonalLookup[..., Page[InsuranceContribution] | None]) -> Any:
    """The query field of an insurance's contributions."""
    return page_field(
        lookup,
        node=InsuranceContribution,
        for_others=True,
        description="What was paid for the viewer, or for whom they act, month by month, newest "
        "first; empty for who was never enrolled.",
    )


def movements_field(lookup: PersonalLookup[..., Page[InsuranceAccountMovement] | None]) -> Any:
    """The query field of an insurance's personal account."""
    return page_field(
        lookup,
        node=InsuranceAccountMovement,
        for_others=True,
        description="What moved on the personal account of the viewer, or of whom they act for, "
        "newest first; empty where there is no account.",
    )
