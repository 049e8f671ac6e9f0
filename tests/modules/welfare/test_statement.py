"""The yearly statement: months once, money as often as it was paid, a signed PDF."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pypdf import PdfReader

from core.context.app import App
from core.context.call import Call
from core.ids import new_id
from core.people.personal_read import withdraw_consent
from core.settings import Settings
from modules.welfare.insurance.domain import (
    ContributionState,
    EnrolmentKind,
    InsuranceContribution,
)
from modules.welfare.insurance.statement import sum_up
from tests.asgi import Client
from tests.modules.welfare.conftest import AsPerson
from tests.modules.welfare.pension_record import pension_record

pytestmark = pytest.mark.xdist_group("lookups")

PAID, MADE_UP, UNPAID = ContributionState


@pytest.fixture
def settings(settings: Settings, sandbox_port: int) -> Settings:
    """Settings with which the App finds the sandbox."""
    return settings.model_copy(update={"sandbox_port": sandbox_port})


def contribution(month: str, state: ContributionState = PAID) -> InsuranceContribution:
    """Of the one enrolment of `pension_record`: 1,280 yuan by the employer, 640 by the person."""
    paid_on = None if state is UNPAID else date(2026, 1, 1)
    return InsuranceContribution(
        new_id().hex, month, "P1", "示例公司", "沙盒市", 800_000, 128_000, 64_000, state, paid_on
    )


@pytest.mark.parametrize(
    ("kind", "paid", "expected"),
    [
        (EnrolmentKind.EMPLOYEE, [], (0, 0, 0, 0)),
        (
            EnrolmentKind.EMPLOYEE,
            [contribution("2025-01"), contribution("2025-02", MADE_UP)],
            (2, 0, 256_000, 128_000),
        ),
        # two employers, one of whom owes the month
        (
            EnrolmentKind.EMPLOYEE,
            [contribution("2025-03"), contribution("2025-03", UNPAID)],
            (1, 0, 128_000, 64_000),
        ),
        (
            EnrolmentKind.EMPLOYEE,
            [contribution("2025-03"), contribution("2025-03"), contribution("2025-04", UNPAID)],
            (1, 1, 256_000, 128_000),
        ),
        # told twice
        (EnrolmentKind.EMPLOYEE, [contribution("2025-05")] * 2, (1, 0, 128_000, 64_000)),
        # of another year
        (EnrolmentKind.EMPLOYEE, [contribution("2024-12"), contribution("2026-01")], (0, 0, 0, 0)),
        # a resident pays for the year
        (EnrolmentKind.RESIDENT, [contribution("2025-01")], (12, 0, 128_000, 64_000)),
        (EnrolmentKind.RESIDENT, [contribution("2025-01", UNPAID)], (0, 1, 0, 0)),
    ],
)
def test_a_month_counts_once_and_money_as_often_as_it_was_paid(
    kind: EnrolmentKind, paid: list[InsuranceContribution], expected: tuple[int, ...]
) -> None:
    record = pension_record(paid=130)
    record = replace(record, enrolments=[replace(record.enrolments[0], kind=kind)])
    made = sum_up(record, paid, 2025, new_id())
    assert (made.paid_months, made.owed_months, made.employer_fen, made.personal_fen) == expected
    assert made.total_months == 130


async def _statement(client: Client, viewer: Any, insurance: str, **variables: object) -> Any:
    answer = await client.operate(f"{insurance}Statement", variables, viewer=viewer)
    assert "errors" not in answer.json, answer.json
    (reading,) = answer.json["data"].values()
    assert reading["status"] == "LIVE"
    return reading["statement"]


async def test_a_year_is_a_signed_pdf_until_the_consent_ends(
    client: Client, app: App, as_person: AsPerson, call: Callable[..., Call]
) -> None:
    viewer = await as_person("citizen")
    told = await _statement(client, viewer, "Pension")
    assert (told["year"], told["paidMonths"], told["owedMonths"]) == (2025, 12, 0)
    pdf = await client.request("GET", told["pdf"]["url"])
    assert (pdf.status, pdf.headers["content-type"]) == (200, "application/pdf")
    (page,) = PdfReader(BytesIO(pdf.body)).pages
    text = page.extract_text()
    for words in ("社会保险个人权益记录单", "养老保险", "2025", "12 个月", "个人账户余额"):
        assert words in text, words
    assert len(PdfFileReader(BytesIO(pdf.body)).embedded_signatures) == 1
    own = call(user_id=viewer.user_id, level=2)
    await withdraw_consent(own, "welfare.pension")
    assert (await client.request("GET", told["pdf"]["url"])).status == 403


@pytest.mark.parametrize(
    "insurance", ["Medical", "Unemployment", "WorkInjury", "Maternity", "Pension"]
)
async def test_each_insurance_has_a_statement(
    client: Client, as_person: AsPerson, insurance: str
) -> None:
    viewer = await as_person("citizen")
    told = await _statement(client, viewer, insurance, year=2024)
    assert (told["year"], told["paidMonths"]) == (2024, 12)
    assert (await client.request("GET", told["pdf"]["url"])).status == 200


async def test_who_was_never_enrolled_has_none_and_no_year_is_taken_that_cannot_be(
    client: Client, as_person: AsPerson
) -> None:
    nobody = await as_person(None)
    assert await _statement(client, nobody, "Pension") is None
    answer = await client.operate("PensionStatement", {"year": 1948}, viewer=nobody)
    assert answer.codes == ["INVALID_INPUT"]
