"""Entrusted deduction at the sandbox, through the product's own client: signed, real HTTP."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.deadline import Deadline
from core.ids import new_id
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, UpstreamRejected
from payments.psp.entrusting import ContractState
from payments.psp.port import Order, OrderState, RefundOrder, RefundState
from payments.psp.wechatpay import WeChatPayClient
from payments.psp.wechatpay_entrusting import WeChatEntrusting
from payments.psp.wechatpay_merchant import SANDBOX_MERCHANT
from tests.sandbox.merchant import Mailbox, open_mailbox
from tests.sandbox.serving import Client

JSON = {"Accept": "application/json"}


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    """Where the sandbox calls back."""
    async with open_mailbox() as opened:
        yield opened


@pytest.fixture
async def wechat(city: Client, keys_dir: Path, mailbox: Mailbox) -> AsyncIterator[WeChatPayClient]:
    """Our client of WeChat Pay."""
    async with HttpClient(Metrics()) as http:
        yield WeChatPayClient(
            http=http.upstream("wechatpay", f"{city.base}/wechatpay"),
            clock=SystemClock(),
            merchant=SANDBOX_MERCHANT,
            private_key=(keys_dir / "wechat_merchant_private.pem").read_bytes(),
            platform_key=(keys_dir / "wechat_platform_public.pem").read_bytes(),
            apiv3_key=(keys_dir / "wechat_apiv3.key").read_bytes(),
            notify_url=mailbox.url,
        )


@pytest.fixture
def contracts(wechat: WeChatPayClient) -> WeChatEntrusting:
    """Its contracts."""
    return WeChatEntrusting(wechat)


def _soon() -> Deadline:
    return Deadline.after(5)


def _order(amount_fen: int = 3360) -> Order:
    ends = SystemClock().now() + timedelta(minutes=15)
    return Order(new_id(), "水费 2026-10", amount_fen, ends, "127.0.0.1")


async def test_a_contract_is_signed_by_the_payer_and_ended_by_the_merchant(
    city: Client, contracts: WeChatEntrusting
) -> None:
    contract_id = new_id()
    page = await contracts.sign(contract_id, "水费自动缴费 0016", _soon())
    assert await contracts.sign(contract_id, "水费自动缴费 0016", _soon()) == page
    with pytest.raises(UpstreamRejected):
        await contracts.sign(contract_id, "another", _soon())
    assert (await contracts.find_contract(contract_id, _soon())).state is ContractState.MISSING
    async with city.http.get(page) as shown:
        html = await shown.text()
    assert "沙盒" in html and "水费自动缴费 0016" in html and "Agree and sign" in html
    path = page.removeprefix(city.base)
    assert (await city.post(f"{path}/sign", headers=JSON))[1]["contract_state"] == "SIGNED"
    view = await contracts.find_contract(contract_id, _soon())
    assert view.state is ContractState.SIGNED and view.psp_ref is not None
    for _ in range(2):
        await contracts.end_contract(view.psp_ref, _soon())
    assert (await contracts.find_contract(contract_id, _soon())).state is ContractState.ENDED
    assert (await city.post(f"{path}/sign", headers=JSON))[0] == 409


async def test_a_deduction_is_an_order_paid_once(
    city: Client, wechat: WeChatPayClient, contracts: WeChatEntrusting, mailbox: Mailbox
) -> None:
    contract_id, order = new_id(), _order()
    path = (await contracts.sign(contract_id, "水费", _soon())).removeprefix(city.base)
    psp_ref = path.rpartition("/")[2]
    with pytest.raises(UpstreamRejected):
        await contracts.deduct(order, psp_ref, _soon())
    await city.post(f"{path}/sign", headers=JSON)
    await city.post(f"/_control{path}/funds", {"enough": False})
    with pytest.raises(UpstreamRejected):
        await contracts.deduct(order, psp_ref, _soon())
    assert (await wechat.find_order(order.intent_id, _soon())).state is OrderState.MISSING
    await city.post(f"/_control{path}/funds", {"enough": True})
    await contracts.deduct(order, psp_ref, _soon())
    with pytest.raises(UpstreamRejected):
        await contracts.deduct(order, psp_ref, _soon())
    view = await wechat.find_order(order.intent_id, _soon())
    assert (view.state, view.amount_fen) == (OrderState.PAID, 3360)
    await mailbox.wait_for(1)
    assert wechat.read_callback(*mailbox.received[0]).news == view
    back = RefundOrder(new_id(), order.intent_id, 3360, 3360, "TEST")
    assert (await wechat.refund(back, _soon())).state is not RefundState.FAILED


async def test_who_ends_it_in_the_wallet_pays_no_more(
    city: Client, wechat: WeChatPayClient, contracts: WeChatEntrusting
) -> None:
    contract_id, order = new_id(), _order()
    path = (await contracts.sign(contract_id, "水费", _soon())).removeprefix(city.base)
    await city.post(f"{path}/sign", headers=JSON)
    await city.post(f"{path}/end", headers=JSON)
    assert (await contracts.find_contract(contract_id, _soon())).state is ContractState.ENDED
    with pytest.raises(UpstreamRejected):
        await contracts.deduct(order, path.rpartition("/")[2], _soon())
    assert (await wechat.find_order(order.intent_id, _soon())).state is OrderState.MISSING
    with pytest.raises(UpstreamRejected):
        await contracts.deduct(order, "WC-none", _soon())
