"""Re-issues: the old invoice is cancelled once, the new one issued once, whatever lies between."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from core.context.call import Call
from core.database import parse_url, transaction
from core.errors import AppError, Conflict, InvalidInput, NotFound, RateLimited
from core.ids import new_id
from core.people.data_rights import erase_person, export_person
from core.processes.embedded import DatabaseUrls
from core.upstream.client import Response
from modules.utilities.accounts.upstream import BILLERS
from modules.utilities.invoices import service as issuing
from modules.utilities.invoices.domain import Buyer
from modules.utilities.invoices.models import BillInvoice
from modules.utilities.reissues import service
from modules.utilities.reissues.domain import MOST, REISSUE, RedInvoice
from modules.utilities.reissues.models import InvoiceReissue
from modules.utilities.reissues.upstream import apply_red
from notifications.channels.gateways import GATEWAY
from notifications.messages.models import Message
from payments import api as payments
from payments.psp.port import WeChatPay
from sandbox.population.institutions import uscc
from tests.asgi import Client
from tests.conftest import ROOT
from tests.modules.utilities.fake_invoices import FakeInvoices
from tests.payments.crash import cut
from tests.payments.fakes import FakeBillers, FakePsp, FakeSms
from tests.payments.world import World
from tests.people import new_key
from tests.upstreams import by_operation

ME, FIRM = Buyer("张示范"), Buyer("沙盒市样例有限公司", uscc(0))
OTHER = Buyer("沙盒市另一有限公司", uscc(1))
MINUTES = timedelta(minutes=20)


@pytest.fixture
def invoices() -> FakeInvoices:
    """The invoicing, which issues at once."""
    return FakeInvoices(issues=True)


@pytest.fixture
def upstreams(psp: FakePsp, billers: FakeBillers, invoices: FakeInvoices) -> Mapping[Any, Any]:
    """The fakes in the place of the adapters."""
    return {
        WeChatPay: psp,
        **by_operation(billers, BILLERS),
        **by_operation(FakeSms(), GATEWAY),
        **by_operation(invoices, BILLERS),
    }


async def _paid(world: World, invoices: FakeInvoices) -> tuple[Call, UUID]:
    """A paid bill, and who paid it."""
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call, account_no=f"A{new_id().hex[:8]}"))
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_due()
    invoices.paid.add(intent_id.hex)
    return call, intent_id


async def _issued(world: World, invoices: FakeInvoices) -> tuple[Call, UUID]:
    """The same with an invoice in the payer's name."""
    call, paid = await _paid(world, invoices)
    await issuing.request_invoice(call, paid, ME, new_key())
    await world.queue.run_for(MINUTES)
    assert (await BillInvoice.get(intent_id=paid)).state == "issued"
    return call, paid


async def _told() -> list[str]:
    rows = await Message.filter(template__startswith="bills.reissue").order_by("position")
    return [row.template.removeprefix("bills.reissue_") for row in rows]


async def _refused(awaitable: Awaitable[object]) -> str:
    with pytest.raises(AppError) as refused:
        await awaitable
    return refused.value.code


async def test_an_invoice_is_cancelled_and_issued_in_another_name(
    world: World, invoices: FakeInvoices, client: Client
) -> None:
    call, paid = await _issued(world, invoices)
    ask = """mutation ($id: ID!, $title: String!, $taxNo: String) {
      reissueBillInvoice(paymentId: $id, title: $title, taxNo: $taxNo,
                         idempotencyKey: "the-one-key") {
        ... on BillInvoiceReissueRequested { reissue { state title } }
        ... on Refusal { code } } }"""
    variables = {"id": str(paid), "title": f" {FIRM.title} ", "taxNo": FIRM.tax_no}
    for _ in range(2):
        answer = await client.data(ask, variables, viewer=call.viewer)
        assert answer["reissueBillInvoice"] == {
            "reissue": {"state": "REQUESTED", "title": FIRM.title}
        }
    await world.queue.run_for(MINUTES)
    invoice = await BillInvoice.get(intent_id=paid)
    assert (invoice.state, invoice.invoice_no) == ("issued", "26000002")
    assert issuing.buyer_of(world.app, invoice) == FIRM
    query = """query ($id: ID!) { billInvoiceReissues(paymentId: $id) {
      state title taxNo oldTitle oldInvoiceNo oldUrl redInvoiceNo redUrl confirmBy reason } }"""
    (told,) = (await client.data(query, {"id": str(paid)}, viewer=call.viewer))[
        "billInvoiceReissues"
    ]
    assert told == {
        "state": "ISSUED", "title": FIRM.title, "taxNo": FIRM.tax_no, "oldTitle": "张示范",
        "oldInvoiceNo": "26000001", "oldUrl": "https://biller.example/1",
        "redInvoiceNo": "26R00000", "redUrl": "https://biller.example/red", "confirmBy": None,
        "reason": None,
    }  # fmt: skip
    assert (len(invoices.reds), len(invoices.requests)) == (1, 2)
    assert await _told() == ["issued"]
    row = await InvoiceReissue.get()
    assert "张示范".encode() not in bytes(row.old_buyer_sealed) + bytes(row.buyer_sealed)
    stranger = await world.citizen()
    assert await _refused(service.list_reissues(stranger, paid)) == "NOT_FOUND"


