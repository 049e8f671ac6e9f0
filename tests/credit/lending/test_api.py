"""The owner's whole way over the API, by trusted operations alone; the sandbox as the fakes."""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from core.context.app import App
from core.deadline import Deadline
from core.ids import new_id
from core.security.authentication import Viewer
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient
from credit.lending.applications import routing
from credit.lending.companies.upstream import REGISTER, SOURCES, find_registered, pull
from credit.lending.records.models import BankApplication
from credit.lending.seed import seed_products
from sandbox.population.companies import uscc_of
from tests.asgi import Client
from tests.credit.lending.town import (
    CITY,
    FORM,
    NAME,
    RURAL,
    USCC,
    FakeCity,
    approval,
    decide,
    disburse,
    key,
)
from tests.upstreams import in_place_of, over_http

Operate = Callable[..., Awaitable[Any]]
SHEET = {"amount": 50_000_000, "months": 12, "form": "EQUAL_INSTALMENT"}


@pytest.fixture
async def viewer(citizen: Callable[..., Awaitable[Viewer]]) -> Viewer:
    """The owner."""
    return await citizen(name=NAME)


@pytest.fixture
async def operate(app: App, client: Client, viewer: Viewer) -> Operate:
    """Runs operations as a verified owner; the answer's only field."""
    await seed_products(app)

    async def run(name: str, **variables: Any) -> Any:
        answer = await client.operate(name, variables, viewer=viewer)
        assert "errors" not in answer.json, answer.json
        (found,) = answer.json["data"].values()
        return found

    return run


async def test_products_are_compared_without_a_login(app: App, client: Client) -> None:
    await seed_products(app)
    answer = await client.operate("LoanProducts", SHEET)
    found = {one["product"]["code"]: one for one in answer.json["data"]["loanProducts"]}
    assert len(found) == 4
    fees = found["rural-bank-guaranteed"]["atMost"]
    assert [item["amount"] for item in fees["items"]][1:] == [400_000]
    assert fees["nominalPpm"] > 55_000 + 10_000 and fees["compoundPpm"] > fees["nominalPpm"]
    quote = await client.operate("LoanQuote", SHEET | {"code": "city-bank-credit"})
    rows = quote.json["data"]["loanQuote"]["instalments"]
    assert sum(row["principal"] for row in rows) == SHEET["amount"] and len(rows) == 12
    for wrong in ({"amount": 1}, {"months": 500}, {"form": "BULLET"}):
        refused = await client.operate("LoanQuote", SHEET | {"code": "city-bank-credit"} | wrong)
        assert refused.codes == ["LOAN_TERMS_OUTSIDE_PRODUCT"]
    none = SHEET | {"amount": 200_000_000, "form": "BULLET"}
    answer = await client.operate("LoanProducts", none)
    offered = [one for one in answer.json["data"]["loanProducts"] if one["atLeast"]]
    assert [one["product"]["code"] for one in offered] == ["rural-bank-tax"]
    said = {"code": "city-bank-credit", "company": {"monthsRegistered": 8}}
    check = (await client.operate("LoanPrecheck", said)).json["data"]["loanPrecheck"]
    assert [one["code"] for one in check["unmet"]] == ["MONTHS_REGISTERED"]
    assert [one["code"] for one in check["unknown"]] == ["NO_ENFORCEMENT"]


async def test_an_owner_gets_a_loan_by_trusted_operations(
    app: App, client: Client, operate: Operate, viewer: Viewer
) -> None:
    company = (await operate("LinkLoanCompany", uscc=USCC, linkKey=key()))["company"]
    for bank in (CITY, RURAL):
        given = await operate(
            "GiveLoanConsents", companyId=company["id"], bank=bank, sources=["registry", "tax"],
            giveKey=key(),
        )  # fmt: skip
    assert len(given["company"]["consents"]) == 4
    answers = [{"name": name, "value": text} for name, text in FORM.items()]
    opened = await operate(
        "OpenApplication", serviceId="loan-apply", answers=answers, openKey=key()
    )
    case_id = opened["case"]["id"]
    await operate("StepApplication", caseId=case_id, event="submit", stepKey=key())
    rows = await _placed(app, case_id)
    await decide(app, rows[CITY], approval(app))
    await decide(app, rows[RURAL], approval(app, margin_bps=80))
    found = await operate("LoanAnswers", caseId=case_id)
    assert [(one["state"], one["rateBps"]) for one in found] == [("OFFERED", 400), ("OFFERED", 380)]
    chosen = str(rows[RURAL].id)
    accepted = await operate("AcceptLoanOffer", applicationId=chosen, acceptKey=key())
    assert accepted["answer"]["state"] == "ACCEPTED"
    again = await operate("AcceptLoanOffer", applicationId=str(rows[CITY].id), acceptKey=key())
    assert again["code"] == "ILLEGAL_STATE"
    assert {one["state"] for one in await operate("LoanAnswers", caseId=case_id)} == {
        "ACCEPTED", "DECLINED"}  # fmt: skip
    signed = await operate("SignLoanContract", applicationId=chosen, signKey=key())
    token = client.token(viewer)
    pdf = await client.request("GET", signed["answer"]["contractPath"], headers=token)
    assert (pdf.status, sha256(pdf.body).hexdigest()) == (200, signed["sha256"])
    assert (await client.request("GET", signed["answer"]["contractPath"])).status == 401
    await disburse(app, rows[RURAL])
    (edge,) = (await operate("Loans", first=5))["edges"]
    assert (edge["node"]["bank"], edge["node"]["disbursed"]) == (RURAL, 30_000_000)
    left = await operate(
        "WithdrawLoanConsents", companyId=company["id"], bank=CITY, sources=["tax"],
        withdrawKey=key(),
    )  # fmt: skip
    assert len(left["company"]["consents"]) == 3


async def _placed(app: App, case_id: str) -> Mapping[str, BankApplication]:
    await routing.place(app, UUID(case_id), "checking")
    return {row.bank: row for row in await BankApplication.filter(case_id=case_id)}


async def test_the_sandbox_answers_as_the_fakes_do(sandbox_port: int) -> None:
    fake = FakeCity()
    async with HttpClient(Metrics()) as http:
        real = over_http(http, f"http://127.0.0.1:{sandbox_port}", REGISTER, SOURCES)
        owner = await find_registered(real, Deadline.after(5), uscc_of(0))
        assert owner is not None and owner.representative_zh == "钱样板"
        for app, code in ((real, USCC), (in_place_of(REGISTER, fake), uscc_of(0))):
            assert await find_registered(app, Deadline.after(5), code) is None
        said = await pull(real, Deadline.after(5), "invoices", uscc_of(0), CITY, new_id())
        assert said.has_record and set(said.values) == {
            "invoiced_12m_fen", "invoiced_prev_12m_fen", "top_buyer_share"}  # fmt: skip
        court = await pull(real, Deadline.after(5), "court", uscc_of(0), CITY, new_id())
        assert not court.has_record and court.values == {}
