"""The yearly statement of an insurance: what was paid in, where the record stands, a signed PDF.

The record of somebody's rights is sent to them regularly, for nothing (Social Insurance Law,
article 74). The PDF is drawn of what the insurance answers when it is fetched.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from core.clock import civil_time
from core.context.app import App
from core.money import format_yuan
from core.people.file_link import FileLink
from core.people.personal_files import PersonalFile
from core.people.personal_read import Access
from core.security.vault import mask_document_no
from core.standards.sheet import Line, Sheet, document_title
from core.standards.signed_sheet import render_signed
from core.texts import Named
from core.upstream.records import each_once
from modules.welfare.insurance import texts
from modules.welfare.insurance.domain import (
    ContributionState,
    EnrolmentKind,
    InsuranceContribution,
    InsuranceRecord,
)


@dataclass(frozen=True, slots=True)
class InsuranceStatement:
    """What was paid into an insurance in a year."""

    year: Annotated[int, "The year."]
    paid_months: Annotated[int, "The months of it that are paid, each once."]
    owed_months: Annotated[int, "The months of it that somebody owes, and nobody has paid."]
    employer_fen: Annotated[int, "What employers paid; of a resident, what the state added."]
    personal_fen: Annotated[int, "What the person paid."]
    total_months: Annotated[int, "The months of all years that count in this city by now."]
    facts: Sequence[Line]
    recorded_at: datetime
    access_id: UUID
    """The access under which it was read, which the link rests on."""
    pdf: Annotated[FileLink | None, "The signed PDF; null where documents are not signed."] = None


def sum_up(
    record: InsuranceRecord,
    contributions: Iterable[InsuranceContribution],
    year: int,
    access_id: UUID,
    facts: Sequence[Line] = (),
) -> InsuranceStatement:
    """The statement of a year; `facts` are what the insurance says beside its months.

    A month that two employers paid counts once, its money twice; a resident pays the year at once.
    A contribution that is told twice is one.
    """
    each = each_once(list(contributions), lambda one: one.record_no)
    of_year = [one for one in each if one.month.startswith(f"{year:04d}-")]
    paid = [one for one in of_year if one.state is not ContributionState.UNPAID]
    yearly = {one.enrolment_no for one in record.enrolments if one.kind is EnrolmentKind.RESIDENT}
    months = {one.month for one in paid}
    owed = {one.month for one in of_year} - months
    is_whole = any(one.enrolment_no in yearly for one in paid)
    return InsuranceStatement(
        year,
        paid_months=12 if is_whole else len(months),
        owed_months=0 if is_whole else len(owed),
        employer_fen=sum(one.employer_fen for one in paid),
        personal_fen=sum(one.personal_fen for one in paid),
        total_months=record.paid_months,
        facts=facts,
        recorded_at=record.as_of,
        access_id=access_id,
    )


async def draw(
    app: App, access: Access, title: Named, statement: InsuranceStatement
) -> PersonalFile | None:
    """The PDF of a statement about the person in an access; None without a document key."""
    person = access.person
    number = f"{statement.year}-{access.access_id.hex[-12:]}"
    page = Sheet(
        title=texts.STATEMENT,
        number=number,
        city=app.city.name,
        issuer=app.city.app_name,
        lines=[
            Line("姓名", "Name", person.name or ""),
            Line(*document_title(person.document_kind), mask_document_no(person.document_no or "")),
            Line("险种", "Insurance", f"{title.zh} / {title.en}"),
            Line("年度", "Year", str(statement.year)),
            Line("本年缴费月数", "Months paid", _months(statement.paid_months)),
            Line("本年欠费月数", "Months owed", _months(statement.owed_months)),
            Line("单位缴费", "Employers' part", f"¥{format_yuan(statement.employer_fen)}"),
            Line("个人缴费", "Own part", f"¥{format_yuan(statement.personal_fen)}"),
            Line("累计缴费月数", "Months in all", _months(statement.total_months)),
            *statement.facts,
            Line("记录截至", "As of", civil_time(statement.recorded_at)),
        ],
        note=texts.NOTE,
    )
    body = await render_signed(app.keys, page, at=app.clock.now())
    if body is None:
        return None
    return PersonalFile(body, "application/pdf", f"insurance-{number}.pdf")


def balance_line(balance_fen: int) -> Line:
    """What is in the personal account."""
    return Line("个人账户余额", "In the account", f"¥{format_yuan(balance_fen)}")


def _months(count: int) -> str:
    return f"{count} 个月 / months"
