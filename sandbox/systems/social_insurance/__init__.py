"""The social insurance core system: pension, unemployment and work-injury insurance."""

from sandbox.server.system import System
from sandbox.shared.documents import INSURANCE
from sandbox.shared.insurance import ABSENT, contributions_of
from sandbox.shared.registry import page_operation, record_operation
from sandbox.systems.social_insurance import pension, unemployment, work_injury

_PENSION = "/social-insurance/pension"
_UNEMPLOYMENT = "/social-insurance/unemployment"
_INJURY = "/social-insurance/work-injury"

SYSTEMS = (
    System(
        name="social_insurance",
        title_zh="社会保险业务系统",
        title_en="Social insurance",
        operations=(
            record_operation(
                "query_pension", f"{_PENSION}/query", pension.query, ABSENT, INSURANCE
            ),
            page_operation(
                "list_pension_contributions",
                f"{_PENSION}/contributions/query",
                contributions_of(pension.PENSION),
                ABSENT,
                INSURANCE,
            ),
            page_operation(
                "list_pension_movements",
                f"{_PENSION}/account/movements/query",
                pension.list_movements,
                ABSENT,
                INSURANCE,
            ),
            record_operation(
                "query_unemployment",
                f"{_UNEMPLOYMENT}/query",
                unemployment.query,
                ABSENT,
                INSURANCE,
            ),
            page_operation(
                "list_unemployment_contributions",
                f"{_UNEMPLOYMENT}/contributions/query",
                contributions_of(unemployment.UNEMPLOYMENT),
                ABSENT,
                INSURANCE,
            ),
            record_operation(
                "query_work_injury", f"{_INJURY}/query", work_injury.query, ABSENT, INSURANCE
            ),
            page_operation(
                "list_work_injury_contributions",
                f"{_INJURY}/contributions/query",
                contributions_of(work_injury.WORK_INJURY),
                ABSENT,
                INSURANCE,
            ),
        ),
    ),
)
