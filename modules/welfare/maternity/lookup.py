"""Maternity insurance: what is asked, on which consent, and how it is shown."""

import strawberry

from core.texts import Named
from modules.welfare.insurance.graphql import (
    contributions_field,
    insurance_field,
    insurance_reading,
    statement_field,
)
from modules.welfare.insurance.lookup import insurance
from modules.welfare.insurance.upstream import MEDICAL
from modules.welfare.maternity import texts
from modules.welfare.maternity.domain import MaternityRecord

MATERNITY = insurance(
    "maternity",
    Named("生育保险", "maternity insurance"),
    MEDICAL,
    MaternityRecord,
    fields=("allowances",),
    consent=texts.CONSENT,
)
MaternityInsurance = insurance_reading("MaternityInsurance", MATERNITY, MaternityRecord)


@strawberry.type
class Query:
    """Maternity insurance's query fields."""

    maternity_insurance = insurance_field(MATERNITY, MaternityInsurance)
    maternity_contributions = contributions_field(MATERNITY)
    maternity_statement = statement_field(MATERNITY)
