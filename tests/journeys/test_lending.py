"""A small company's loan, over HTTP from the first look to the last payment.

The two banks are the sandbox's, which decide and pay out through the partner API by themselves:
of an amount that ends in 21 yuan the city bank refuses and the rural bank offers.
"""

from hashlib import sha256
from typing import Any

import aiohttp
from journeys.house import House
from journeys.loans import apply, do, until

from bff.client.city import CityClient, key

AMOUNT_FEN = 1_002_100


async def test_a_loan_from_the_first_look_to_its_closure(house: House, client: CityClient) -> None:
    sheet = {"amount": AMOUNT_FEN, "months": 12, "form": "EQUAL_INSTALMENT"}
    assert len(await do(client, "LoanProducts", **sheet)) == 4
    person = await client.person("sme_owner")
    await client.sign_in(person["phone"])
    await client.verify_real_name(person)
    case_id = await apply(client)
    found = await until(lambda: do(client, "LoanAnswers", caseId=case_id), _answered)
    answers = {one["bank"]: one for one in found}
    assert answers["city-bank"]["refusal"]["code"] == "EXISTING_DEBT"
    offer = answers["rural-bank"]["offer"]
    assert offer["amount"] == AMOUNT_FEN and offer["costs"]["compoundPpm"] < 240_000
    chosen = answers["rural-bank"]["id"]
    await do(client, "AcceptLoanOffer", applicationId=chosen, acceptKey=key())
    signed = await do(client, "SignLoanContract", applicationId=chosen, signKey=key())
    await _the_contract_is_the_signed_one(house, client, signed)
    loan = await until(lambda: _loan(client), lambda found: found)
    assert (loan["status"], loan["disbursed"], len(loan["instalments"])) == (
        "ACTIVE", AMOUNT_FEN, 12)  # fmt: skip
    for amount, prepays in ((100_000, None), (80_000, None), (60_000, None), (300_000, "LOWER")):
        loan = await _repay(client, loan, amount, prepays)
    lower = [one["principal"] + one["interest"] for one in loan["instalments"]]
    assert max(lower) < offer["first"] and loan["status"] == "ACTIVE"
    payoff = await do(client, "LoanPayoff", loanId=loan["id"])
    loan = await _repay(client, loan, payoff["amount"], "SHORTEN")
    assert (loan["status"], loan["payoff"], loan["principal"]) == ("CLOSED", 0, 0)
    verified = house.run("ledger", "verify")
    assert verified.returncode == 0 and "0 faults" in verified.stdout, verified.stdout
    (case,) = await house.query("SELECT state FROM applications_case WHERE id = $1", case_id)
    assert case["state"] == "disbursed"


async def _the_contract_is_the_signed_one(
    house: House, client: CityClient, signed: dict[str, Any]
) -> None:
    url = house.api_urls[0] + signed["answer"]["contractPath"]
    headers = {"Authorization": f"Bearer {client.token}"}
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
        assert sha256(await answer.read()).hexdigest() == signed["sha256"]


async def _repay(
    client: CityClient, loan: dict[str, Any], amount: int, prepays: str | None
) -> dict[str, Any]:
    """Pay at the PSP's cashier, and wait until it is set against the loan."""
    started = await do(
        client, "RepayLoan", loanId=loan["id"], amount=amount, prepays=prepays, repayKey=key()
    )
    await client.pay_at(started["payment"]["cashierUrl"])
    before = _paid(loan)

    def booked(found: dict[str, Any]) -> bool:
        return _paid(found) != before

    return await until(lambda: _loan(client), booked)


def _paid(loan: dict[str, Any]) -> object:
    return loan["paid"], loan["payoff"]


async def _loan(client: CityClient) -> dict[str, Any]:
    edges = (await do(client, "Loans", first=5))["edges"]
    return edges[0]["node"] if edges else {}


def _answered(answers: list[dict[str, Any]]) -> bool:
    return {one["state"] for one in answers} == {"REFUSED", "OFFERED"}