async def test_lost_replies_and_silence_change_nothing(
    world: World, invoices: FakeInvoices
) -> None:
    call, paid = await _issued(world, invoices)
    await service.request_reissue(call, paid, FIRM, new_key())
    row = await InvoiceReissue.get()
    for fault in ("lost", "down", "ok", "lost", "down", "ok"):
        invoices.faults.queued.append(fault)
        if fault == "ok":
            await service.carry_on(world.app, row.id)
            continue
        with pytest.raises(Exception, match=fault):
            await service.carry_on(world.app, row.id)
    await world.queue.run_for(MINUTES)
    assert (await InvoiceReissue.get()).state == "issued"
    assert (len(invoices.reds), len(invoices.requests)) == (1, 2)


@pytest.mark.parametrize("step", ["red", "blue"])
async def test_a_crash_anywhere_neither_loses_nor_doubles_a_step(
    world: World, invoices: FakeInvoices, step: str
) -> None:
    was_cut, after = True, 0
    while was_cut:  # until the step ends before it is cut
        call, paid = await _issued(world, invoices)
        row = await service.request_reissue(call, paid, FIRM, new_key())
        if step == "blue":
            await service.carry_on(world.app, row.id)
            assert (await InvoiceReissue.get(id=row.id)).state == "red"
            assert (await BillInvoice.get(intent_id=paid)).state == "cancelled"
        was_cut = await cut(service.carry_on(world.app, row.id), after)
        await world.queue.run_for(MINUTES)
        row, invoice = await InvoiceReissue.get(id=row.id), await BillInvoice.get(intent_id=paid)
        assert (row.state, invoice.state) == ("issued", "issued"), after
        assert list(invoices.reds).count(row.red_ref) == 1
        assert [ref for ref, _ in invoices.requests].count(paid.hex) == 2
        assert invoices.standing(paid.hex) == [invoice.invoice_no]
        after += 1
    assert after > 5
    assert (await _told()).count("issued") == after


@pytest.mark.parametrize(
    ("answer", "state", "reason", "told"),
    [
        ("04", "issued", None, ["confirming", "issued"]),
        ("05", "refused", "BUYER_DENIED", ["confirming", "refused"]),
        ("07", "refused", "CONFIRMATION_LAPSED", ["confirming", "refused"]),
    ],
)
async def test_of_one_that_is_used_the_buyer_decides(
    world: World,
    invoices: FakeInvoices,
    answer: str,
    state: str,
    reason: str | None,
    told: list[str],
) -> None:
    call, paid = await _issued(world, invoices)
    invoices.used["26000001"] = "books"
    await service.request_reissue(call, paid, FIRM, new_key())
    await world.queue.run_for(MINUTES)
    row = await InvoiceReissue.get()
    assert row.state == "confirming" and row.confirm_by is not None
    assert timedelta(hours=71) < row.confirm_by - world.clock.now() < timedelta(hours=72)
    assert (await BillInvoice.get(intent_id=paid)).state == "issued"
    invoices.answer(answer)
    await world.queue.run_for(timedelta(hours=2))
    row = await InvoiceReissue.get()
    assert (row.state, row.reason, await _told()) == (state, reason, told)
    number = "26000002" if state == "issued" else "26000001"
    assert (await BillInvoice.get(intent_id=paid)).invoice_no == number
    assert invoices.standing(paid.hex) == [number]


async def test_what_the_biller_refuses_stands_and_is_not_counted(
    world: World, invoices: FakeInvoices
) -> None:
    call, paid = await _issued(world, invoices)
    invoices.used["26000001"] = "export"
    for _ in range(MOST + 1):
        await service.request_reissue(call, paid, FIRM, new_key())
        await world.queue.run_for(MINUTES)
    rows = await InvoiceReissue.all()
    assert {(row.state, row.reason, row.no) for row in rows} == {("refused", "INVOICE_USED", None)}
    assert len(rows) == MOST + 1 and invoices.reds == {}
    assert (await BillInvoice.get(intent_id=paid)).state == "issued"
    invoices.used.clear()  # taken back
    await service.request_reissue(call, paid, FIRM, new_key())
    await world.queue.run_for(MINUTES)
    assert (await BillInvoice.get(intent_id=paid)).invoice_no == "26000002"


