"""Invoices: asked for by the payer, issued by the biller, followed until they are there."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
import orjson
import pytest

from core.clock import SystemClock
from core.context.call import Call
from core.deadline import Deadline
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.processes.embedded import DatabaseUrls
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, Response, UpstreamRejected
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.accounts.upstream import BILLERS
from modules.utilities.bills.upstream import write_off
from modules.utilities.invoices import service
from modules.utilities.invoices.domain import BillerInvoice, Buyer
from modules.utilities.invoices.models import BillInvoice
from modules.utilities.invoices.upstream import apply_invoice
from modules.utilities.reissues.upstream import apply_red
from notifications.channels.gateways import GATEWAY
from payments.psp.port import WeChatPay
from sandbox.population.institutions import uscc
from tests.asgi import Client
from tests.modules.utilities.fake_invoices import FakeInvoices
from tests.payments.fakes import FakeBillers, FakePsp, FakeSms
from tests.payments.payees import captured
from tests.payments.world import World, as_owner
from tests.people import new_key
from tests.upstreams import Connected, by_operation, in_place_of, over_http

ME, FIRM = Buyer("张示范"), Buyer("沙盒市样例有限公司", uscc(0))
KIND = UtilityKind.WATER


@pytest.fixture
def invoices() -> FakeInvoices:
    """The invoicing."""
    return FakeInvoices()


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
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_due()
    invoices.paid.add(intent_id.hex)
    return call, intent_id


async def test_an_invoice_is_asked_for_once_and_followed_until_it_is_there(
    world: World, invoices: FakeInvoices, client: Client
) -> None:
    call, paid = await _paid(world, invoices)
    row = await service.request_invoice(call, paid, ME, "the-one-key")
    again = await service.request_invoice(call, paid, ME, "the-one-key")
    assert (row.id, row.state) == (again.id, "requested")
    invoices.faults.queued.extend(["lost"])
    with pytest.raises(Exception, match="lost"):
        await service.ask(world.app, row.id)
    await world.queue.run_due()
    assert (await BillInvoice.get(id=row.id)).state == "issuing"
    invoices.issues = True
    await world.queue.run_for(timedelta(minutes=1))
    query = """query ($id: ID!) { billInvoice(paymentId: $id) {
      state title taxNo invoiceNo url issuedAt reason } }"""
    told = (await client.data(query, {"id": str(paid)}, viewer=call.viewer))["billInvoice"]
    assert told == {
        "state": "ISSUED", "title": "张示范", "taxNo": None, "invoiceNo": "26000001",
        "url": "https://biller.example/1", "issuedAt": "2026-11-23T05:00:00.000Z", "reason": None,
    }  # fmt: skip
    assert list(invoices.requests.values()) == [ME]
    stored = await BillInvoice.get(id=row.id)
    assert "张示范".encode() not in bytes(stored.buyer_sealed)


async def test_another_buyer_is_a_conflict_unless_the_biller_refused_the_first(
    world: World, invoices: FakeInvoices
) -> None:
    call, paid = await _paid(world, invoices)
    invoices.requests[paid.hex, ""] = FIRM  # asked for at the biller's counter
    row = await service.request_invoice(call, paid, ME, new_key())
    with pytest.raises(Conflict) as refused:
        await service.request_invoice(call, paid, FIRM, new_key())
    assert refused.value.code == "INVOICE_REQUESTED"
    await world.queue.run_due()
    row = await BillInvoice.get(id=row.id)
    assert (row.state, row.reason) == ("refused", "INVOICE_EXISTS")
    invoices.issues = True
    await service.request_invoice(call, paid, FIRM, new_key())
    await world.queue.run_due()
    row = await BillInvoice.get(id=row.id)
    assert (row.state, row.reason, await BillInvoice.all().count()) == ("issued", None, 1)


async def test_one_never_issued_is_given_up_after_a_week(
    world: World, invoices: FakeInvoices
) -> None:
    call, paid = await _paid(world, invoices)
    row = await service.request_invoice(call, paid, ME, new_key())
    await world.queue.run_for(timedelta(days=7, hours=2))
    row = await BillInvoice.get(id=row.id)
    assert (row.state, row.reason) == ("refused", "NOT_ISSUED")


@pytest.mark.parametrize(
    "buyer",
    [
        Buyer(""),
        Buyer("   "),
        Buyer("x" * 101),
        Buyer("a\nb"),
        Buyer("某公司", "91990099XX000000XX"),
    ],
)
async def test_what_cannot_stand_on_an_invoice_is_refused(
    world: World, invoices: FakeInvoices, buyer: Buyer
) -> None:
    call, paid = await _paid(world, invoices)
    with pytest.raises(InvalidInput):
        await service.request_invoice(call, paid, buyer, new_key())
    assert await BillInvoice.all().count() == 0


async def test_only_the_payer_of_a_booked_bill_that_was_kept_gets_one(
    world: World, invoices: FakeInvoices, database: DatabaseUrls
) -> None:
    call, paid = await _paid(world, invoices)
    stranger = await world.citizen()
    waiting = await world.start(stranger, await world.bill(stranger, 100, "A0002"))
    for who, which, error in (
        (stranger, paid, NotFound),
        (call, new_id(), NotFound),
        (stranger, waiting, Conflict),
    ):
        with pytest.raises(error):
            await service.request_invoice(who, which, ME, new_key())
    with pytest.raises(NotFound):
        await service.find_invoice(stranger, paid)
    await as_owner(database, "UPDATE payments_intent SET kind = 'health.bill'")
    with pytest.raises(NotFound):
        await service.request_invoice(call, paid, ME, new_key())
    assert await BillInvoice.all().count() == 0


@dataclass
class Subject:
    """Invoicing under test, and the hand that pays a bill."""

    app: Connected
    pay: Callable[[], Awaitable[str]]
    issued: Callable[[], Awaitable[None]]
    use: Callable[[str, str], Awaitable[None]]
    """An invoice is used by its buyer."""
    agree: Callable[[str], Awaitable[None]]
    """Its buyer agrees that it be cancelled."""


def _fake() -> Subject:
    fake = FakeInvoices()

    async def pay() -> str:
        fake.paid.add(ref := new_id().hex)
        return ref

    async def issued() -> None:
        fake.issues = True

    async def use(invoice_no: str, used_for: str) -> None:
        fake.used[invoice_no] = used_for

    async def agree(invoice_no: str) -> None:
        fake.answer("04")

    return Subject(in_place_of(BILLERS, fake), pay, issued, use, agree)


@pytest.fixture(params=["fake", "sandbox"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Each in turn."""
    if request.param == "fake":
        yield _fake()
        return
    base = f"http://127.0.0.1:{request.getfixturevalue('sandbox_port')}"
    async with HttpClient(Metrics()) as http, aiohttp.ClientSession() as control:
        app = over_http(http, base, BILLERS)
        async with control.get(f"{base}/_control/people") as people:
            account_no = (await people.json())[0]["household"]["water_account_no"]

        async def pay_over_http() -> str:
            payment_id = new_id()
            path = f"{base}/_control/billers/water/accounts/{account_no}/bills"
            async with control.post(path, json={}) as answer:
                bill = await answer.json()
            paid = captured(payment_id, bill["total_fen"], SystemClock().now())
            await write_off(app, _soon(), KIND, bill["bill_no"], paid)
            return paid.payment_ref

        async def wait() -> None:
            import asyncio

            await asyncio.sleep(2.1)

        async def switch(path: str, body: object) -> None:
            where = f"{base}/_control/billers/water/invoices/{path}"
            async with control.post(where, json=body) as answer:
                assert answer.status == 200

        async def use_over_http(invoice_no: str, used_for: str) -> None:
            await switch(f"{invoice_no}/use", {"used_for": used_for})

        async def agree_over_http(invoice_no: str) -> None:
            await switch(f"{invoice_no}/answer", {"agreed": True})

        yield Subject(app, pay_over_http, wait, use_over_http, agree_over_http)


