"""Applications, loans and products over the banks' API, and that no bank meets another's."""

import asyncio
from datetime import date, timedelta
from typing import Any

from core.clock import ManualClock, civil_date
from core.context.app import App
from credit.lending.products.service import read_body
from credit.lending.records.models import BankApplication, LoanEventRow, LoanRow, ProductVersion
from credit.partner.models import OverdueReport, ReconciliationFile
from tests.asgi import Client

from . import borrowers
from .a_bank import ABank
from .borrowers import AMOUNT_FEN, approval


async def read(client: Client, bank: ABank, path: str) -> tuple[dict[str, Any], str]:
    """A thing and its ETag."""
    answer = await bank.call(client, "GET", path)
    assert answer.status == 200, answer.body
    return answer.json, answer.headers.get("etag", "")


async def disbursed(app: App, client: Client, bank: ABank) -> dict[str, Any]:
    """A loan that was paid out today."""
    borrower = await borrowers.apply(app, bank.id)
    path = f"/applications/{borrower.applications[bank.id]}"
    _, etag = await read(client, bank, path)
    decided = await bank.call(client, "POST", f"{path}/decision", approval(app), etag=etag)
    assert decided.status == 200, decided.body
    await borrowers.sign(app, borrower, bank.id)
    today = civil_date(app.clock.now()).isoformat()
    body = {"ref": "pay-1", "on": today, "amount_fen": AMOUNT_FEN}
    paid = await bank.call(client, "POST", f"{path}/disbursement", body)
    assert paid.status == 201, paid.body
    return dict(paid.json)


async def test_from_an_application_to_a_loan_that_is_repaid(
    app: App, client: Client, bank: ABank
) -> None:
    borrower = await borrowers.apply(app, bank.id)
    page, _ = await read(client, bank, "/applications?state=RECEIVED")
    (item,) = page["items"]
    assert item["id"] == str(borrower.applications[bank.id])
    path = f"/applications/{item['id']}"
    seen, etag = await read(client, bank, path)
    assert [facts["source"] for facts in seen["facts"]] == ["tax"]  # of two, one is consented to
    assert "invoices" not in str(seen)
    same = await bank.call(client, "GET", path, headers={"if-none-match": etag})
    assert (same.status, same.body) == (304, b"")

    asked = await bank.call(
        client, "POST", f"{path}/documents", {"document": "2025 年度审计报告"}, etag=etag
    )
    assert asked.json["wanted"] == "2025 年度审计报告"
    stale = await bank.call(client, "POST", f"{path}/decision", approval(app), etag=etag)
    assert (stale.status, stale.json["code"]) == (412, "PRECONDITION_FAILED")
    blind = await bank.call(client, "POST", f"{path}/decision", approval(app))
    assert (blind.status, blind.json["code"]) == (428, "PRECONDITION_REQUIRED")
    etag = asked.headers["etag"]
    decided = await bank.call(client, "POST", f"{path}/decision", approval(app), etag=etag)
    assert decided.json["state"] == "OFFERED"
    assert decided.json["offer"]["costs"]["total_fen"] > 0
    early = {"ref": "p", "on": civil_date(app.clock.now()).isoformat(), "amount_fen": AMOUNT_FEN}
    refused = await bank.call(client, "POST", f"{path}/disbursement", early)
    assert (refused.status, refused.json["code"]) == (409, "ILLEGAL_STATE")

    await borrowers.sign(app, borrower, bank.id)
    short = await bank.call(client, "POST", f"{path}/disbursement", early | {"amount_fen": 1})
    assert (short.status, short.json["code"]) == (422, "LOAN_AMOUNT_WRONG")
    paid = await bank.call(client, "POST", f"{path}/disbursement", early)
    assert (paid.status, paid.json["status"]) == (201, "ACTIVE")
    loan = f"/loans/{paid.json['id']}"
    repaid = {"ref": "r-1", "on": early["on"], "amount_fen": 1_000_000}
    for _ in range(2):  # told twice under two keys, it is one repayment
        after = await bank.call(client, "POST", f"{loan}/repayments", repaid)
        assert after.status == 201
    reused = await bank.call(client, "POST", f"{loan}/repayments", repaid | {"amount_fen": 5})
    assert (reused.status, reused.json["code"]) == (409, "LOAN_REF_REUSED")
    assert after.json["payoff_fen"] == paid.json["payoff_fen"] - 1_000_000
    back = await bank.call(client, "POST", f"{loan}/reversals", {"ref": "r-1", "reason": "退票"})
    assert back.json["payoff_fen"] == paid.json["payoff_fen"]
    listed, _ = await read(client, bank, "/loans")
    assert [item["id"] for item in listed["items"]] == [paid.json["id"]]
    seen, _ = await read(client, bank, path)
    assert (seen["state"], seen["loan_id"]) == ("DISBURSED", paid.json["id"])


