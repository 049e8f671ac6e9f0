"""Pension insurance: what is asked, on which consent, and how it is shown."""

from dataclasses import replace

import strawberry

from core.clock import civil_date
from core.context.app import App
from core.graphql import view
from core.people.personal_read import Access
from core.texts import Named
from modules.welfare.insurance.domain import InsuranceAccountMovement
from modules.welfare.insurance.graphql import (
    NAMES,
    contributions_field,
    insurance_field,
    insurance_reading,
    movements_field,
    statement_field,
)
from modules.welfare.insurance.lookup import insurance, pages_of
from modules.welfare.insurance.statement import balance_line
from modules.welfare.insurance.upstream import SOCIAL
from modules.welfare.pension import texts
from modules.welfare.pension.domain import PensionRecord, PensionTransfer, project


def add_projection(app: App, access: Access, record: PensionRecord) -> PensionRecord:
    """The record with how far the person is from a pension today."""
    today = civil_date(app.clock.now())
    return replace(record, projection=project(record, access.person.born_on, today))


PENSION = insurance(
    "pension",
    Named("养老保险", "pension insurance"),
    SOCIAL,
    PensionRecord,
    fields=("account", "transfers", "benefit"),
    consent=texts.CONSENT,
    complete=add_projection,
    facts=lambda record: (balance_line(record.account.balance_fen),),
)
MOVEMENTS = pages_of(PENSION, "account/movements", InsuranceAccountMovement)

view(PensionTransfer, names=NAMES)
PensionInsurance = insurance_reading("PensionInsurance", PENSION, PensionRecord)


@strawberry.type
class Query:
    """Pension insurance's query fields."""

    pension_insurance = insurance_field(PENSION, PensionInsurance)
    pension_contributions = contributions_field(PENSION)
    pension_statement = statement_field(PENSION)
    pension_movements = movements_field(MOVEMENTS)