def _soon() -> Deadline:
    return Deadline.after(5)


async def test_a_payment_has_one_invoice_for_one_buyer(subject: Subject) -> None:
    ref = await subject.pay()
    first = await apply_invoice(subject.app, _soon(), KIND, ref, FIRM)
    assert (first.state, first.is_issued, first.invoice_no) == ("ISSUING", False, None)
    with pytest.raises(UpstreamRejected) as refused:
        await apply_invoice(subject.app, _soon(), KIND, ref, ME)
    assert refused.value.code == "INVOICE_EXISTS"
    with pytest.raises(UpstreamRejected) as refused:
        await apply_invoice(subject.app, _soon(), KIND, "none", ME)
    assert refused.value.code == "NO_SUCH_WRITE_OFF"
    await subject.issued()
    issued = await apply_invoice(subject.app, _soon(), KIND, ref, FIRM)
    assert (issued.request_no, issued.is_issued) == (first.request_no, True)
    assert issued.issued_at is not None
    if subject.app.upstreams.find_fake(apply_invoice) is None:
        async with aiohttp.ClientSession() as http, http.get(issued.invoice_url or "") as page:
            html = await page.text()
        assert page.status == 200
        assert issued.invoice_no in html and FIRM.title in html and "Sandbox" in html


async def _issued(subject: Subject) -> tuple[str, str]:
    """A paid bill's payment and the number of its invoice."""
    ref = await subject.pay()
    await apply_invoice(subject.app, _soon(), KIND, ref, ME)
    await subject.issued()
    issued = await apply_invoice(subject.app, _soon(), KIND, ref, ME)
    assert issued.invoice_no is not None
    return ref, issued.invoice_no


