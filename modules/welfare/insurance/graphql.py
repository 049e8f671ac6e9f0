"""The GraphQL types of what the five insurances have in common."""

from dataclasses import replace
from typing import Annotated, Any

import strawberry

from core.context.app import App
from core.graphql import Info, of_service, query, reading_view, view
from core.people.personal_files import file_link
from core.upstream.readings import Reading
from kinds.lookup import Page, PersonalLookup, check_year, lookup_field, page_field
from modules.welfare.insurance.domain import (
    Enrolment,
    InsuranceAccountMovement,
    InsuranceContribution,
    InsuranceRecord,
    InsuredPerson,
)
from modules.welfare.insurance.lookup import Insurance, R
from modules.welfare.insurance.statement import InsuranceStatement

NAMES = {
    f"{name}_zh": name for name in ("employer", "place", "institution", "from_place", "to_place")
}
"""Names of employers, places and institutions exist in Chinese alone."""

view(InsuranceAccountMovement)
view(InsuredPerson, hidden=("resident_id", "document_type", "document_no"))
view(Enrolment, names=NAMES)
view(
    InsuranceContribution,
    names=NAMES | {"employer_fen": "employer_part", "personal_fen": "personal_part"},
)
view(InsuranceRecord, is_interface=True)
view(InsuranceStatement, hidden=("facts", "recorded_at", "access_id"))
InsuranceStatementReading = reading_view(
    "InsuranceStatementReading",
    "A yearly statement of an insurance, and how fresh that is.",
    statement=Annotated[
        InsuranceStatement, "Null for who was never enrolled, or nothing can be shown."
    ],
)
StatementYear = Annotated[
    int | None, strawberry.argument(description="The year; the last one where none is given.")
]


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


def statement_field(insurance: Insurance[Any]) -> Any:
    """The query field of an insurance's yearly statement."""

    async def resolve(info: Info, year: StatementYear = None) -> Reading[Any]:
        call = info.context
        check_year(year)
        reading: Reading[Any] = await insurance.statement.read(call, year)
        return reading.map(lambda statement: _linked(call.app, insurance, statement))

    rule = of_service(insurance.record.service, for_others=True)
    description = (
        f"What was paid into the {insurance.title.en} of the viewer, or of whom they act for, in a "
        "year."
    )
    return query(rule, description=description, returns=InsuranceStatementReading)(resolve)


def _linked(
    app: App, insurance: Insurance[Any], statement: InsuranceStatement
) -> InsuranceStatement:
    """With a link to its PDF."""
    if app.keys.document_signing is None:
        return statement
    link = file_link(app, insurance.file_kind, statement.access_id, str(statement.year))
    return replace(statement, pdf=link)
