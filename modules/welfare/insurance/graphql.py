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
from modules.welfare.insurance.lookup import Insurance, R

NAMES = {
    f"{name}_zh": name for name in ("employer", "place", "institution", "from_place", "to_place")
}
"""Names of employers, places and institutions exist in Chinese alone."""

view(InsuranceAccountMovement)
view(InsuredPerson, hidden=("resident_id",))
view(Enrolment, names=NAMES)
view(
    InsuranceContribution,
    names=NAMES | {"employer_fen": "employer_part", "personal_fen": "personal_part"},
)
view(InsuranceRecord, is_interface=True)


def insurance_reading(name: str, insurance: Insurance[R], record: type[R]) -> type:
    """The GraphQL type of a reading of an insurance's record."""
    return reading_view(
        name,
        f"The viewer's {insurance.title.en}, and how fresh that is.",
        record=Annotated[
            record, "The record; null for who was never enrolled, or nothing can be shown."
        ],
    )


def insurance_field(insurance: Insurance[Any], returns: type) -> Any:
    """The query field of an insurance's record."""
    return lookup_field(
        insurance.record,
        returns=returns,
        for_others=True,
        description=f"The {insurance.title.en} of the viewer, or of whom they act for.",
    )


def contributions_field(insurance: Insurance[Any]) -> Any:
    """The query field of an insurance's contributions."""
    return page_field(
        insurance.contributions,
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