async def test_three_times_and_no_more(world: World, invoices: FakeInvoices) -> None:
    call, paid = await _issued(world, invoices)
    for buyer in (FIRM, OTHER, ME):
        await service.request_reissue(call, paid, buyer, new_key())
        await world.queue.run_for(MINUTES)
    assert (
        await _refused(service.request_reissue(call, paid, FIRM, new_key())) == "REISSUES_USED_UP"
    )
    assert sorted(row.no for row in await InvoiceReissue.all()) == [1, 2, 3]
    assert invoices.standing(paid.hex) == ["26000004"]
    history = await service.list_reissues(call, paid)
    assert [row.old_invoice_no for row in history] == ["26000003", "26000002", "26000001"]


async def test_one_at_a_time(world: World, invoices: FakeInvoices) -> None:
    call, paid = await _issued(world, invoices)
    invoices.issues = False
    codes: list[str] = []

    async def ask(buyer: Buyer) -> None:
        try:
            await service.request_reissue(call, paid, buyer, new_key())
        except Conflict as refused:
            codes.append(refused.code)

    await asyncio.gather(*(ask(buyer) for buyer in (FIRM, OTHER) * 4))
    assert (await InvoiceReissue.all().count(), codes) == (1, ["REISSUE_OPEN"] * 4)
    await world.queue.run_for(MINUTES)
    assert len(invoices.reds) == 1 and (await InvoiceReissue.get()).state == "requested"


async def test_a_new_name_that_is_refused_is_asked_for_anew_without_a_second_cancelling(
    world: World, invoices: FakeInvoices
) -> None:
    call, paid = await _issued(world, invoices)
    invoices.refuses.add(FIRM.title)
    await service.request_reissue(call, paid, FIRM, "the-first-key")
    await world.queue.run_for(MINUTES)
    row = await InvoiceReissue.get()
    assert (row.state, row.reason) == ("unissued", "INVALID_TAX_NO")
    assert (await BillInvoice.get(intent_id=paid)).state == "cancelled"
    assert (await service.request_reissue(call, paid, FIRM, "the-first-key")).id == row.id
    assert (await InvoiceReissue.get()).state == "unissued"  # a key replays, it does not go on
    await service.request_reissue(call, paid, OTHER, new_key())
    await world.queue.run_for(MINUTES)
    assert (await InvoiceReissue.get()).state == "issued"
    invoice = await BillInvoice.get(intent_id=paid)
    assert issuing.buyer_of(world.app, invoice) == OTHER
    assert len(invoices.reds) == 1 and await _told() == ["unissued", "issued"]


async def test_what_cannot_be_re_issued_is_refused(world: World, invoices: FakeInvoices) -> None:
    call, paid = await _paid(world, invoices)
    stranger = await world.citizen()
    ask: Callable[..., Any] = service.request_reissue
    assert await _refused(ask(call, paid, FIRM, new_key())) == "INVOICE_NOT_ISSUED"
    invoices.issues = False
    await issuing.request_invoice(call, paid, ME, new_key())
    assert await _refused(ask(call, paid, FIRM, new_key())) == "INVOICE_NOT_ISSUED"
    invoices.issues = True
    await world.queue.run_for(MINUTES)
    for who, buyer, error in (
        (stranger, FIRM, NotFound),
        (call, ME, Conflict),
        (call, Buyer(""), InvalidInput),
        (call, Buyer("某公司", "91990099XX000000XX"), InvalidInput),
    ):
        with pytest.raises(error):
            await ask(who, paid, buyer, new_key())
    async with transaction() as tx:
        await payments.refund(world.app, tx, paid, 1, reason="TEST", key="refund-key")
    assert await _refused(ask(call, paid, FIRM, new_key())) == "NOT_INVOICEABLE"
    assert await InvoiceReissue.all().count() == 0 and invoices.reds == {}


async def test_who_asks_too_often_is_stopped(world: World, invoices: FakeInvoices) -> None:
    call, paid = await _issued(world, invoices)
    for _ in range(10):
        assert await _refused(service.request_reissue(call, paid, ME, new_key())) == "SAME_BUYER"
    with pytest.raises(RateLimited):
        await service.request_reissue(call, paid, FIRM, new_key())


