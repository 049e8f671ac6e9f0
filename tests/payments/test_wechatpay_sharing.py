"""Profit sharing at WeChat Pay, held against what others have published.

Requests are those of a foreign client, the library `wechatpayv3`, for the arguments of the official
client's examples (github.com/wechatpay-apiv3/wechatpay-go, services/profitsharing);
answers are the samples for tests in github.com/fudiwei/DotNetCore.SKIT.FlurlHttpClient.Wechat
(test/…TenpayV3.UnitTests/ModelSamples/_/ProfitSharing), and one that a shop has recorded, with
the part that goes to the payer of the share itself.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import orjson
import pytest
from aiohttp import web
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3 import utils as wechat

from core.clock import ManualClock, SystemClock
from core.deadline import Deadline
from core.security.keys import load_keys
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, UpstreamFailed, UpstreamRejected
from payments.psp.port import MerchantRefused, Order
from payments.psp.sharing import (
    ReturnOrder,
    ReturnState,
    ReturnView,
    ShareOrder,
    ShareState,
    ShareView,
)
from payments.psp.wechatpay_merchant import SANDBOX_PROVIDER
from payments.psp.wechatpay_sharing import WeChatPaySharing
from payments.psp.wechatpay_sp import WeChatPayPartnerClient
from tests.payments.test_wechatpay import Platform

PROVIDER = replace(SANDBOX_PROVIDER, mchid="1900000100", appid="wx8888888888888888")
SUB_MCHID, RECEIVER = "1900000109", "86693852"
NUMBER, RETURN = UUID(int=20150806125346), UUID(int=20190516001)
SHARE = ShareOrder(NUMBER, "4208450740201411110007820472", SUB_MCHID, RECEIVER, 888)
GIVEN_BACK = ReturnOrder(RETURN, SHARE, 10)
TIME = "2015-05-20T13:29:35.120+08:00"
SHARED: dict[str, Any] = {
    "sub_mchid": "1900000109", "transaction_id": "4208450740201411110007820472",
    "out_order_no": NUMBER.hex, "order_id": "3008450740201411110007820472", "state": "FINISHED",
    "receivers": [
        {"amount": 888, "description": "分给商户1900000110", "type": "MERCHANT_ID",
         "account": RECEIVER, "detail_id": "36011111111111111111111", "result": "SUCCESS",
         "fail_reason": "ACCOUNT_ABNORMAL", "create_time": TIME, "finish_time": TIME}
    ],
}  # fmt: skip
"""The published share, with our number, and the receiver and amount of the published request."""
RETURNED: dict[str, Any] = {
    "sub_mchid": "1900000109", "order_id": "3008450740201411110007820472",
    "out_order_no": NUMBER.hex, "out_return_no": RETURN.hex,
    "return_id": "3008450740201411110007820472", "return_mchid": RECEIVER, "amount": 10,
    "description": "用户退款", "result": "SUCCESS", "fail_reason": "TIME_OUT_CLOSED",
    "create_time": TIME, "finish_time": TIME,
}  # fmt: skip
RECORDED: dict[str, Any] = {
    "order_id": "30002710112021091317950088011", "out_order_no": NUMBER.hex, "state": "PROCESSING",
    "transaction_id": "4200001232202109131545993279",
    "receivers": [
        {"account": "oYXUj5B9qIb17Du3S1RjY-o5h6A4", "amount": 5, "description": "销售分成",
         "create_time": "2021-09-13T14:43:24+08:00", "detail_id": "36002710112021091323318394260",
         "finish_time": "1970-01-01T08:00:00+08:00", "result": "PENDING",
         "type": "PERSONAL_OPENID"},
        {"account": "1490441182", "amount": 45, "description": "解冻给分账方",
         "create_time": "2021-09-13T14:43:24+08:00", "detail_id": "36002710112021091323318394261",
         "finish_time": "1970-01-01T08:00:00+08:00", "result": "PENDING", "type": "MERCHANT_ID"},
    ],
}  # fmt: skip


class Door:
    """WeChat Pay's API: notes what it is asked and answers what it is told, signed."""

    def __init__(self, platform: Platform) -> None:
        self.asked: list[tuple[str, str, dict[str, str], dict[str, Any]]] = []
        self.serials: set[str | None] = set()
        self.answer: dict[str, Any] = {}
        self.status = 200
        self._platform = platform

    async def handle(self, request: web.Request) -> web.Response:
        body, address = await request.read(), urlsplit(request.raw_path)
        query = dict(parse_qsl(address.query))
        said = orjson.loads(body) if body else {}
        self.asked.append((request.method, address.path, query, said))
        self.serials.add(request.headers.get("Wechatpay-Serial"))
        raw = orjson.dumps(self.answer)
        headers = self._platform.headers(raw) | {"Content-Type": "application/json"}
        headers["Wechatpay-Signature-Type"] = "WECHATPAY2-SHA256-RSA2048"
        return web.Response(status=self.status, body=raw, headers=headers)


