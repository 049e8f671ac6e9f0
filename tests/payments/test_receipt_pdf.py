"""A receipt as PDF: says what was paid, to its payer alone."""

from datetime import timedelta
from io import BytesIO
from uuid import UUID

import pytest
from pypdf import PdfReader

from core.context.call import Call
from core.database import transaction
from core.ids import new_id
from core.money import capital_yuan
from core.processes.embedded import DatabaseUrls
from payments import receipts, service
from payments.models import Intent
from payments.receipt_pdf import render
from tests.asgi import Answer, Client
from tests.payments.world import World, as_owner


async def _receipt(world: World, total_fen: int = 3360) -> tuple[Call, UUID]:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call, total_fen))
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_for(timedelta(minutes=1))
    return call, intent_id


async def _fetch(client: Client, call: Call | None, intent_id: object) -> Answer:
    headers = client.token(call.viewer) if call and call.viewer else {}
    return await client.request("GET", f"/receipts/{intent_id}.pdf", headers=headers)


def _text(pdf: bytes) -> str:
    (page,) = PdfReader(BytesIO(pdf)).pages
    return page.extract_text()


async def test_the_payer_reads_what_was_paid(world: World, client: Client) -> None:
    call, intent_id = await _receipt(world)
    answer = await _fetch(client, call, intent_id)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "private, no-store"
    assert "receipt-20260000000001.pdf" in answer.headers["content-disposition"]
    intent, text = await Intent.get(id=intent_id), _text(answer.body)
    for said in (
        "电子缴费凭证", "20260000000001", "水费 2026-10 / Water bill 2026-10", "¥33.60",
        "叁拾叁元陆角整", "2026-11-23 12:00:00", intent.psp_ref, intent.fulfilment_ref,
        "济南市 爱城市网", "139****0001",
    ):  # fmt: skip
        assert str(said) in text, said
    assert "已退款" not in text
    assert (await _fetch(client, call, intent_id)).body == answer.body


async def test_what_went_back_is_said(world: World, client: Client) -> None:
    call, intent_id = await _receipt(world)
    async with transaction() as tx:
        await service.refund(world.app, tx, intent_id, 1000, reason="TEST", key="back-1")
    await world.queue.run_due()
    text = _text((await _fetch(client, call, intent_id)).body)
    assert "¥10.00" in text and "¥23.60" in text


async def test_nobody_else_gets_it(world: World, client: Client) -> None:
    call, intent_id = await _receipt(world)
    stranger, unpaid = await world.citizen(), await world.citizen()
    waiting = await world.start(unpaid, await world.bill(unpaid, 100, "A0002"))
    for who, which, status, code in (
        (None, intent_id, 401, "LOGIN_REQUIRED"),
        (stranger, intent_id, 404, "NOT_FOUND"),
        (call, new_id(), 404, "NOT_FOUND"),
        (call, "nonsense", 404, "NOT_FOUND"),
        (unpaid, waiting, 404, "NOT_FOUND"),
    ):
        answer = await _fetch(client, who, which)
        assert (answer.status, answer.json["title"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
    forged = {"authorization": "Bearer nonsense"}
    path = f"/receipts/{intent_id}.pdf"
    assert (await client.request("GET", path, headers=forged)).status == 401


async def test_a_long_title_stays_on_the_page(world: World, database: DatabaseUrls) -> None:
    call, intent_id = await _receipt(world)
    await as_owner(
        database,
        "UPDATE payments_intent SET title_zh = repeat('水', 64), title_en = repeat('W', 64)",
    )
    from payments.receipt_pdf import Issuer

    receipt = await receipts.get_receipt(call, intent_id)
    city = world.app.city
    text = _text(render(receipt, Issuer(city.name, city.app_name, "张·示范")))
    assert "水" * 64 in text and "W" * 64 in text


@pytest.mark.parametrize(
    ("amount_fen", "words"),
    [
        (0, "零元整"),
        (1, "壹分"),
        (10, "壹角整"),
        (105, "壹元零伍分"),
        (1_200_305, "壹万贰仟零叁元零伍分"),
        (150_000, "壹仟伍佰元整"),
        (1_000_010_00, "壹佰万零壹拾元整"),
        (10_000_000_100, "壹亿零壹元整"),
        (1_234_567_890_12, "壹拾贰亿叁仟肆佰伍拾陆万柒仟捌佰玖拾元壹角贰分"),
        (10**15, "壹拾万亿元整"),
    ],
)
def test_amounts_in_capital_figures(amount_fen: int, words: str) -> None:
    assert capital_yuan(amount_fen) == words


def test_no_voucher_is_below_zero() -> None:
    with pytest.raises(ValueError, match="not negative"):
        capital_yuan(-1)
