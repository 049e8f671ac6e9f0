"""The service provider's wire at WeChat Pay, held against what others have published.

Members of orders, closing and the paid order: the samples for tests in
github.com/fudiwei/DotNetCore.SKIT.FlurlHttpClient.Wechat
(test/…TenpayV3.UnitTests/ModelSamples/PayPartnerTransactions); query parameters and closing also in
github.com/wechatpay-apiv3/wechatpay-go, services/partnerpayments/h5/api_h5.go. The bill's line:
developers.weixin.qq.com/minigame/dev/wxcloudrun/src/development/pay/order/bill.html.
"""

import gzip
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import orjson
import pytest
from aiohttp import web

from core.clock import ManualClock
from core.deadline import Deadline
from core.ids import new_id
from core.security.keys import WeChatKeys, load_keys
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, UpstreamFailed
from payments.psp.channels import PaymentChannel
from payments.psp.port import (
    CallbackRefused,
    Order,
    OrderState,
    OrderView,
    RefundOrder,
    RefundState,
    RefundView,
)
from payments.psp.wechatpay import WeChatPayClient
from payments.psp.wechatpay_merchant import SANDBOX_PROVIDER
from payments.psp.wechatpay_sp import WeChatPayPartnerClient
from payments.reconciliation import wechatpay_sp
from payments.statements import Announced, StatementRefused
from tests.payments.test_wechatpay import Platform

