"""A small company's loan, over HTTP from the first look to the last payment.

The two banks are the sandbox's, which decide and pay out through the partner API by themselves:
of an amount that ends in 21 yuan the city bank refuses and the rural bank offers.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import aiohttp
import pytest
from journeys.crowd import adult
from journeys.house import House
from journeys.loans import apply, bank_at, do, until

from bff.client.city import CityClient, key
from core.clock import civil_date
from sandbox.systems.banks.client import BankClient, Refused

AMOUNT_FEN = 1_002_100


async def test_a_typed_name_borrows_nothing(house: House, client: CityClient) -> None:
    person = await adult(house, 10_200)
    await client.sign_in(person["phone"])
    await client.be_named(person)
    with pytest.raises(AssertionError, match="PROOF_REQUIRED"):
        await apply(client)


async def test_a_loan_from_the_first_look_to_its_closure(house: House, client: CityClient) -> None:
    sheet = {"amount": AMOUNT_FEN, "months": 12, "form": "EQUAL_INSTALMENT"}
    assert len(await do(client, "LoanProducts", **sheet)) == 4
    person = await client.person("sme_owner")
    await client.sign_in(person["phone"])
    await client.verify_real_name(person)
    async with aiohttp.ClientSession() as http:
        banks = {name: bank_at(house, http, name) for name in ("city-bank", "rural-bank")}
        case_id = await apply(client)
        await until(lambda: do(client, "LoanAnswers", caseId=case_id), _answered)
        answers = await _the_same_at_the_banks(client, case_id, banks)
        refused, offer = answers["city-bank"], answers["rural-bank"]["offer"]
        assert refused["refusal"]["code"] == "EXISTING_DEBT" and refused["refusal"]["advice"]
        assert all(answer["factors"] for answer in answers.values())  # the champion's
        assert offer["amount"] == AMOUNT_FEN and offer["costs"]["compoundPpm"] < 240_000
        chosen = answers["rural-bank"]["id"]
        await do(client, "AcceptLoanOffer", applicationId=chosen, acceptKey=key())
        answers = await _the_same_at_the_banks(client, case_id, banks)
        assert answers["rural-bank"]["state"] == "ACCEPTED"
        signed = await do(client, "SignLoanContract", applicationId=chosen, signKey=key())
        await _the_contract_is_the_signed_one(house, client, signed)
        loan = await until(lambda: _loan(client), lambda found: found)
        answers = await _the_same_at_the_banks(client, case_id, banks)
        assert answers["rural-bank"]["state"] == "DISBURSED"
        assert (loan["status"], loan["disbursed"], len(loan["instalments"])) == (
            "ACTIVE", AMOUNT_FEN, 12)  # fmt: skip
        for amount, prepays in (
            *((100_000, None), (80_000, None), (60_000, None)),
            (300_000, "LOWER"),
        ):
            loan = await _repay(client, loan, amount, prepays)
            await _the_same_loan_at_the_bank(loan, banks["rural-bank"])
        lower = [one["principal"] + one["interest"] for one in loan["instalments"]]
        assert max(lower) < offer["first"] and loan["status"] == "ACTIVE"
        payoff = await do(client, "LoanPayoff", loanId=loan["id"])
        loan = await _repay(client, loan, payoff["amount"], "SHORTEN")
        assert (loan["status"], loan["payoff"], loan["principal"]) == ("CLOSED", 0, 0)
        await _the_same_loan_at_the_bank(loan, banks["rural-bank"])
        await _reconciliation_finds_what_differs(house, loan, banks["rural-bank"])
    verified = house.run("ledger", "verify")
    assert verified.returncode == 0 and "0 faults" in verified.stdout, verified.stdout
    (case,) = await house.query("SELECT state FROM applications_case WHERE id = $1", case_id)
    assert case["state"] == "disbursed"


async def _the_same_at_the_banks(
    client: CityClient, case_id: str, banks: Mapping[str, BankClient]
) -> dict[str, dict[str, Any]]:
    """The banks' answers as the phone shows them, by bank; each bank's API says the same."""
    found = await do(client, "LoanAnswers", caseId=case_id)
    for one in found:
        theirs, _ = await banks[one["bank"]].get(f"/applications/{one['id']}")
        assert (theirs["state"], theirs["no"]) == (one["state"], one["no"])
    other = next(one for one in found if one["bank"] == "city-bank")
    with pytest.raises(Refused) as refused:
        await banks["rural-bank"].get(f"/applications/{other['id']}")
    assert refused.value.status == 404
    return {one["bank"]: one for one in found}


async def _the_same_loan_at_the_bank(loan: dict[str, Any], bank: BankClient) -> None:
    theirs, _ = await bank.get(f"/loans/{loan['id']}")
    mine = [loan[name] for name in ("no", "status", "disbursed", "principal", "payoff")]
    names = ("no", "status", "principal_fen", "outstanding_fen", "payoff_fen")
    assert mine == [theirs[name] for name in names]


async def _reconciliation_finds_what_differs(
    house: House, loan: dict[str, Any], bank: BankClient
) -> None:
    """Our own file of the day has no difference; four that are put into it are found."""
    path = f"/reconciliation/{civil_date(house.clock.now())}"
    ours, _ = await bank.get(f"{path}/file")
    lines = ours["lines"]
    of_loan = [line["kind"] for line in lines if line["loan_no"] == loan["no"]]
    assert of_loan == ["DISBURSED", *["REPAID"] * 5]
    result, _ = await bank.send("PUT", f"{path}/file", {"lines": lines}, key())
    assert (result["our_lines"], result["differences"]) == (len(lines), [])
    wrong = lines[0] | {"amount_fen": lines[0]["amount_fen"] + 1}
    strange = lines[2] | {"ref": "nobody-knows-it"}
    injected = [wrong, *lines[2:], lines[2], strange]
    result, _ = await bank.send("PUT", f"{path}/file", {"lines": injected}, key())
    assert sorted(one["kind"] for one in result["differences"]) == [
        "DIFFERENT", "MISSING_HERE", "MISSING_THERE", "TWICE"]  # fmt: skip
    assert (await bank.get(path))[0]["differences"] == result["differences"]
    await bank.send("PUT", f"{path}/file", {"lines": lines}, key())


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
