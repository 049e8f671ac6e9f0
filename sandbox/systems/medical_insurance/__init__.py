"""The medical insurance core system: medical and maternity insurance."""

from sandbox.server.system import System
from sandbox.shared.documents import INSURANCE
from sandbox.shared.insurance import ABSENT, contributions_of
from sandbox.shared.registry import page_operation, record_operation
from sandbox.systems.medical_insurance import maternity, medical

_MEDICAL = "/medical-insurance/medical"
_MATERNITY = "/medical-insurance/maternity"

SYSTEMS = (
    System(
        name="medical_insurance",
        title_zh="医疗保障业务系统",
        title_en="Medical insurance",
        operations=(
            record_operation(
                "query_medical", f"{_MEDICAL}/query", medical.query, ABSENT, INSURANCE
            ),
            page_operation(
                "list_medical_contributions",
                f"{_MEDICAL}/contributions/query",
                medical.list_contributions,
                ABSENT,
                INSURANCE,
            ),
            page_operation(
                "list_medical_movements",
                f"{_MEDICAL}/account/movements/query",
                medical.list_movements,
                ABSENT,
                INSURANCE,
            ),
            page_operation(
                "list_settlements",
                f"{_MEDICAL}/settlements/query",
                medical.list_settlements,
                ABSENT,
                INSURANCE,
            ),
            record_operation(
                "query_maternity", f"{_MATERNITY}/query", maternity.query, ABSENT, INSURANCE
            ),
            page_operation(
                "list_maternity_contributions",
                f"{_MATERNITY}/contributions/query",
                contributions_of(maternity.MATERNITY),
                ABSENT,
                INSURANCE,
            ),
        ),
    ),
)