async def test_what_is_no_decision_changes_nothing(app: App, client: Client, bank: ABank) -> None:
    borrower = await borrowers.apply(app, bank.id)
    path = f"/applications/{borrower.applications[bank.id]}"
    _, etag = await read(client, bank, path)
    bodies: list[Any] = [
        approval(app, amount_fen=0),
        approval(app, amount_fen=-1),
        approval(app, amount_fen=1_000_000_001),
        approval(app, amount_fen=AMOUNT_FEN + 1),
        approval(app, amount_fen=1.5),
        approval(app, amount_fen="50000000"),
        approval(app, amount_fen=True),
        approval(app, months=0),
        approval(app, months=37),
        approval(app, form="BULLET"),
        approval(app, form="NONE"),
        approval(app, margin_bps=301),
        approval(app, margin_bps=-1),
        approval(app, valid_until="2020-01-01"),
        approval(app, valid_until="0001-01-01"),
        approval(app, valid_until="9999-12-31"),
        approval(app, valid_until="tomorrow"),
        approval(app, more=1),
        {"outcome": "REFUSED"},
        {"outcome": "REFUSED", "reason": "I_DO_NOT_LIKE_THEM"},
        {"outcome": "PERHAPS"},
        {},
        [],
        b"",
        b"{",
        b"null",
        b'{"outcome": "REFUSED", "reason": "\\ud800"}',
        b"[" * 10_000,
    ]
    for body in bodies:
        answer = await bank.call(client, "POST", f"{path}/decision", body, etag=etag)
        assert answer.status == 422, (body, answer.body)
        assert answer.headers["content-type"] == "application/problem+json"
    for document in ("", " ", "\x00", "a\nb", "x" * 65):
        body = {"document": document}
        answer = await bank.call(client, "POST", f"{path}/documents", body, etag=etag)
        assert answer.status == 422, document
    row = await BankApplication.get(id=borrower.applications[bank.id])
    assert (row.state, row.sequence, row.wanted) == ("RECEIVED", 1, None)


async def test_after_consent_is_withdrawn_nothing_is_shown_and_nothing_decided(
    app: App, client: Client, bank: ABank
) -> None:
    borrower = await borrowers.apply(app, bank.id)
    path = f"/applications/{borrower.applications[bank.id]}"
    _, before = await read(client, bank, path)
    await borrowers.withdraw_consent(app, borrower, bank.id)
    seen, etag = await read(client, bank, path)
    assert seen["facts"] == []
    stale = await bank.call(client, "POST", f"{path}/decision", approval(app), etag=before)
    assert stale.status == 412
    late = await bank.call(client, "POST", f"{path}/decision", approval(app), etag=etag)
    assert (late.status, late.json["code"]) == (409, "LOAN_CONSENT_WITHDRAWN")
    assert (await BankApplication.get()).state == "RECEIVED"


async def test_twenty_confirmations_at_once_have_one_effect(
    app: App, client: Client, bank: ABank
) -> None:
    borrower = await borrowers.apply(app, bank.id)  # frappe/lending#1408
    path = f"/applications/{borrower.applications[bank.id]}"
    _, etag = await read(client, bank, path)
    await bank.call(client, "POST", f"{path}/decision", approval(app), etag=etag)
    await borrowers.sign(app, borrower, bank.id)
    token = await bank.token(client)
    on = civil_date(app.clock.now()).isoformat()
    calls = [
        bank.call(
            *(client, "POST", f"{path}/disbursement"),
            {"ref": f"pay-{n}", "on": on, "amount_fen": AMOUNT_FEN},
            token=token,
        )
        for n in range(20)
    ]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status for answer in answers) == [201] + [409] * 19
    codes = {answer.json.get("code") for answer in answers}
    assert codes == {None, "LOAN_ALREADY_DISBURSED"}
    assert await LoanRow.all().count() == await LoanEventRow.all().count() == 1


