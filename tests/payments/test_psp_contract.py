"""One contract for every PSP: the adapters against the sandbox, and the tests' own fake."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import aiohttp
import pytest

from core.clock import ManualClock, SystemClock
from core.deadline import Deadline
from core.ids import new_id
from core.security.keys import Keys, load_keys
from core.standards.alipay_envelope import Signer
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, Upstream, UpstreamRejected
from payments.psp.alipay import SANDBOX_MERCHANT as ALIPAY_MERCHANT
from payments.psp.alipay import AlipayClient
from payments.psp.port import Order, OrderState, Psp, RefundOrder, RefundState
from payments.psp.wechatpay import WeChatPayClient
from payments.psp.wechatpay_merchant import SANDBOX_MERCHANT, SANDBOX_PROVIDER
from payments.psp.wechatpay_sp import WeChatPayPartnerClient
from tests.payments.fake_alipay import FakeAlipay
from tests.payments.fake_partner import FakePartner
from tests.payments.fakes import FakePsp


class Subject(Protocol):
    """A PSP under test and the hand that pays at its cashier."""

    psp: Psp
    now: datetime
    merchant: str | None
    """In whose name it is asked, where it is a payee's own merchant."""

    async def see(self, cashier_url: str) -> str:
        """The payer looks at the cashier; returns which cashier that is."""
        ...

    async def pay(self, cashier_url: str) -> None:
        """The payer pays."""
        ...


class Fake:
    """The tests' own PSPs."""

    merchant: str | None = None

    def __init__(self, make: type[FakePsp]) -> None:
        self.now = datetime(2026, 11, 23, 4, tzinfo=UTC)
        self._fake = make(ManualClock(self.now))
        self.psp: Psp = self._fake
        if isinstance(self._fake, FakePartner):
            self.psp, self.merchant = self._fake.on_behalf_of(MERCHANT), MERCHANT

    @property
    def partner(self) -> FakePartner:
        """The fake where payees have merchants of their own."""
        assert isinstance(self._fake, FakePartner)
        return self._fake

    async def see(self, cashier_url: str) -> str:
        if isinstance(self._fake, FakeAlipay):
            self._fake.see(UUID(cashier_url.rpartition("/")[2]))
        return cashier_url

    async def pay(self, cashier_url: str) -> None:
        self._fake.pay(UUID(cashier_url.rpartition("/")[2]))


class Sandbox:
    """A PSP's wire format over real sockets; the payer has a browser."""

    def __init__(self, psp: Psp, merchant: str | None) -> None:
        self.psp, self.now, self.merchant = psp, SystemClock().now(), merchant

    async def see(self, cashier_url: str) -> str:
        async with (
            aiohttp.ClientSession(headers={"Accept": "application/json"}) as http,
            http.get(cashier_url) as answer,
        ):
            assert answer.status == 200
            return str(answer.url.with_query(None))

    async def pay(self, cashier_url: str) -> None:
        page = await self.see(cashier_url)
        async with (
            aiohttp.ClientSession(headers={"Accept": "application/json"}) as http,
            http.post(f"{page}/pay") as answer,
        ):
            assert answer.status == 200


MERCHANT = "1900000109"
_FAKES = {"fake": FakePsp, "fake_alipay": FakeAlipay, "fake_partner": FakePartner}


