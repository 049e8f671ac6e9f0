"""A receipt as PDF: says what was paid, to its payer alone."""

from dataclasses import replace
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
from core.standards.sheet import Sheet, render
from core.standards.signed_sheet import render_document
from payments import receipt_pdf, receipts, service
from payments.models import Intent
from tests.asgi import Answer, Client
from tests.payments.world import World, as_owner


async def _receipt(world: World, total_fen: int = 3360) -> tuple[Call, UUID]:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call, total_fen))
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_for(timedelta(minutes=1))
    return call, intent_id


def _draw(world: World, receipt: receipts.Receipt, payer: str) -> Sheet:
    city = world.app.city
    return receipt_pdf.draw(
        receipt, receipt_pdf.Issuer(city.name, city.app_name, payer), receipt.note(world.app)
    )


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
    world.clock.move(timedelta(days=3))
    assert (await _fetch(client, call, intent_id)).body == answer.body


def _signed_at(pdf: bytes) -> str:
    (page,) = PdfReader(BytesIO(pdf)).pages
    (field,) = (note.get_object() for note in page["/Annots"])
    return str(field["/V"]["/M"])


async def test_what_went_back_is_said(world: World, client: Client) -> None:
    call, intent_id = await _receipt(world)
    world.clock.move(timedelta(days=1))
    async with transaction() as tx:
        await service.refund(world.app, tx, intent_id, 1000, reason="TEST", key="back-1")
    await world.queue.run_due()
    before = (await _fetch(client, call, intent_id)).body
    assert "¥10.00" in _text(before) and "¥23.60" in _text(before)
    world.clock.move(timedelta(days=3))
    assert (await _fetch(client, call, intent_id)).body == before
    assert _signed_at(before).startswith("D:20261124")


async def test_of_a_fine_it_says_where_the_treasury_s_own_is(
    world: World, client: Client, database: DatabaseUrls
) -> None:
    call, intent_id = await _receipt(world)
    ask = "query ($id: ID!) { paymentReceipt(paymentId: $id) { note } }"

    async def said() -> tuple[str, str]:
        data = await client.data(ask, {"id": str(intent_id)}, viewer=call.viewer)
        text = _text((await _fetch(client, call, intent_id)).body)
        return text, data["paymentReceipt"]["note"]

    text, note = await said()
    assert "财政电子票据" not in text and "no tax invoice" in note and note in text
    await as_owner(database, "UPDATE payments_intent SET payee = 'non-tax'")
    text, note = await said()
    assert "财政部门开具的财政电子票据" in text and "税务发票" not in text
    assert "the treasury's fiscal e-receipt" in note and "pjcy.mof.gov.cn" in note and note in text


async def test_without_a_document_key_it_is_given_without_a_seal(
    world: World, client: Client
) -> None:
    call, intent_id = await _receipt(world)
    sealed = (await _fetch(client, call, intent_id)).body
    app = world.app
    keys = replace(app.keys, document_signing=None, document_certificates=None)
    found = await receipts.get_receipt(call, intent_id)
    plain = await render_document(keys, _draw(world, found, "张·示范"), at=found.as_of)
    assert b"/Sig" in sealed and b"/Sig" not in plain and "电子缴费凭证" in _text(plain)


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
    receipt = await receipts.get_receipt(call, intent_id)
    text = _text(render(_draw(world, receipt, "张·示范")))
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


async def test_operators_see_for_how_long_seals_are_good(world: World) -> None:
    def days() -> float:
        lines = world.app.metrics.render().decode().splitlines()
        (told,) = (line for line in lines if line.startswith("quancheng_document_certificate_days"))
        return float(told.split()[1])

    before = days()
    assert before > 8_000, "the sandbox's is good until 2050"
    world.clock.move(timedelta(days=2))
    assert days() == pytest.approx(before - 2)
