"""News for banks, their delivery log, sending again; and the daily files both ways."""

import json
from datetime import date, timedelta
from typing import Any

from core.clock import civil_date
from core.context.app import App
from core.ids import new_id
from core.standards import webhooks
from credit.lending.api import LoanConsentWithdrawn
from credit.partner.news import tell_of_withdrawal
from credit.partner.reconciliation import DifferenceKind, FileLine, LineKind, compare
from notifications.webhooks.models import Event
from tests.asgi import Client
from tests.jobs import run_due
from tests.notifications.receiver import receiving

from . import borrowers
from .a_bank import ABank
from .borrowers import approval
from .test_resources import disbursed, read


async def run_news(app: App) -> None:
    """Run what carries news to banks."""
    told = [kind for kind in app.queue.kinds if ">credit.tell_of_" in kind]
    await run_due(app, *told, "notifications.send_webhook")


async def test_a_bank_hears_of_its_own_and_can_have_it_again(
    app: App, client: Client, bank: ABank, other: ABank
) -> None:
    async with receiving() as receiver:
        set_up = await bank.call(client, "PUT", "/webhook", {"url": receiver.url})
        secret = set_up.json["secret"]
        assert secret.startswith("whsec_")
        assert (await read(client, bank, "/webhook"))[0]["secret"] is None  # shown once
        await other.call(client, "PUT", "/webhook", {"url": f"{receiver.url}/of-another"})
        foreign_id = str((await borrowers.apply(app, other.id)).applications[other.id])
        borrower = await borrowers.apply(app, bank.id)
        path = f"/applications/{borrower.applications[bank.id]}"
        _, etag = await read(client, bank, path)
        asked = await bank.call(
            client, "POST", f"{path}/documents", {"document": "审计报告"}, etag=etag
        )
        etag = asked.headers["etag"]
        await bank.call(client, "POST", f"{path}/decision", approval(app), etag=etag)
        await run_news(app)
        theirs = [json.loads(body)["data"]["id"] for _, body in receiver.taken].count(foreign_id)
        assert theirs == 1  # at the other bank's address
        receiver.taken = [each for each in receiver.taken if foreign_id not in each[1].decode()]
        bodies = [json.loads(body) for _, body in receiver.taken]
        assert [body["type"] for body in bodies] == ["application.changed"] * 3
        order = sorted(bodies, key=lambda body: body["sequence"])
        assert [body["data"]["state"] for body in order] == ["RECEIVED", "RECEIVED", "OFFERED"]
        assert all(
            webhooks.is_signed([secret], headers, body, app.clock.now())
            for headers, body in receiver.taken
        )
        log, _ = await read(client, bank, "/deliveries?limit=1")
        (latest,) = log["items"]
        assert (latest["state"], latest["attempts"]) == ("sent", 1)
        rest, _ = await read(client, bank, f"/deliveries?cursor={log['next_cursor']}")
        sequences = sorted(item["sequence"] for item in [latest, *rest["items"]])
        assert sequences == [1, 2, 3]
        foreign = await other.call(client, "POST", f"/deliveries/{latest['id']}/replay", {})
        assert foreign.status == 404
        again = await bank.call(client, "POST", f"/deliveries/{latest['id']}/replay", {})
        assert (again.status, again.json["state"]) == (202, "created")
        await run_news(app)
        ids = [headers["webhook-id"] for headers, _ in receiver.taken]
        assert len(ids) == 4
        assert ids[3] == latest["webhook_id"]
        assert ids[3] in ids[:3]


async def test_each_withdrawal_of_many_consents_is_told_once(
    app: App, client: Client, bank: ABank
) -> None:
    sources = [f"source-of-the-company-{number}" for number in range(7)]
    company_id, first_at = new_id(), app.clock.now()
    async with receiving() as receiver:
        await bank.call(client, "PUT", "/webhook", {"url": receiver.url})
        for at in (first_at, first_at, first_at + timedelta(days=1)):
            await tell_of_withdrawal(app, LoanConsentWithdrawn(company_id, bank.id, sources, at))
        await run_news(app)
        bodies = [json.loads(body) for _, body in receiver.taken]
    assert [body["data"]["sources"] for body in bodies] == [sources] * 2


