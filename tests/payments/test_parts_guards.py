"""What the database refuses of parts, whatever the code does; and what papers say of them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from uuid import UUID

import asyncpg
import pytest
from pypdf import PdfReader

from core.context.call import Call
from core.database import parse_url
from core.ids import new_id
from core.processes.embedded import DatabaseUrls
from tests.asgi import Client
from tests.payments.world import World

_COPY = """
INSERT INTO payments_intent
SELECT (jsonb_populate_record(i, jsonb_build_object(
         'id', $1::uuid, 'amount_fen', $2::bigint, 'owed_fen', $3::bigint,
         'owed_at', CASE WHEN $3::bigint IS NULL THEN NULL ELSE i.owed_at END,
         'state', 'created', 'cashier_url', NULL))).*
  FROM payments_intent i WHERE i.id = $4
"""


@pytest.fixture
async def raw(world: World, database: DatabaseUrls) -> AsyncIterator[list[asyncpg.Connection]]:
    """Two connections of the application's role, past all our code."""
    opened = [await asyncpg.connect(**parse_url(database.app)) for _ in range(2)]
    yield opened
    for one in opened:
        await one.close()


async def _part(world: World, amount_fen: int = 40_000) -> tuple[Call, UUID]:
    call = await world.citizen()
    bill_id = await world.bill(call, 100_000, least_part_fen=1_000)
    return call, await world.start(call, bill_id, amount_fen=amount_fen)


async def _insert(
    raw: asyncpg.Connection, like: UUID, amount_fen: int, owed_fen: int | None = 100_000
) -> None:
    await raw.execute(_COPY, new_id(), amount_fen, owed_fen, like)


@pytest.mark.parametrize(
    ("amount_fen", "owed_fen"), [(60_001, 100_000), (10**15, 100_000), (100_000, None)]
)
async def test_more_than_is_open_is_refused(
    world: World, raw: list[asyncpg.Connection], amount_fen: int, owed_fen: int | None
) -> None:
    _, part = await _part(world)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await _insert(raw[0], part, amount_fen, owed_fen)
    assert refused.value.constraint_name == "payments_intent_parts"
    await _insert(raw[0], part, 60_000)


async def test_two_at_once_do_not_pass_one_another(
    world: World, raw: list[asyncpg.Connection]
) -> None:
    _, part = await _part(world)
    first, second = raw
    open_ = first.transaction()
    await open_.start()
    await _insert(first, part, 40_000)
    waiting = asyncio.create_task(_insert(second, part, 20_001))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await open_.commit()
    with pytest.raises(asyncpg.CheckViolationError):
        await waiting
    await _insert(second, part, 20_000)


async def test_a_part_is_never_written_anew(world: World, raw: list[asyncpg.Connection]) -> None:
    await _part(world)
    for column in ("owed_fen", "owed_at", "amount_fen"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await raw[0].execute(f"UPDATE payments_intent SET {column} = {column}")


async def test_a_receipt_and_a_statement_name_the_part(world: World, client: Client) -> None:
    call, part = await _part(world)
    world.psp.pay(part)
    await world.call_back()
    await world.queue.run_for(timedelta(minutes=1))
    assert call.viewer is not None
    token = client.token(call.viewer)
    for path, said in (
        (f"/receipts/{part}.pdf", ("水费 2026-10(部分)", "¥400.00", "Open before", "¥1000.00")),
        ("/payments/statement.pdf?from=2026-11-01&to=2026-11-30", ("水费 2026-10(部分)",)),
    ):
        answer = await client.request("GET", path, headers=token)
        assert answer.status == 200
        text = "".join(page.extract_text() for page in PdfReader(BytesIO(answer.body)).pages)
        for words in said:
            assert words in text, words


async def test_a_part_is_asked_for_and_shown(world: World, client: Client) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call, 100_000, least_part_fen=1_000)
    pay = """mutation ($bill: ID!, $fen: Fen) {
      payBill(billId: $bill, amount: $fen, idempotencyKey: "the-only-key") {
        ... on BillPaymentStarted { payment { title amount partOf } }
        ... on Refusal { code message } } }"""
    viewer = world.fresh(call).viewer
    answer = await client.data(pay, {"bill": str(bill_id), "fen": 999}, viewer=viewer)
    assert answer["payBill"]["code"] == "PART_TOO_SMALL" and "10.00" in answer["payBill"]["message"]
    answer = await client.data(pay, {"bill": str(bill_id), "fen": 40_000}, viewer=viewer)
    assert answer["payBill"]["payment"] == {
        "title": "Water bill 2026-10 (part)", "amount": 40_000, "partOf": 100_000,
    }  # fmt: skip
    bills = """{ bills(kind: WATER, accountNo: "1000000016") {
      items { total paid leastPart } arrears { total } } }"""
    shown = (await client.data(bills, viewer=viewer))["bills"]
    assert shown["items"] == [{"total": 100_000, "paid": 0, "leastPart": 1_000}]