async def _refused(awaitable: Awaitable[object]) -> str:
    with pytest.raises(UpstreamRejected) as refused:
        await awaitable
    return refused.value.code


async def test_an_invoice_is_cancelled_before_another_one_is_issued(subject: Subject) -> None:
    app, (ref, old_no) = subject.app, await _issued(subject)
    another = f"second-{ref}"
    early = apply_invoice(app, _soon(), KIND, ref, FIRM, another)
    assert await _refused(early) == "INVOICE_EXISTS"
    assert await _refused(apply_red(app, _soon(), KIND, ref, "none")) == "NO_SUCH_INVOICE"
    assert (await apply_red(app, _soon(), KIND, ref, old_no)).form_state == "01"
    await subject.issued()
    red = await apply_red(app, _soon(), KIND, ref, old_no)
    assert red.is_issued and red.red_invoice_no != old_no
    assert await apply_red(app, _soon(), KIND, ref, old_no) == red
    assert await _refused(apply_red(app, _soon(), KIND, ref, "none")) == "RED_REF_REUSED"
    assert await _refused(apply_red(app, _soon(), KIND, another, old_no)) == "INVOICE_CANCELLED"
    for _ in range(2):
        await apply_invoice(app, _soon(), KIND, ref, FIRM, another)
    await subject.issued()
    new = await apply_invoice(app, _soon(), KIND, ref, FIRM, another)
    assert new.is_issued and new.invoice_no not in (old_no, red.red_invoice_no)
    for buyer, request_ref in ((ME, another), (ME, f"third-{ref}")):
        late = apply_invoice(app, _soon(), KIND, ref, buyer, request_ref)
        assert await _refused(late) == "INVOICE_EXISTS"
    if app.upstreams.find_fake(apply_red) is None:
        async with aiohttp.ClientSession() as http, http.get(red.red_invoice_url or "") as page:
            html = await page.text()
        assert page.status == 200 and old_no in html and "¥-" in html


async def test_of_an_invoice_that_is_used_the_buyer_is_asked(subject: Subject) -> None:
    app, (ref, old_no) = subject.app, await _issued(subject)
    await subject.use(old_no, "export")
    assert await _refused(apply_red(app, _soon(), KIND, ref, old_no)) == "INVOICE_USED"
    await subject.use(old_no, "books")
    red = await apply_red(app, _soon(), KIND, ref, old_no)
    assert (red.awaits_buyer, red.is_issued, red.void_reason) == (True, False, None)
    await subject.agree(old_no)
    await subject.issued()
    assert (await apply_red(app, _soon(), KIND, ref, old_no)).is_issued


def _read(told: object) -> BillerInvoice:
    response = Response("billers", "apply_invoice", 200, {}, orjson.dumps(told))
    return apply_invoice.answers.read(response)


@pytest.mark.parametrize("told", [[], {"request_no": 1}, {"state": "ISSUED"}])
def test_a_broken_answer_is_none(told: object) -> None:
    with pytest.raises(ValueError, match="validation error"):
        _read(told)


def test_an_address_that_is_no_web_address_is_not_shown() -> None:
    told = {"request_no": "1", "state": "ISSUED", "invoice_no": "2", "invoice_url": "javascript:x"}
    with pytest.raises(ValueError, match="not a web address"):
        _read(told)
