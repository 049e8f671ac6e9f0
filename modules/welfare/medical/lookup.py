"""Medical insurance: what is asked, on which consent, and how it is shown."""

import strawberry

from core.graphql import view
from core.texts import Named
from kinds.lookup import page_field
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
from modules.welfare.insurance.upstream import MEDICAL
from modules.welfare.medical import texts
from modules.welfare.medical.domain import MedicalRecord, MedicalSettlement

MEDICAL_INSURANCE = insurance(
    "medical",
    Named("医疗保险", "medical insurance"),
    MEDICAL,
    MedicalRecord,
    fields=("coverage", "account", "settlements"),
    consent=texts.CONSENT,
    facts=lambda record: (balance_line(record.account.balance_fen),) if record.account else (),
)
MOVEMENTS = pages_of(MEDICAL_INSURANCE, "account/movements", InsuranceAccountMovement)
SETTLEMENTS = pages_of(MEDICAL_INSURANCE, "settlements", MedicalSettlement)

view(MedicalSettlement, names=NAMES)
MedicalInsurance = insurance_reading("MedicalInsurance", MEDICAL_INSURANCE, MedicalRecord)


@strawberry.type
class Query:
    """Medical insurance's query fields."""

    medical_insurance = insurance_field(MEDICAL_INSURANCE, MedicalInsurance)
    medical_contributions = contributions_field(MEDICAL_INSURANCE)
    medical_statement = statement_field(MEDICAL_INSURANCE)
    medical_movements = movements_field(MOVEMENTS)
    medical_settlements = page_field(
        SETTLEMENTS,
        node=MedicalSettlement,
        for_others=True,
        description="What hospitals and pharmacies settled for the viewer, or for whom they act, "
        "newest first.",
    )
