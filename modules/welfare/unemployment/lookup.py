"""Unemployment insurance: what is asked, on which consent, and how it is shown."""

import strawberry

from core.texts import Named
from modules.welfare.insurance.graphql import (
    contributions_field,
    insurance_field,
    insurance_reading,
    statement_field,
)
from modules.welfare.insurance.lookup import insurance
from modules.welfare.insurance.upstream import SOCIAL
from modules.welfare.unemployment import texts
from modules.welfare.unemployment.domain import UnemploymentRecord

UNEMPLOYMENT = insurance(
    "unemployment",
    Named("失业保险", "unemployment insurance"),
    SOCIAL,
    UnemploymentRecord,
    fields=("entitlement", "benefits"),
    consent=texts.CONSENT,
)
UnemploymentInsurance = insurance_reading("UnemploymentInsurance", UNEMPLOYMENT, UnemploymentRecord)


@strawberry.type
class Query:
    """Unemployment insurance's query fields."""

    unemployment_insurance = insurance_field(UNEMPLOYMENT, UnemploymentInsurance)
    unemployment_contributions = contributions_field(UNEMPLOYMENT)
    unemployment_statement = statement_field(UNEMPLOYMENT)