@pytest.fixture
async def door(keys_dir: Path) -> AsyncIterator[tuple[Door, str]]:
    """That API on a free port; the foreign client knows no other time than now."""
    clock = ManualClock(SystemClock().now())
    platform = Platform(keys_dir, clock, "wechat_sp", PROVIDER.platform_serial)
    door, application = Door(platform), web.Application()
    application.router.add_route("*", "/{tail:.*}", door.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield door, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def provider(door: tuple[Door, str], keys_dir: Path) -> AsyncIterator[WeChatPayPartnerClient]:
    """Our side as the service provider of the published samples."""
    keys = load_keys(keys_dir).wechat_sp
    assert keys is not None
    async with HttpClient(Metrics()) as http:
        yield WeChatPayPartnerClient(
            http=http.upstream("wechatpay_sp", door[1]),
            clock=SystemClock(),
            merchant=PROVIDER,
            private_key=keys.merchant_private,
            platform_key=keys.platform_public,
            apiv3_key=keys.apiv3,
            notify_url="https://city.example/callbacks/wechatpay-sp",
        )


@pytest.fixture
def sharing(provider: WeChatPayPartnerClient) -> WeChatPaySharing:
    """The same for sharing; our own merchant is the samples' receiver."""
    return WeChatPaySharing(provider, RECEIVER)


@pytest.fixture
def library(door: tuple[Door, str], keys_dir: Path) -> WeChatPay:
    """The foreign client."""
    made = WeChatPay(
        wechatpay_type=WeChatPayType.H5,
        mchid=PROVIDER.mchid,
        private_key=(keys_dir / "wechat_sp_merchant_private.pem").read_text(),
        cert_serial_no=PROVIDER.merchant_serial,
        apiv3_key=(keys_dir / "wechat_sp_apiv3.key").read_text(),
        appid=PROVIDER.appid,
        notify_url="https://city.example/callbacks/wechatpay-sp",
        partner_mode=True,
        public_key=(keys_dir / "wechat_sp_platform_public.pem").read_text(),
        public_key_id=PROVIDER.platform_serial,
    )
    made._core._gate_way = door[1]
    return made


def _soon() -> Deadline:
    return Deadline.after(5)


async def test_every_request_is_the_foreign_clients(
    door: tuple[Door, str], sharing: WeChatPaySharing, library: WeChatPay
) -> None:
    receiver = {
        "type": "MERCHANT_ID", "account": RECEIVER, "amount": 888, "description": "平台服务费",
    }  # fmt: skip
    to_order = {"transaction_id": SHARE.psp_ref, "sub_mchid": SUB_MCHID}
    number = {"out_order_no": NUMBER.hex}
    door[0].answer = SHARED
    await sharing.share(SHARE, _soon())
    await _call(library.profitsharing_order, **to_order, **number, receivers=[receiver],
                unfreeze_unsplit=True)  # fmt: skip
    await sharing.find_share(SHARE, _soon())
    await _call(library.profitsharing_order_query, **to_order, **number)
    door[0].answer = SHARED | {"out_order_no": f"{NUMBER.hex}R"}
    assert await sharing.release(SHARE, _soon())
    await _call(library.profitsharing_unfreeze, **to_order, out_order_no=f"{NUMBER.hex}R",
                description="解冻全部剩余资金")  # fmt: skip
    door[0].answer, back = RETURNED, {"sub_mchid": SUB_MCHID, "out_return_no": RETURN.hex} | number
    await sharing.give_back(GIVEN_BACK, _soon())
    await _call(library.profitsharing_return, **back, return_mchid=RECEIVER, amount=10,
                description="用户退款")  # fmt: skip
    await sharing.find_return(GIVEN_BACK, _soon())
    await _call(library.profitsharing_return_query, **back)
    ours, theirs = door[0].asked[::2], door[0].asked[1::2]
    assert ours == theirs and len(ours) == 5
    assert door[0].serials == {PROVIDER.platform_serial}


async def _call(method: Any, **arguments: Any) -> None:
    status, _ = await asyncio.to_thread(method, **arguments)
    assert status == 200


async def test_a_receivers_name_is_read_by_wechat_pay_alone(
    door: tuple[Door, str], sharing: WeChatPaySharing, library: WeChatPay, keys_dir: Path
) -> None:
    door[0].answer = {"type": "MERCHANT_ID", "account": RECEIVER, "name": "x"}
    await sharing.add_receiver(SUB_MCHID, "示例商户全称", _soon())
    await _call(
        library.profitsharing_add_receiver, account_type="MERCHANT_ID", account=RECEIVER,
        relation_type="SERVICE_PROVIDER", name="示例商户全称", sub_mchid=SUB_MCHID,
    )  # fmt: skip
    key = wechat.load_private_key((keys_dir / "wechat_sp_platform_private.pem").read_text())
    for _, _, _, said in door[0].asked:
        said["name"] = wechat.rsa_decrypt(said["name"], key)
    (_, path, _, said), theirs = door[0].asked
    assert (path, said["name"]) == ("/v3/profitsharing/receivers/add", "示例商户全称")
    assert door[0].asked[0] == theirs


def test_an_order_is_marked_as_published(provider: WeChatPayPartnerClient) -> None:
    """`settle_info.profit_sharing`, of all four kinds of order of the official client."""
    ends_at = datetime(2026, 11, 24, tzinfo=UTC)
    order = Order(NUMBER, "停车费", 100, ends_at, "127.0.0.1", merchant=SUB_MCHID, is_shared=True)
    payee = provider.on_behalf_of(SUB_MCHID)
    assert payee.order_body(order)["settle_info"] == {"profit_sharing": True}
    assert "settle_info" not in payee.order_body(replace(order, is_shared=False))


DONE = ShareView(ShareState.SUCCEEDED, "3008450740201411110007820472")


@pytest.mark.parametrize(
    ("state", "result", "view"),
    [
        ("FINISHED", "SUCCESS", DONE),
        ("PROCESSING", "SUCCESS", replace(DONE, state=ShareState.PROCESSING)),
        ("FINISHED", "PENDING", replace(DONE, state=ShareState.PROCESSING)),
        ("FINISHED", "CLOSED", replace(DONE, state=ShareState.CLOSED, reason="ACCOUNT_ABNORMAL")),
    ],
)
async def test_a_published_share_is_read(
    door: tuple[Door, str], sharing: WeChatPaySharing, state: str, result: str, view: ShareView
) -> None:
    receivers = [SHARED["receivers"][0] | {"result": result}]
    door[0].answer = SHARED | {"state": state, "receivers": receivers}
    assert await sharing.share(SHARE, _soon()) == view
    assert await sharing.find_share(SHARE, _soon()) == view


async def test_a_recorded_answer_is_read_past_the_payees_own_part(
    door: tuple[Door, str], sharing: WeChatPaySharing
) -> None:
    door[0].answer = RECORDED
    order = replace(
        SHARE, psp_ref=RECORDED["transaction_id"], receiver="oYXUj5B9qIb17Du3S1RjY-o5h6A4",
        amount_fen=5,
    )  # fmt: skip
    view = ShareView(ShareState.PROCESSING, "30002710112021091317950088011")
    assert await sharing.find_share(order, _soon()) == view


@pytest.mark.parametrize(
    "change",
    [
        {"out_order_no": "P1"}, {"transaction_id": "42"}, {"receivers": []}, {"state": "DONE"},
        {"receivers": [SHARED["receivers"][0] | {"amount": 887}]}, {"order_id": None},
    ],
)  # fmt: skip
async def test_another_share_is_no_answer(
    door: tuple[Door, str], sharing: WeChatPaySharing, change: dict[str, Any]
) -> None:
    door[0].answer = SHARED | change
    with pytest.raises(UpstreamFailed):
        await sharing.find_share(SHARE, _soon())


GONE = ReturnView(ReturnState.SUCCEEDED, "3008450740201411110007820472")


@pytest.mark.parametrize(
    ("result", "view"),
    [
        ("SUCCESS", GONE),
        ("PROCESSING", replace(GONE, state=ReturnState.PROCESSING)),
        ("FAILED", replace(GONE, state=ReturnState.FAILED, reason="TIME_OUT_CLOSED")),
    ],
)
async def test_a_published_return_is_read(
    door: tuple[Door, str], sharing: WeChatPaySharing, result: str, view: ReturnView
) -> None:
    door[0].answer = RETURNED | {"result": result}
    assert await sharing.give_back(GIVEN_BACK, _soon()) == view
    assert await sharing.find_return(GIVEN_BACK, _soon()) == view
    door[0].answer = RETURNED | {"amount": 11}
    with pytest.raises(UpstreamFailed):
        await sharing.find_return(GIVEN_BACK, _soon())


@pytest.mark.parametrize(
    ("status", "code", "share", "returned"),
    [
        (400, "INVALID_REQUEST", ShareState.REFUSED, ReturnState.FAILED),
        (403, "RULE_LIMIT", ShareState.REFUSED, ReturnState.FAILED),
        (403, "NO_AUTH", ShareState.REFUSED, ReturnState.FAILED),
        (403, "NOT_ENOUGH", ShareState.REFUSED, ReturnState.SHORT),
    ],
)
async def test_a_refusal_is_for_people(
    door: tuple[Door, str],
    sharing: WeChatPaySharing,
    status: int,
    code: str,
    share: ShareState,
    returned: ReturnState,
) -> None:
    """The codes of the official client (api_return_orders.go, api_receivers.go)."""
    door[0].status, door[0].answer = status, {"code": code, "message": "x"}
    assert await sharing.share(SHARE, _soon()) == ShareView(share, reason=code)
    assert await sharing.give_back(GIVEN_BACK, _soon()) == ReturnView(returned, reason=code)


async def test_what_is_to_be_asked_again_is_no_refusal(
    door: tuple[Door, str], sharing: WeChatPaySharing
) -> None:
    door[0].status, door[0].answer = 401, {"code": "SIGN_ERROR", "message": "x"}
    with pytest.raises(MerchantRefused):
        await sharing.share(SHARE, _soon())
    door[0].status, door[0].answer = 400, {"code": "INVALID_REQUEST", "message": "x"}
    with pytest.raises(UpstreamRejected):
        await sharing.add_receiver(SUB_MCHID, "示例商户全称", _soon())
    door[0].status, door[0].answer = 404, {"code": "RESOURCE_NOT_EXISTS", "message": "x"}
    assert (await sharing.find_share(SHARE, _soon())).state is ShareState.MISSING
    assert (await sharing.find_return(GIVEN_BACK, _soon())).state is ReturnState.MISSING
    door[0].status, door[0].answer = 403, {"code": "NOT_ENOUGH", "message": "x"}
    assert await sharing.release(SHARE, _soon())