PUBLISHED = replace(SANDBOX_PROVIDER, mchid="1900007XXX", appid="wxdace645e0bc2cXXX")
SUB_MCHID = "1900008XXX"
PAID = {
    "amount": {"currency": "CNY", "payer_currency": "CNY", "payer_total": 2, "total": 2},
    "attach": "",
    "bank_type": "CMB_DEBIT",
    "out_trade_no": "b3682ea011c547a49e8d7cc93107b71c",
    "payer": {
        "sp_openid": "o4GgauMQHaUO8ujCGIXNKATQlXXX",
        "sub_openid": "o4GgauMQHaUO8ujCGIXNKATQlXXX",
    },
    "promotion_detail": [],
    "sp_appid": "wxdace645e0bc2cXXX",
    "sp_mchid": "1900007XXX",
    "sub_appid": "wxdace645e0bc2cXXX",
    "sub_mchid": "1900008XXX",
    "success_time": "2021-03-03T15:27:14+08:00",
    "trade_state": "SUCCESS",
    "trade_state_desc": "支付成功",
    "trade_type": "JSAPI",
    "transaction_id": "4200000985202103031441826014",
}
"""A paid order as the query published by others tells it; a callback's resource is the same."""
ORDER_ID = UUID("b3682ea011c547a49e8d7cc93107b71c")
H5 = {
    "sp_mchid": "1900006XXX", "out_trade_no": "H51217752501201407033233368018",
    "sp_appid": "wxdace645e0bc2cXXX", "sub_mchid": "1900006XXX",
    "description": "Image形象店-深圳腾大-QQ公仔", "notify_url": "https://weixin.qq.com/",
    "amount": {"total": 1, "currency": "CNY"},
    "scene_info": {"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}},
}  # fmt: skip
"""The published H5 order; those inside WeChat have `payer.sp_openid` beside it."""


@pytest.fixture
def clock() -> ManualClock:
    """The day of the published order."""
    return ManualClock(datetime(2021, 3, 3, 7, 30, tzinfo=UTC))


@pytest.fixture
def keys(keys_dir: Path) -> WeChatKeys:
    """The service provider's keys."""
    keys = load_keys(keys_dir).wechat_sp
    assert keys is not None
    return keys


@pytest.fixture
def platform(keys_dir: Path, clock: ManualClock) -> Platform:
    """WeChat Pay's side."""
    return Platform(keys_dir, clock, "wechat_sp", SANDBOX_PROVIDER.platform_serial)


class Door:
    """WeChat Pay's API: notes what it is asked and answers what it is told, signed."""

    def __init__(self, platform: Platform) -> None:
        self.asked: list[tuple[str, str, dict[str, object]]] = []
        self.answer: dict[str, object] | None = {}
        self._platform = platform

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        said = orjson.loads(body) if body else {}
        self.asked.append((request.method, request.raw_path, said))
        raw = b"" if self.answer is None else orjson.dumps(self.answer)
        headers = self._platform.headers(raw) | {"Content-Type": "application/json"}
        return web.Response(status=200 if raw else 204, body=raw, headers=headers)


@pytest.fixture
async def door(platform: Platform) -> AsyncIterator[tuple[Door, str]]:
    """That API on a free port."""
    door, application = Door(platform), web.Application()
    application.router.add_route("*", "/{tail:.*}", door.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield door, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def provider(
    door: tuple[Door, str], clock: ManualClock, keys: WeChatKeys
) -> AsyncIterator[WeChatPayPartnerClient]:
    """Our side, as the service provider of the published samples."""
    async with HttpClient(Metrics()) as http:
        yield WeChatPayPartnerClient(
            http=http.upstream("wechatpay_sp", door[1]),
            clock=clock,
            merchant=PUBLISHED,
            private_key=keys.merchant_private,
            platform_key=keys.platform_public,
            apiv3_key=keys.apiv3,
            notify_url="https://city.example/callbacks/wechatpay-sp",
        )


@pytest.fixture
def payee(provider: WeChatPayPartnerClient) -> WeChatPayClient:
    """The same in the name of the samples' sub-merchant."""
    return provider.on_behalf_of(SUB_MCHID)


def _soon() -> Deadline:
    return Deadline.after(5)


def _members(value: object, at: str = "") -> set[str]:
    """The names of all members, with their places."""
    if not isinstance(value, dict):
        return {at}
    return {name for key, part in value.items() for name in _members(part, f"{at}/{key}")}


async def test_an_order_has_the_published_members(
    door: tuple[Door, str], payee: WeChatPayClient, clock: ManualClock
) -> None:
    door[0].answer = {"h5_url": "https://wx.tenpay.com/x", "prepay_id": "wx26112221580621"}
    order = Order(
        ORDER_ID, "罚款", 2, clock.now() + timedelta(minutes=15), "127.0.0.1", merchant=SUB_MCHID
    )
    await payee.order(order, _soon())
    inside = replace(order, channel=PaymentChannel.WECHAT_PAGE, openid="o4GgauInH_RCEdvrrNGrntX")
    call = orjson.loads(await payee.order(inside, _soon()))
    in_app = replace(order, channel=PaymentChannel.APP)
    app_call = orjson.loads(await payee.order(in_app, _soon()))
    paths = [f"/v3/pay/partner/transactions/{kind}" for kind in ("h5", "jsapi", "app")]
    assert [(method, path) for method, path, _ in door[0].asked] == [("POST", p) for p in paths]
    for _, _, said in door[0].asked:
        assert (said["sp_mchid"], said["sub_mchid"]) == (PUBLISHED.mchid, SUB_MCHID)
    h5, jsapi, app = (said for _, _, said in door[0].asked)
    assert _members(h5) - {"/time_expire"} == _members(H5)
    assert _members(jsapi) == _members(h5) - {"/scene_info/h5_info/type"} | {"/payer/sp_openid"}
    assert jsapi["sp_appid"] == call["appId"] == PUBLISHED.page_appid
    assert (app["sp_appid"], app_call["partnerid"]) == (PUBLISHED.app_appid, PUBLISHED.mchid)


async def test_an_order_is_asked_for_as_published(
    door: tuple[Door, str], payee: WeChatPayClient
) -> None:
    door[0].answer = PAID
    view = await payee.find_order(ORDER_ID, _soon())
    paid_at = datetime(2021, 3, 3, 7, 27, 14, tzinfo=UTC)
    ref = "4200000985202103031441826014"
    assert view == OrderView(ORDER_ID, OrderState.PAID, ref, 2, paid_at, merchant=SUB_MCHID)
    door[0].answer = None
    assert (await payee.close_order(ORDER_ID, _soon())).state is OrderState.CLOSED
    number = f"/v3/pay/partner/transactions/out-trade-no/{ORDER_ID.hex}"
    assert door[0].asked == [
        ("GET", f"{number}?sp_mchid=1900007XXX&sub_mchid=1900008XXX", {}),
        ("POST", f"{number}/close", {"sp_mchid": "1900007XXX", "sub_mchid": "1900008XXX"}),
    ]


@pytest.mark.parametrize("change", [{"sub_mchid": "1900009XXX"}, {"sub_mchid": None}])
async def test_another_merchants_order_is_no_answer(
    door: tuple[Door, str], payee: WeChatPayClient, change: dict[str, object]
) -> None:
    door[0].answer = PAID | change
    with pytest.raises(UpstreamFailed):
        await payee.find_order(ORDER_ID, _soon())


async def test_a_refund_names_the_sub_merchant(
    door: tuple[Door, str], payee: WeChatPayClient
) -> None:
    refund = RefundOrder(new_id(), ORDER_ID, 1, 2, "LATE_PAYMENT")
    door[0].answer = {
        "refund_id": "50000000382019052709732678859", "out_refund_no": refund.refund_id.hex,
        "out_trade_no": ORDER_ID.hex, "status": "SUCCESS",
        "amount": {"total": 2, "refund": 1, "currency": "CNY"},
    }  # fmt: skip
    for view in (await payee.refund(refund, _soon()), await payee.find_refund(refund, _soon())):
        assert (view.state, view.amount_fen) == (RefundState.SUCCEEDED, 1)
    (_, path, said), (_, asked, _) = door[0].asked
    assert (path, said["sub_mchid"]) == ("/v3/refund/domestic/refunds", SUB_MCHID)
    assert asked == f"{path}/{refund.refund_id.hex}?sub_mchid=1900008XXX"


def test_nothing_is_asked_for_in_nobodys_name(provider: WeChatPayPartnerClient) -> None:
    order = Order(ORDER_ID, "罚款", 2, datetime(2021, 3, 4, tzinfo=UTC), "127.0.0.1")
    with pytest.raises(ValueError, match="sub-merchant"):
        provider.order_body(order)


def test_a_callback_is_read_for_all_sub_merchants(
    provider: WeChatPayPartnerClient, platform: Platform
) -> None:
    news = provider.read_callback(*platform.tell(PAID)).news
    assert isinstance(news, OrderView)
    assert (news.intent_id, news.amount_fen, news.merchant) == (ORDER_ID, 2, SUB_MCHID)
    refunded = {
        "sp_mchid": "1900007XXX", "sub_mchid": "1900008XXX", "out_trade_no": ORDER_ID.hex,
        "out_refund_no": new_id().hex, "refund_id": "5030000001", "refund_status": "SUCCESS",
        "amount": {"total": 2, "refund": 1},
    }  # fmt: skip
    told = provider.read_callback(*platform.tell(refunded, "REFUND.SUCCESS")).news
    assert isinstance(told, RefundView) and told.state is RefundState.SUCCEEDED


@pytest.mark.parametrize(
    "change",
    [
        {"sp_mchid": "1900006XXX"}, {"sp_appid": "wx0"}, {"sp_mchid": None},
        {"sp_mchid": None, "mchid": "1900007XXX"},
    ],
)  # fmt: skip
def test_another_service_providers_payment_is_refused(
    provider: WeChatPayPartnerClient, platform: Platform, change: dict[str, object]
) -> None:
    with pytest.raises(CallbackRefused) as refused:
        provider.read_callback(*platform.tell(PAID | change))
    assert refused.value.reason == "merchant"


HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
LINE = (
    "`2022-03-21 13:51:31,`wxfdc955f7104ad557,`180023671,`176531292,`,"
    "`420000612032130748613220688,`2021WERUN1647840687637,`oZWaCKXip5njeEiloC4oeOV1TTsk,`JSAPI,"
    "`SUCCESS,`OTHERS,`CNY,`0.01,`0.00,`0,`0,`0.00,`0.00,`,`,`微信云托管支付测试,`,`0.00000,"
    "`0.90%,`0.01,`0.00,`"
)
SUMMARY = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)


def _bill(*lines: str, totals: str) -> io.BytesIO:
    return io.BytesIO(gzip.compress("\r\n".join([HEADER, *lines, SUMMARY, totals, ""]).encode()))


def test_the_published_line_of_a_service_providers_bill() -> None:
    told = Announced("180023671", gzipped=True)
    totals = "`1,`0.01,`0.00,`0.00,`0.00000,`0.01,`0.00"
    [line] = wechatpay_sp.read(_bill(LINE, totals=totals), told)
    assert (line.ref, line.their_ref) == ("2021WERUN1647840687637", "420000612032130748613220688")
    assert (line.amount_fen, line.fee_fen, line.settled_fen, line.wrong) == (1, 0, None, "")


def test_what_the_sub_merchant_bears_is_checked_and_not_taken_over() -> None:
    """Fees and coupons are in the totals, which must be believed, and in no book of ours."""
    costly = LINE.replace("`0.00000,`0.90%,`0.01", "`0.90000,`0.90%,`100.00").replace(
        "`CNY,`0.01,`0.00", "`CNY,`90.00,`10.00"
    )
    told = Announced("180023671", gzipped=True)
    totals = "`1,`90.00,`0.00,`0.00,`0.90000,`100.00,`0.00"
    [line] = wechatpay_sp.read(_bill(costly, totals=totals), told)
    assert (line.amount_fen, line.fee_fen, line.settled_fen, line.wrong) == (10_000, 0, None, "")
    with pytest.raises(StatementRefused, match="totals"):
        list(wechatpay_sp.read(_bill(costly, totals=totals.replace("0.90000", "0.80000")), told))
