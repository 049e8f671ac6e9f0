"""Work-injury insurance: what is asked, on which consent, and how it is shown."""

import strawberry

from core.graphql import view
from core.texts import Named
from modules.welfare.insurance.graphql import (
    NAMES,
    contributions_field,
    insurance_field,
    insurance_reading,
    statement_field,
)
from modules.welfare.insurance.lookup import insurance
from modules.welfare.insurance.upstream import SOCIAL
from modules.welfare.work_injury import texts
from modules.welfare.work_injury.domain import InjuryRecognition, WorkInjuryRecord

WORK_INJURY = insurance(
    "work-injury",
    Named("工伤保险", "work-injury insurance"),
    SOCIAL,
    WorkInjuryRecord,
    fields=("recognitions", "benefits"),
    consent=texts.CONSENT,
)
view(InjuryRecognition, names=NAMES)
WorkInjuryInsurance = insurance_reading("WorkInjuryInsurance", WORK_INJURY, WorkInjuryRecord)


@strawberry.type
class Query:
    """Work-injury insurance's query fields."""

    work_injury_insurance = insurance_field(WORK_INJURY, WorkInjuryInsurance)
    work_injury_contributions = contributions_field(WORK_INJURY)
    work_injury_statement = statement_field(WORK_INJURY)
