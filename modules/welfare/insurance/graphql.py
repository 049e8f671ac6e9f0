"""The GraphQL types of what the five insurances have in common."""

from typing import Annotated, Any

from core.graphql import reading_view, view
from kinds.lookup import Page, PersonalLookup, lookup_field, page_field
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


def insurance_reading(name: str, words: str, record: type[InsuranceRecord]) -> type:
    """The GraphQL type of a reading of one insurance's record; `words` name the insurance."""
    return reading_view(
        name,
        f"The viewer's {words}, and how fresh that is.",
        record=Annotated[
            record, "The record; null for who was never enrolled, or nothing can be shown."
        ],
    )


def insurance_field(lookup: PersonalLookup[..., Any], returns: type, words: str) -> Any:
    """The query field of one insurance's record."""
    return lookup_field(
        lookup,
        returns=returns,
        for_others=True,
        description=f"The {words} of the viewer, or of whom they act for.",
    )


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