async def test_who_sends_one_request_often_asks_once(world: World, invoices: FakeInvoices) -> None:
    call, paid = await _issued(world, invoices)
    first, *others = [
        await service.request_reissue(call, paid, FIRM, "the-one-key") for _ in range(11)
    ]
    assert {row.id for row in others} == {first.id}
    assert await _refused(service.request_reissue(call, paid, ME, new_key())) == "REISSUE_OPEN"


async def test_the_database_keeps_one_under_way_and_three_in_all(
    world: World, invoices: FakeInvoices, database: DatabaseUrls
) -> None:
    call, paid = await _issued(world, invoices)
    invoices.issues = False
    await service.request_reissue(call, paid, FIRM, new_key())
    copy = (
        "INSERT INTO bills_invoice_reissue SELECT (jsonb_populate_record(r, jsonb_build_object("
        "'id', gen_random_uuid(), 'no', {no}, 'state', 'requested', 'invoice_id', {invoice}))).* "
        "FROM bills_invoice_reissue r"
    )
    raw = await asyncpg.connect(**parse_url(database.app))
    try:
        for statement, error in (
            (copy.format(no=2, invoice="r.invoice_id"), asyncpg.UniqueViolationError),
            (copy.format(no=4, invoice="gen_random_uuid()"), asyncpg.CheckViolationError),
            ("UPDATE bills_invoice_reissue SET no = NULL", asyncpg.CheckViolationError),
            ("UPDATE bills_invoice_reissue SET state = 'issued'", asyncpg.CheckViolationError),
            ("UPDATE bills_invoice_reissue SET state = 'red'", asyncpg.CheckViolationError),
            ("UPDATE bills_invoice_reissue SET state = 'confirming'", asyncpg.CheckViolationError),
        ):
            with pytest.raises(error):
                await raw.execute(statement)
    finally:
        await raw.close()


async def test_its_buyers_are_exported_and_forgotten(world: World, invoices: FakeInvoices) -> None:
    call, paid = await _issued(world, invoices)
    await service.request_reissue(call, paid, FIRM, new_key())
    await world.queue.run_for(MINUTES)
    person_id = call.require_viewer().user_id
    told = str(await export_person(world.app, person_id))
    assert FIRM.title in told and "26R00000" in told
    async with transaction() as tx:
        await erase_person(world.app, tx, person_id)
    assert await InvoiceReissue.all().count() == 0


@pytest.mark.parametrize(
    ("form_state", "number", "issued", "awaits", "void"),
    [
        ("01", None, False, False, None),
        ("01", "26000001", True, False, None),
        ("02", None, False, True, None),
        ("03", None, False, False, None),
        ("04", "26000001", True, False, None),
        ("05", None, False, False, "BUYER_DENIED"),
        ("06", None, False, False, "SELLER_DENIED"),
        ("07", None, False, False, "CONFIRMATION_LAPSED"),
        ("08", None, False, False, "FORM_WITHDRAWN"),
        ("09", None, False, False, "FORM_WITHDRAWN"),
        ("10", None, False, False, "ABNORMAL_VOUCHER"),
        ("11", None, False, False, "TAXPAYER_BLOCKED"),
    ],
)
def test_the_states_of_a_form_are_the_tax_authority_s(
    form_state: str, number: str | None, issued: bool, awaits: bool, void: str | None
) -> None:
    """Their list (红字确认单状态): showdoc.com.cn/2284933012546758/10337829410077563 (01 to 09);
    apifox.com/apidoc/shared/96282197-5d7b-43fe-8ee8-334fb3abb990/282849658e0 (10, 11)."""
    red = RedInvoice("ref", form_state, red_invoice_no=number)
    assert red.is_sound
    assert (red.is_issued, red.awaits_buyer, red.void_reason) == (issued, awaits, void)


@pytest.mark.parametrize(
    "told",
    [
        {"red_ref": "r", "form_state": "99"},
        {"red_ref": "r"},
        {"red_ref": "r", "form_state": "01", "red_invoice_url": "javascript:x"},
    ],
)
def test_a_broken_answer_is_none(told: object) -> None:
    response = Response("billers", "apply_red", 200, {}, orjson.dumps(told))
    with pytest.raises(ValueError, match=r"validation error|nobody knows|web address"):
        apply_red.answers.read(response)


def test_the_handbook_draws_the_machine_that_runs() -> None:
    assert REISSUE.mermaid() in (ROOT / "docs/bills.md").read_text(encoding="utf-8")
