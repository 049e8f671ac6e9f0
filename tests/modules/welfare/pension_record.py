"""A pension record of a person born on 1 January 1970, for tests."""

from datetime import UTC, date, datetime

from modules.welfare.insurance.domain import (
    Enrolment,
    EnrolmentKind,
    EnrolmentState,
    InsuredPerson,
)
from modules.welfare.pension.domain import PensionAccount, PensionRecord, RetirementCategory

BORN_1970 = "370102197001010019"


def pension_record(*, paid: int, deemed: int = 0, state: str = "ACTIVE") -> PensionRecord:
    """A man with one enrolment and so many months."""
    return PensionRecord(
        holder=InsuredPerson("张三", BORN_1970),
        enrolments=(
            Enrolment(
                "P1",
                "示例公司",
                None,
                "990099",
                "沙盒市",
                EnrolmentKind.EMPLOYEE,
                EnrolmentState(state),
                None,
                date(2010, 1, 1),
                None,
                paid,
                800_000,
            ),
        ),
        paid_months=paid,
        gaps=(),
        deceased_on=None,
        as_of=datetime(2026, 11, 23, tzinfo=UTC),
        deemed_months=deemed,
        retirement_category=RetirementCategory.MALE,
        account=PensionAccount(0, None),
        transfers=(),
        benefit=None,
    )
