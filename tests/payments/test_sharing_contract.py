"""One contract for profit sharing: the adapter against the sandbox, and the tests' own fake."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from core.deadline import Deadline
from core.ids import new_id
from core.security.keys import load_keys
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, UpstreamRejected
from payments.psp.port import Order, RefundOrder, RefundState
from payments.psp.sharing import (
    ProfitSharing,
    ReturnOrder,
    ReturnState,
    ShareOrder,
    ShareState,
)
from payments.psp.wechatpay_merchant import SANDBOX_MERCHANT
from payments.psp.wechatpay_sharing import WeChatPaySharing
from tests.payments.fake_partner import FakePartner
from tests.payments.test_psp_contract import MERCHANT, Fake, Sandbox, Subject, _wechatpay_sp

NAME = "市政务服务中心"
"""Our merchant's full name in the sandbox."""


@dataclass
class Sharing:
    """A PSP that shares, with its orders, payers and refunds."""

    subject: Subject
    sharing: ProfitSharing

    async def paid(self, *, is_shared: bool = True) -> ShareOrder:
        """A paid order of ten yuan, and a share of two of them."""
        psp, order_id = self.subject.psp, new_id()
        expires_at = self.subject.now + timedelta(minutes=15)
        order = Order(
            order_id, "停车费", 1000, expires_at, "127.0.0.1", merchant=MERCHANT,
            is_shared=is_shared,
        )  # fmt: skip
        await self.subject.pay(await psp.order(order, _soon()))
        view = await psp.find_order(order_id, _soon())
        assert view.psp_ref is not None
        return ShareOrder(order_id, view.psp_ref, MERCHANT, self.sharing.receiver, 200)


@pytest.fixture(params=["fake", "sandbox"])
async def psp(request: pytest.FixtureRequest) -> AsyncIterator[Sharing]:
    """Each in turn; our merchant is a receiver."""
    if request.param == "fake":
        fake = Fake(FakePartner)
        yield Sharing(fake, fake.partner.sharing)
        return
    port = request.getfixturevalue("sandbox_port")
    keys = load_keys(request.getfixturevalue("keys_dir"))
    address = f"http://127.0.0.1:{port}"
    async with HttpClient(Metrics()) as http, aiohttp.ClientSession(address) as control:
        assert (await control.post("/_control/reset")).status == 204
        door = http.upstream("wechatpay_sp", f"{address}/wechatpay-sp")
        provider = _wechatpay_sp(door, f"{address}/wechatpay-sp", keys)
        sharing = WeChatPaySharing(provider, SANDBOX_MERCHANT.mchid)
        await sharing.add_receiver(MERCHANT, NAME, _soon())
        yield Sharing(Sandbox(provider.on_behalf_of(MERCHANT), MERCHANT), sharing)


def _soon() -> Deadline:
    return Deadline.after(5)


async def _until(ask: Callable[[], Awaitable[Any]], state: object) -> Any:
    """Ask until it is so; at most some seconds."""
    for _ in range(40):
        view = await ask()
        if view.state is state:
            return view
        await asyncio.sleep(0.1)
    raise AssertionError(view)


async def test_a_share_is_made_once(psp: Sharing) -> None:
    order = await psp.paid()
    assert (await psp.sharing.find_share(order, _soon())).state is ShareState.MISSING
    first = await psp.sharing.share(order, _soon())
    assert first.state in (ShareState.PROCESSING, ShareState.SUCCEEDED)
    done = await _until(lambda: psp.sharing.find_share(order, _soon()), ShareState.SUCCEEDED)
    assert done.psp_ref == first.psp_ref == (await psp.sharing.share(order, _soon())).psp_ref


async def test_what_may_not_be_shared_is_refused(psp: Sharing) -> None:
    plain = await psp.paid(is_shared=False)
    assert (await psp.sharing.share(plain, _soon())).state is ShareState.REFUSED
    order = await psp.paid()
    more = ShareOrder(order.intent_id, order.psp_ref, MERCHANT, order.receiver, 301)
    assert (await psp.sharing.share(more, _soon())).state is ShareState.REFUSED
    assert (await psp.sharing.find_share(order, _soon())).state is ShareState.MISSING


async def test_a_return_comes_before_the_refund(psp: Sharing) -> None:
    order = await psp.paid()
    await psp.sharing.share(order, _soon())
    await _until(lambda: psp.sharing.find_share(order, _soon()), ShareState.SUCCEEDED)
    back = ReturnOrder(new_id(), order, 200)
    assert (await psp.sharing.find_return(back, _soon())).state is ReturnState.MISSING
    first = await psp.sharing.give_back(back, _soon())
    assert first.psp_ref == (await psp.sharing.give_back(back, _soon())).psp_ref
    await _until(lambda: psp.sharing.find_return(back, _soon()), ReturnState.SUCCEEDED)
    more = ReturnOrder(new_id(), order, 1)
    assert (await psp.sharing.give_back(more, _soon())).state is ReturnState.FAILED
    refund = RefundOrder(new_id(), order.intent_id, 1000, 1000, "REQUESTED")
    view = await psp.subject.psp.refund(refund, _soon())
    assert view.state in (RefundState.PROCESSING, RefundState.SUCCEEDED)


async def test_what_is_not_shared_is_let_go(psp: Sharing) -> None:
    order = await psp.paid()
    refund = RefundOrder(new_id(), order.intent_id, 300, 1000, "REQUESTED")
    await psp.subject.psp.refund(refund, _soon())
    for _ in range(40):
        if await psp.sharing.release(order, _soon()):
            break
        await asyncio.sleep(0.1)
    assert await psp.sharing.release(order, _soon())
    assert (await psp.sharing.share(order, _soon())).state is ShareState.REFUSED


@pytest.mark.parametrize("psp", ["sandbox"], indirect=True)
async def test_a_receivers_name_is_compared(psp: Sharing) -> None:
    with pytest.raises(UpstreamRejected):
        await psp.sharing.add_receiver(MERCHANT, "别的商户", _soon())
