"""Idempotency keys: one effect for each, its answer again, and never a 5xx."""

import asyncio
from datetime import timedelta

from core.clock import ManualClock, civil_date
from core.context.app import App
from core.database import connection, fetch_all
from core.json import to_json
from credit.lending.records.models import LoanEventRow, ProductVersion
from credit.partner import endpoint, replies
from credit.partner.models import Reply
from tests.asgi import Client

from .a_bank import ABank
from .test_resources import disbursed, proposal

PATH, KEY = "/products", "the-same-key"


async def test_a_repeated_command_has_the_first_ones_answer(
    client: Client, clock: ManualClock, bank: ABank, other: ABank
) -> None:
    first = await bank.call(client, "POST", PATH, proposal(), key=KEY)
    clock.move(timedelta(hours=23))
    again = await bank.call(client, "POST", PATH, proposal(), key=KEY)
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    for path, body in ((PATH, proposal(most_fen=2_000_000)), ("/webhook/secret", {})):
        answer = await bank.call(client, "POST", path, body, key=KEY)
        assert (answer.status, answer.json["code"]) == (422, "KEY_REUSED")
    theirs = await other.call(client, "POST", PATH, proposal(code="other-tax"), key=KEY)
    assert theirs.status == 201  # a key is of its bank
    assert await ProductVersion.all().count() == 2
    clock.move(timedelta(hours=1))
    late = await bank.call(client, "POST", PATH, proposal(), key=KEY)
    assert (late.status, late.json["version"]) == (201, 2)  # a day later it is a new command
    clock.move(timedelta(days=2))


async def test_a_hundred_equal_commands_at_once_have_one_effect(
    app: App, client: Client, bank: ABank
) -> None:
    # alphagov/pay-connector#4460, idempot-dev/idempot-js#181
    loan = await disbursed(app, client, bank)
    token, on = await bank.token(client), civil_date(app.clock.now()).isoformat()
    body = {"ref": "r-1", "on": on, "amount_fen": 100}
    path = f"/loans/{loan['id']}/repayments"
    calls = [
        bank.call(client, "POST", path, body, token=token, key="a-hundred-times")
        for _ in range(100)
    ]
    answers = await asyncio.gather(*calls)
    assert {answer.status for answer in answers} <= {201, 409}
    assert len({answer.body for answer in answers if answer.status == 201}) == 1
    waiting = [answer for answer in answers if answer.status == 409]
    assert {answer.json["code"] for answer in waiting} <= {"KEY_IN_FLIGHT"}
    assert all(answer.headers["retry-after"] == "1" for answer in waiting)
    assert await LoanEventRow.filter(kind="repaid").count() == 1


async def test_a_refused_command_frees_its_key(client: Client, bank: ABank) -> None:
    wrong = await bank.call(client, "POST", PATH, proposal(most_fen=1_000_000_000), key=KEY)
    assert wrong.status == 201
    refused = await bank.call(client, "POST", PATH, proposal(margin_most_bps=9_000), key="next-key")
    assert refused.status == 422
    good = await bank.call(client, "POST", PATH, proposal(), key="next-key")
    assert (good.status, good.json["version"]) == (201, 2)


async def test_keys_that_are_none(client: Client, bank: ABank) -> None:
    for key in ("", "short", "x" * 65, "with blank", "tab\tkey-key"):
        answer = await bank.call(client, "POST", PATH, proposal(), headers={"idempotency-key": key})
        assert (answer.status, answer.json["code"]) == (400, "KEY_MISSING"), key
    assert await ProductVersion.all().count() == 0


async def test_a_command_whose_process_died_may_be_sent_again(
    app: App, client: Client, clock: ManualClock, bank: ABank
) -> None:
    body = proposal()
    digest = replies.request_hash("POST", f"/partner/v1{PATH}", "", to_json(body))
    sent = to_json(body)
    await replies.claim(app, bank.id, KEY, digest)
    under_way = await bank.call(client, "POST", PATH, sent, key=KEY)
    assert (under_way.status, under_way.json["code"]) == (409, "KEY_IN_FLIGHT")
    clock.move(replies.UNDER_WAY_FOR)
    assert (await bank.call(client, "POST", PATH, sent, key=KEY)).status == 201
    assert await ProductVersion.all().count() == 1


async def test_answers_are_sealed_and_forgotten_after_a_day(
    app: App, client: Client, clock: ManualClock, bank: ABank
) -> None:
    await bank.call(client, "POST", PATH, proposal(), key=KEY)
    rows = await fetch_all(connection(), "SELECT body_sealed FROM credit_partner_reply")
    assert b"qilu-tax" not in bytes(rows[0]["body_sealed"])
    clock.move(timedelta(hours=24))
    await replies.forget_replies(app)
    assert await Reply.all().count() == 0


async def test_a_bank_has_so_many_requests_a_minute(
    client: Client, clock: ManualClock, bank: ABank, other: ABank
) -> None:
    token = await bank.token(client)
    first = await bank.call(client, "GET", "/webhook", token=token)
    assert first.headers["ratelimit-policy"] == '"bank";q=600;w=60'
    assert first.headers["ratelimit"] == '"bank";r=599;t=60'
    key = f"partner:{bank.id}"
    await connection().execute_query(
        "UPDATE core_rate_counter SET count = 599 WHERE key = $1", [key]
    )
    answers = [await bank.call(client, "GET", "/webhook", token=token) for _ in range(3)]
    assert [answer.status for answer in answers] == [404, 429, 429]
    assert answers[2].json["code"] == "TOO_MANY_REQUESTS"
    assert answers[2].headers["ratelimit"] == '"bank";r=0;t=60'
    assert answers[2].headers["retry-after"] == "60"
    assert (await other.call(client, "GET", "/webhook")).status == 404
    clock.move(endpoint.RATE_WINDOW)
    assert (await bank.call(client, "GET", "/webhook", token=token)).status == 404