async def test_a_webhook_that_is_gone_is_enabled_by_setting_it(
    app: App, client: Client, bank: ABank
) -> None:
    async with receiving() as receiver:
        await bank.call(client, "PUT", "/webhook", {"url": receiver.url})
        receiver.status = 410
        await disbursed(app, client, bank)
        await run_news(app)
        seen, _ = await read(client, bank, "/webhook")
        assert seen["disabled_because"] == "410 Gone"
        heard, receiver.status = len(receiver.taken), 204
        again = await bank.call(client, "PUT", "/webhook", {"url": receiver.url})
        assert (again.json["disabled_at"], again.json["secret"]) == (None, None)
        await run_news(app)
        assert len(receiver.taken) > heard
        assert {event.state for event in await Event.all()} == {"sent"}


async def test_addresses_that_are_none(client: Client, bank: ABank) -> None:
    for url in (
        "",
        "x",
        "ftp://bank.example/",
        "https://u:p@bank.example/",
        "https://" + "a" * 600,
    ):
        answer = await bank.call(client, "PUT", "/webhook", {"url": url})
        assert answer.status == 422, url
    assert (await bank.call(client, "GET", "/webhook")).status == 404


async def test_a_day_comes_out_even_and_injected_differences_are_found(
    app: App, client: Client, bank: ABank
) -> None:
    loan = await disbursed(app, client, bank)
    today = civil_date(app.clock.now()).isoformat()
    path = f"/loans/{loan['id']}"
    for n in range(3):
        body = {"ref": f"r-{n}", "on": today, "amount_fen": 100_000}
        assert (await bank.call(client, "POST", f"{path}/repayments", body)).status == 201
    back = {"ref": "r-2", "reason": "退票"}
    assert (await bank.call(client, "POST", f"{path}/reversals", back)).status == 201
    file = f"/reconciliation/{today}/file"
    ours, _ = await read(client, bank, file)
    assert (ours["count"], ours["repaid_fen"], ours["is_final"]) == (5, 300_000, False)
    lines: list[dict[str, Any]] = ours["lines"]
    even = await bank.call(client, "PUT", file, {"lines": lines[::-1]})
    assert (even.status, even.json["differences"]) == (200, [])

    wrong = [dict(line) for line in lines[1:]]  # one is missing there
    wrong[0]["amount_fen"] += 1
    wrong.append({**wrong[1], "ref": "r-9"})
    wrong.append(dict(wrong[1]))
    overdue = {"on": today, "overdue_fen": 5, "days_overdue": 1}
    assert (await bank.call(client, "POST", f"{path}/overdue", overdue)).json["agrees"] is False
    result = await bank.call(client, "PUT", file, {"lines": wrong})
    kinds = sorted(found["kind"] for found in result.json["differences"])
    assert kinds == ["DIFFERENT", "MISSING_HERE", "MISSING_THERE", "OVERDUE", "TWICE"]
    again, _ = await read(client, bank, f"/reconciliation/{today}")
    assert again["differences"] == result.json["differences"]
    for day in ("2999-01-01", "2026-13-01", "today", "0001-01-01"):
        assert (await bank.call(client, "GET", f"/reconciliation/{day}/file")).status == 404, day


def test_files_are_compared_line_by_line() -> None:
    line = FileLine(
        loan_no="RZ-1", kind=LineKind.REPAID, ref="a", on=date(2026, 11, 23), amount_fen=1
    )
    other = line.model_copy(update={"ref": "b"})
    changed = line.model_copy(update={"amount_fen": 2})
    assert compare([line, other], [other, line]) == []
    assert compare([], []) == []
    kinds = {
        kind: compare(ours, theirs)
        for kind, ours, theirs in (
            (DifferenceKind.MISSING_THERE, [line, other], [other]),
            (DifferenceKind.MISSING_HERE, [other], [line, other]),
            (DifferenceKind.DIFFERENT, [line], [changed]),
            (DifferenceKind.TWICE, [line], [line, line]),
        )
    }
    for kind, found in kinds.items():
        assert [difference.kind for difference in found] == [kind]