@pytest.fixture(params=[*_FAKES, "wechatpay", "alipay", "wechatpay_sp"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Each PSP in turn."""
    if request.param in _FAKES:
        yield Fake(_FAKES[request.param])
        return
    port = request.getfixturevalue("sandbox_port")
    keys = load_keys(request.getfixturevalue("keys_dir"))
    async with HttpClient(Metrics()) as http:
        address = f"http://127.0.0.1:{port}/{request.param.replace('_', '-')}"
        door = http.upstream(request.param, address)
        if request.param == "wechatpay_sp":
            yield Sandbox(_wechatpay_sp(door, address, keys).on_behalf_of(MERCHANT), MERCHANT)
            return
        make = {"wechatpay": _wechatpay, "alipay": _alipay}[request.param]
        yield Sandbox(make(door, address, keys), None)


def _wechatpay(http: Upstream, address: str, keys: Keys) -> WeChatPayClient:
    return WeChatPayClient(
        http=http,
        clock=SystemClock(),
        merchant=SANDBOX_MERCHANT,
        private_key=keys.wechat_merchant_private,
        platform_key=keys.wechat_platform_public,
        apiv3_key=keys.wechat_apiv3,
        notify_url=f"{address}/nowhere",
    )


def _wechatpay_sp(http: Upstream, address: str, keys: Keys) -> WeChatPayPartnerClient:
    own = keys.wechat_sp
    assert own is not None
    return WeChatPayPartnerClient(
        http=http,
        clock=SystemClock(),
        merchant=SANDBOX_PROVIDER,
        private_key=own.merchant_private,
        platform_key=own.platform_public,
        apiv3_key=own.apiv3,
        notify_url=f"{address}/nowhere",
    )


def _alipay(http: Upstream, address: str, keys: Keys) -> AlipayClient:
    assert keys.alipay_merchant_private and keys.alipay_platform_public
    return AlipayClient(
        http=http,
        clock=SystemClock(),
        merchant=ALIPAY_MERCHANT,
        signer=Signer(keys.alipay_merchant_private, keys.alipay_platform_public),
        gateway_url=f"{address}/gateway.do",
        base_url=address,
    )


def _order(subject: Subject, amount_fen: int = 5600) -> Order:
    expires_at = (subject.now + timedelta(minutes=15)).replace(microsecond=0)
    title, merchant = "水费 2026-10", subject.merchant
    return Order(new_id(), title, amount_fen, expires_at, "127.0.0.1", merchant=merchant)


def _soon() -> Deadline:
    return Deadline.after(5)


async def test_the_same_order_is_the_same_order(subject: Subject) -> None:
    order = _order(subject)
    page = await subject.see(await subject.psp.order(order, _soon()))
    assert await subject.see(await subject.psp.order(order, _soon())) == page
    assert (await subject.psp.find_order(order.intent_id, _soon())).state is OrderState.UNPAID


async def test_another_order_under_one_number_is_refused(subject: Subject) -> None:
    order = _order(subject)
    await subject.see(await subject.psp.order(order, _soon()))
    changed = replace(order, amount_fen=1)
    with pytest.raises(UpstreamRejected):
        await subject.psp.order(changed, _soon())


async def test_an_order_whose_time_is_over_is_refused(subject: Subject) -> None:
    order = _order(subject)
    late = replace(order, amount_fen=1, expires_at=subject.now - timedelta(minutes=1))
    with pytest.raises(UpstreamRejected):
        await subject.psp.order(late, _soon())
    assert (await subject.psp.find_order(order.intent_id, _soon())).state is OrderState.MISSING


async def test_a_paid_order_tells_amount_and_reference(subject: Subject) -> None:
    order = _order(subject)
    await subject.pay(await subject.psp.order(order, _soon()))
    view = await subject.psp.find_order(order.intent_id, _soon())
    assert (view.intent_id, view.state, view.amount_fen) == (
        order.intent_id,
        OrderState.PAID,
        5600,
    )
    assert view.psp_ref and view.paid_at is not None and view.merchant == subject.merchant
    assert abs(view.paid_at - subject.now) < timedelta(minutes=2)


async def test_a_closed_order_takes_no_money(subject: Subject) -> None:
    order = _order(subject)
    await subject.see(await subject.psp.order(order, _soon()))
    for _ in range(2):
        closed = await subject.psp.close_order(order.intent_id, _soon())
        assert closed.state is OrderState.CLOSED
    assert (await subject.psp.find_order(order.intent_id, _soon())).state is OrderState.CLOSED


async def test_closing_a_paid_order_tells_that_it_is_paid(subject: Subject) -> None:
    order = _order(subject)
    await subject.pay(await subject.psp.order(order, _soon()))
    view = await subject.psp.close_order(order.intent_id, _soon())
    assert (view.state, view.amount_fen) == (OrderState.PAID, 5600)


async def test_an_unknown_order_is_missing(subject: Subject) -> None:
    unknown = new_id()
    assert (await subject.psp.find_order(unknown, _soon())).state is OrderState.MISSING
    assert (await subject.psp.close_order(unknown, _soon())).state is OrderState.MISSING


async def test_refunds_are_repeat_safe_and_never_exceed_the_payment(subject: Subject) -> None:
    order = _order(subject)
    await subject.pay(await subject.psp.order(order, _soon()))
    first = RefundOrder(new_id(), order.intent_id, 3000, 5600, "LATE_PAYMENT")
    view = await subject.psp.refund(first, _soon())
    again = await subject.psp.refund(first, _soon())
    assert (again.refund_id, again.psp_ref) == (first.refund_id, view.psp_ref)
    too_much = RefundOrder(new_id(), order.intent_id, 2601, 5600, "LATE_PAYMENT")
    assert (await subject.psp.refund(too_much, _soon())).state is RefundState.FAILED
    rest = RefundOrder(new_id(), order.intent_id, 2600, 5600, "LATE_PAYMENT")
    assert (await subject.psp.refund(rest, _soon())).state is not RefundState.FAILED
    found = await subject.psp.find_refund(first, _soon())
    assert found.state in (RefundState.PROCESSING, RefundState.SUCCEEDED)
    assert found.amount_fen == 3000
    assert (await subject.psp.find_order(order.intent_id, _soon())).state is OrderState.PAID


async def test_an_unpaid_or_unknown_order_is_not_refunded(subject: Subject) -> None:
    order = _order(subject)
    await subject.psp.order(order, _soon())
    for intent_id in (order.intent_id, new_id()):
        refund = RefundOrder(new_id(), intent_id, 100, 5600, "LATE_PAYMENT")
        assert (await subject.psp.refund(refund, _soon())).state is RefundState.FAILED
        assert (await subject.psp.find_refund(refund, _soon())).state is RefundState.MISSING


async def test_a_paid_and_a_closed_number_open_no_cashier_again(subject: Subject) -> None:
    paid, closed = _order(subject), _order(subject)
    await subject.pay(await subject.psp.order(paid, _soon()))
    await subject.see(await subject.psp.order(closed, _soon()))
    await subject.psp.close_order(closed.intent_id, _soon())
    for order in (paid, closed):
        with pytest.raises(UpstreamRejected):
            await subject.psp.order(order, _soon())


async def test_a_fully_refunded_order_was_paid(subject: Subject) -> None:
    order = _order(subject)
    await subject.pay(await subject.psp.order(order, _soon()))
    whole = RefundOrder(new_id(), order.intent_id, 5600, 5600, "LATE_PAYMENT")
    assert (await subject.psp.refund(whole, _soon())).state is not RefundState.FAILED
    view = await subject.psp.find_order(order.intent_id, _soon())
    assert (view.state, view.amount_fen) == (OrderState.PAID, 5600)


@pytest.mark.parametrize("subject", ["fake_partner", "wechatpay_sp"], indirect=True)
async def test_a_merchant_sees_its_own_orders_alone(
    subject: Subject,
) -> None:
    order = _order(subject)
    await subject.pay(await subject.psp.order(order, _soon()))
    if isinstance(subject, Fake):
        other = subject.partner.on_behalf_of("1900000117")
    else:
        assert isinstance(subject.psp, WeChatPayPartnerClient)
        other = subject.psp.on_behalf_of("1900000117")
    assert (await other.find_order(order.intent_id, _soon())).state is OrderState.MISSING
    refund = RefundOrder(new_id(), order.intent_id, 100, 5600, "LATE_PAYMENT")
    assert (await other.refund(refund, _soon())).state is RefundState.FAILED
    assert (await subject.psp.find_refund(refund, _soon())).state is RefundState.MISSING