async def test_a_page_leads_to_the_next_and_ends(app: App, client: Client, bank: ABank) -> None:
    made = [str((await borrowers.apply(app, bank.id)).applications[bank.id]) for _ in range(5)]
    seen: list[str] = []
    path = "/applications?limit=2"
    while True:
        page, _ = await read(client, bank, path)
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        path = f"/applications?limit=2&cursor={page['next_cursor']}"
    assert seen == made
    for query in ("limit=0", "limit=101", "limit=x", "cursor=%00", "cursor=é", "state=NONE", "x=1"):
        answer = await bank.call(client, "GET", f"/applications?{query}")
        assert answer.status == 422, query
    answer = await bank.call(client, "GET", "/applications?cursor=abc")
    assert (answer.status, answer.json["code"]) == (400, "CURSOR_INVALID")


async def test_what_is_overdue_is_compared_with_our_books(
    app: App, client: Client, bank: ABank
) -> None:
    loan = await disbursed(app, client, bank)
    on = civil_date(app.clock.now()).isoformat()
    path = f"/loans/{loan['id']}/overdue"
    agreed = await bank.call(client, "POST", path, {"on": on, "overdue_fen": 0, "days_overdue": 0})
    assert (agreed.status, agreed.json["agrees"]) == (201, True)
    other = await bank.call(client, "POST", path, {"on": on, "overdue_fen": 100, "days_overdue": 3})
    assert (other.json["agrees"], other.json["our_overdue_fen"]) == (False, 0)
    early = {"on": "2020-01-01", "overdue_fen": 1, "days_overdue": 1}
    assert (await bank.call(client, "POST", path, early)).status == 422


