"""Invoices: asked for by the payer, issued by the biller, followed until they are there."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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
from notifications.channels.gateways import GATEWAY
from payments.psp.port import WeChatPay
from sandbox.population.institutions import uscc
from tests.asgi import Client
from tests.payments.fakes import FakeBillers, FakePsp, FakeSms, Faults
from tests.payments.payees import captured
from tests.payments.world import World, as_owner
from tests.upstreams import Connected, by_operation, in_place_of, over_http

ME, FIRM = Buyer("张示范"), Buyer("沙盒市样例有限公司", uscc(0))
KIND = UtilityKind.WATER


@dataclass
class FakeInvoices:
    """A biller's invoicing: issues once it is told to."""

    paid: set[str] = field(default_factory=set)
    requests: dict[str, Buyer] = field(default_factory=dict)
    issues: bool = False

    def __post_init__(self) -> None:
        self.faults = Faults("billers")

    async def apply_invoice(
        self, kind: UtilityKind, payment_ref: str, buyer: Buyer
    ) -> BillerInvoice:
        """See modules.utilities.invoices.upstream."""
        fault = self.faults.before("apply_invoice")
        if payment_ref not in self.paid:
            raise _refusal(404, "NO_SUCH_WRITE_OFF")
        if self.requests.setdefault(payment_ref, buyer) != buyer:
            raise _refusal(409, "INVOICE_EXISTS")
        self.faults.after(fault, "apply_invoice")
        number = f"IR{payment_ref[:8]}"
        if not self.issues:
            return BillerInvoice(number, "ISSUING")
        at = datetime(2026, 11, 23, 5, tzinfo=UTC)
        return BillerInvoice(number, "ISSUED", "26000001", "https://biller.example/1", at)


def _refusal(status: int, code: str) -> UpstreamRejected:
    return UpstreamRejected("billers", "apply_invoice", status, orjson.dumps({"code": code}))


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


def _key() -> str:
    return f"key-{new_id().hex}"


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
    invoices.requests[paid.hex] = FIRM  # asked for at the biller's counter
    row = await service.request_invoice(call, paid, ME, _key())
    with pytest.raises(Conflict) as refused:
        await service.request_invoice(call, paid, FIRM, _key())
    assert refused.value.code == "INVOICE_REQUESTED"
    await world.queue.run_due()
    row = await BillInvoice.get(id=row.id)
    assert (row.state, row.reason) == ("refused", "INVOICE_EXISTS")
    invoices.issues = True
    await service.request_invoice(call, paid, FIRM, _key())
    await world.queue.run_due()
    row = await BillInvoice.get(id=row.id)
    assert (row.state, row.reason, await BillInvoice.all().count()) == ("issued", None, 1)


async def test_one_never_issued_is_given_up_after_a_week(
    world: World, invoices: FakeInvoices
) -> None:
    call, paid = await _paid(world, invoices)
    row = await service.request_invoice(call, paid, ME, _key())
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
        await service.request_invoice(call, paid, buyer, _key())
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
            await service.request_invoice(who, which, ME, _key())
    with pytest.raises(NotFound):
        await service.find_invoice(stranger, paid)
    await as_owner(database, "UPDATE payments_intent SET kind = 'health.bill'")
    with pytest.raises(NotFound):
        await service.request_invoice(call, paid, ME, _key())
    assert await BillInvoice.all().count() == 0


@dataclass
class Subject:
    """Invoicing under test, and the hand that pays a bill."""

    app: Connected
    pay: Callable[[], Awaitable[str]]
    issued: Callable[[], Awaitable[None]]


@pytest.fixture(params=["fake", "sandbox"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Each in turn."""
    if request.param == "fake":
        fake = FakeInvoices()

        async def pay() -> str:
            fake.paid.add(ref := new_id().hex)
            return ref

        async def issued() -> None:
            fake.issues = True

        yield Subject(in_place_of(BILLERS, fake), pay, issued)
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

        yield Subject(app, pay_over_http, wait)


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