async def test_charges_rates_and_write_offs_are_reported_once_and_taken_back(
    app: App, client: Client, bank: ABank
) -> None:
    loan = await disbursed(app, client, bank)
    path, on = f"/loans/{loan['id']}", civil_date(app.clock.now()).isoformat()

    async def report(kind: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await bank.call(client, "POST", f"{path}/{kind}", {"on": on, **body})
        assert answer.status == 201, answer.body
        return dict(answer.json)

    charged = [await report("charges", {"ref": "c-1", "amount_fen": 500}) for _ in range(2)]
    assert [loan["costs_fen"] for loan in charged] == [500, 500]
    await report("rates", {"ref": "i-1", "rate_bps": 400})
    terms = {"months": 24, "form": "EQUAL_PRINCIPAL", "rate_bps": 380}
    for _ in range(2):
        anew = await report("schedules", {"ref": "s-1"} | terms)
        assert anew["outstanding_fen"] == loan["principal_fen"]
        assert anew["next_due"]["due_fen"] < loan["next_due"]["due_fen"]
    assert (await report("write-off", {"ref": "w-1"}))["status"] == "WRITTEN_OFF"
    file, _ = await read(client, bank, f"/reconciliation/{on}/file")
    kinds = [line["kind"] for line in file["lines"]]
    assert kinds == ["DISBURSED", "CHARGED", "RATE_CHANGED", "RESCHEDULED", "WRITTEN_OFF"]
    for ref in ("w-1", "s-1", "i-1", "c-1"):
        back = {"ref": ref, "reason": "误报"}
        assert (await bank.call(client, "POST", f"{path}/reversals", back)).status == 201
    seen, _ = await read(client, bank, path)
    assert (seen["status"], seen["payoff_fen"]) == ("ACTIVE", loan["payoff_fen"])
    wrong = (
        *(("charges", {"amount_fen": 0}), ("rates", {"rate_bps": 2_401})),
        *(("schedules", terms | {"months": 0}), ("schedules", terms | {"form": "NEVER"})),
    )
    for kind, body in wrong:
        answer = await bank.call(client, "POST", f"{path}/{kind}", {"ref": "x", "on": on} | body)
        assert answer.status == 422, kind


def fee(**price: int) -> dict[str, object]:
    """A fee of a product."""
    return {
        "name": {"zh": "评估费", "en": "Valuation"},
        "payee": {"zh": "评估机构", "en": "The valuer"},
        "basis": {"zh": "合同", "en": "By contract"},
        "when": "START",
        **price,
    }


def proposal(**changes: object) -> dict[str, object]:
    """The body of a product."""
    words = {"zh": "税贷", "en": "Tax loan"}
    return {
        "code": "qilu-tax",
        "kind": "TAX",
        "title": words,
        "summary": words,
        "least_fen": 1_000_000,
        "most_fen": 300_000_000,
        "months_least": 6,
        "months_most": 24,
        "forms": ["EQUAL_INSTALMENT"],
        "reference": "lpr_1y",
        "margin_least_bps": 50,
        "margin_most_bps": 250,
        "day_count": "ACT_360",
        "holiday_rule": "NEXT_WORKDAY",
        "sources": ["tax"],
        "fees": [fee(share_bps=10)],
        "eligibility": [
            {
                "code": "MONTHS_REGISTERED",
                "field": "months_registered",
                "least": 12,
                "text": {"zh": "成立满一年", "en": "A year old"},
            }
        ],
    } | changes


async def test_products_are_proposed_and_stand_once_somebody_else_says_so(
    app: App, client: Client, bank: ABank, other: ABank
) -> None:
    first = await bank.call(client, "POST", "/products", proposal())
    assert (first.status, first.json["state"], first.json["version"]) == (201, "PROPOSED", 1)
    second = await bank.call(client, "POST", "/products", proposal(most_fen=400_000_000))
    assert second.json["version"] == 2
    listed, _ = await read(client, bank, "/products")
    assert [item["version"] for item in listed["items"]] == [2, 1]
    taken = await other.call(client, "POST", "/products", proposal())
    assert (taken.status, taken.json["code"]) == (404, "NOT_FOUND")
    for wrong in (
        proposal(most_fen=1),
        proposal(margin_most_bps=9_000),  # above 24 % a year
        proposal(order=["COSTS", "COSTS", "INTEREST", "PRINCIPAL"]),
        proposal(forms=[]),
        proposal(reference="our_own"),
        proposal(code="UPPER"),
        proposal(fees=[fee()]),  # what it costs is not told
        proposal(fees=[fee(amount_fen=0)]),
    ):
        answer = await bank.call(client, "POST", "/products", wrong)
        assert answer.status == 422, answer.body
    rows = await ProductVersion.all().order_by("version")
    assert len(rows) == 2
    kept = read_body(rows[0])
    assert (kept.bank, kept.fees[0].share_bps, kept.fees[0].payee.en) == (bank.id, 10, "The valuer")
    (rule,) = kept.eligibility
    assert (rule.field, rule.least, rule.most, rule.text.zh) == (
        *("months_registered", 12, None),
        "成立满一年",
    )


async def test_reports_of_one_day_that_come_at_once_are_one_report(
    app: App, client: Client, bank: ABank
) -> None:
    loan = await disbursed(app, client, bank)
    on, token = civil_date(app.clock.now()).isoformat(), await bank.token(client)
    reports = [
        ("POST", f"/loans/{loan['id']}/overdue", {"on": on, "overdue_fen": n, "days_overdue": 0})
        for n in range(8)
    ]
    files = [("PUT", f"/reconciliation/{on}/file", {"lines": []}) for _ in range(8)]
    calls = [bank.call(client, *each, token=token) for each in (*reports, *files)]
    assert {answer.status for answer in await asyncio.gather(*calls)} == {200, 201}
    assert await OverdueReport.all().count() == await ReconciliationFile.all().count() == 1


async def test_what_was_put_right_since_is_no_difference(
    app: App, client: Client, bank: ABank, clock: ManualClock
) -> None:
    """Nothing is overdue, says the bank, and tells of the repayment only then: our books follow."""
    loan = await disbursed(app, client, bank)
    path, due = f"/loans/{loan['id']}", loan["next_due"]
    on = date.fromisoformat(due["due_on"]) + timedelta(days=1)
    clock.move(timedelta(days=(on - civil_date(clock.now())).days))
    await bank.call(client, "PUT", f"/reconciliation/{on}/file", {"lines": []})

    async def overdue() -> list[str]:
        seen, _ = await read(client, bank, f"/reconciliation/{on}")
        return [one["loan_no"] for one in seen["differences"] if one["kind"] == "OVERDUE"]

    report = {"on": on.isoformat(), "overdue_fen": 0, "days_overdue": 0}
    said = await bank.call(client, "POST", f"{path}/overdue", report)
    assert (said.json["agrees"], await overdue()) == (False, [loan["no"]])
    paid = {"ref": "r", "on": due["due_on"], "amount_fen": due["due_fen"]}
    assert (await bank.call(client, "POST", f"{path}/repayments", paid)).status == 201
    assert await overdue() == []
    back = {"ref": "r", "reason": "退票"}
    assert (await bank.call(client, "POST", f"{path}/reversals", back)).status == 201
    assert await overdue() == [loan["no"]]
