"""WeChat Pay, API v3, for a service provider (服务商) in its sub-merchants' (特约商户) names.

Orders and refunds lie among the merchant's, each under its sub-merchant; who calls here has keys of
its own and sees its sub-merchants' alone. Their payments may be shared with the merchant.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import Field, ValidationError

from sandbox.server.background import repeated
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Refusal
from sandbox.statements.control import controls
from sandbox.systems.wechatpay import (
    bills,
    notices,
    orders,
    refunds,
    sharing,
    sharing_bill,
    sharing_returns,
)
from sandbox.systems.wechatpay.keys import PROVIDER, load_keys
from sandbox.systems.wechatpay.wire import (
    Answer,
    Call,
    Endpoint,
    ParamRefusal,
    Params,
    check_mchid,
    read_params,
    signed,
)


class SettleInfo(Params):
    """Whether an order is to be shared."""

    profit_sharing: bool = False


class PartnerOrder(orders.OrderParams):
    """What every kind of order tells."""

    appid: str = Field(alias="sp_appid", min_length=1, max_length=32)
    mchid: str = Field(alias="sp_mchid", min_length=1, max_length=32)
    sub_mchid: str = Field(min_length=1, max_length=32)
    settle_info: SettleInfo | None = None


class AppOrder(PartnerOrder):
    """An order paid inside a native app."""

    scene_info: orders.Scene | None = None


class Payer(Params):
    """Who pays, at the service provider's application."""

    openid: str = Field(alias="sp_openid", min_length=1, max_length=128)


class JsapiOrder(PartnerOrder):
    """An order paid inside WeChat."""

    payer: Payer
    scene_info: orders.Scene | None = None


class H5Order(PartnerOrder):
    """An order paid from a browser outside WeChat."""

    scene_info: orders.H5Scene


class CloseParams(Params):
    """Whose order is closed."""

    sp_mchid: str
    sub_mchid: str


def _sub_mchid(call: Call) -> str:
    """Whose order or refund a query asks for; the service provider may leave itself out."""
    query = call.request.query_params
    if "sp_mchid" in query:
        check_mchid(query["sp_mchid"], PROVIDER)
    return _checked(query.get("sub_mchid", ""))


def _checked(sub_mchid: str) -> str:
    if not sub_mchid:
        raise ParamRefusal("/sub_mchid", "必填 / is required")
    if sub_mchid not in PROVIDER.sub_mchids:
        raise Refusal(403, "NO_AUTH", "特约商户未授权服务商 / not a sub-merchant of this provider")
    return sub_mchid


def _place(trade_type: str, model: type[PartnerOrder]) -> Endpoint:
    async def place(call: Call) -> Answer:
        params = read_params(call, model)
        sub_mchid = _checked(params.sub_mchid)
        order = orders.place(call.city, trade_type, params, PROVIDER, sub_mchid)
        if trade_type != "MWEB":
            return 200, {"prepay_id": order["prepay_id"]}
        cashier = f"{call.request.base_url}wechatpay/cashier/{order['prepay_id']}"
        return 200, {"h5_url": f"{cashier}?prepay_id={order['prepay_id']}"}

    return place


async def _query_order(call: Call) -> Answer:
    sub_mchid = _sub_mchid(call)
    check_mchid(call.request.query_params.get("sp_mchid"), PROVIDER)
    no = call.request.path_params["no"]
    return 200, orders.describe(orders.get(call.city, no, sub_mchid))


async def _close(call: Call) -> Answer:
    params = read_params(call, CloseParams)
    check_mchid(params.sp_mchid, PROVIDER)
    orders.close(call.city, call.request.path_params["no"], _checked(params.sub_mchid))
    return 204, None


async def _refund(call: Call) -> Answer:
    params = read_params(call, refunds.RefundParams)
    _checked(params.sub_mchid)
    order = orders.find(call.city, params.out_trade_no or "")
    if order is not None and refunds.find(call.city, params.out_refund_no) is None:
        sharing.check_refund(call.city, order, params.amount.refund)
    return 200, refunds.describe(call.city, refunds.apply(call.city, params))


async def _query_refund(call: Call) -> Answer:
    refund = refunds.get(call.city, call.request.path_params["no"], _sub_mchid(call))
    return 200, refunds.describe(call.city, refund)


async def _share(call: Call) -> Answer:
    params = read_params(call, sharing.ShareParams)
    _checked(params.sub_mchid)
    return 200, sharing.describe(call.city, sharing.share(call.city, params))


async def _query_share(call: Call) -> Answer:
    transaction_id = call.request.query_params.get("transaction_id", "")
    no = call.request.path_params["no"]
    row = sharing.get(call.city, no, _sub_mchid(call), transaction_id)
    return 200, sharing.describe(call.city, row)


async def _release(call: Call) -> Answer:
    params = read_params(call, sharing.ReleaseParams)
    _checked(params.sub_mchid)
    return 200, sharing.describe(call.city, sharing.release(call.city, params))


async def _give_back(call: Call) -> Answer:
    params = read_params(call, sharing_returns.ReturnParams)
    _checked(params.sub_mchid)
    return 200, sharing_returns.describe_return(
        call.city, sharing_returns.give_back(call.city, params)
    )


async def _query_return(call: Call) -> Answer:
    _sub_mchid(call)
    out_order_no = call.request.query_params.get("out_order_no", "")
    row = sharing_returns.get_return(call.city, call.request.path_params["no"], out_order_no)
    return 200, sharing_returns.describe_return(call.city, row)


async def _add_receiver(call: Call) -> Answer:
    params = read_params(call, sharing.ReceiverParams)
    _checked(params.sub_mchid)
    keys = load_keys(call.city.settings, PROVIDER)
    return 200, sharing.add_receiver(call.city, keys, params)


async def _sharing_bill(call: Call) -> Answer:
    given = {name: text for name, text in call.request.query_params.items() if text}
    try:
        query = sharing_bill.BillQuery.model_validate(given)
    except ValidationError as error:
        raise ParamRefusal("/bill_date", str(error.errors()[0]["msg"])) from None
    return await sharing_bill.announce(call, query)


@asynccontextmanager
async def _running(city: City) -> AsyncIterator[None]:
    """Sign outgoing callbacks to the service provider, and settle shares."""
    notices.sign_for(city, PROVIDER)

    async def settle_shares() -> None:
        with city.state.transaction():
            sharing.settle_due(city)

    async with repeated(settle_shares, every_s=notices.REFUND_POLL_S):
        yield


_ORDERS = f"{PROVIDER.path}/v3/pay/partner/transactions"
_REFUNDS = f"{PROVIDER.path}/v3/refund/domestic/refunds"
_SHARING = f"{PROVIDER.path}/v3/profitsharing"


def _operation(name: str, method: str, path: str, endpoint: Endpoint) -> Operation:
    return Operation(name, method, path, signed(endpoint, PROVIDER))


SYSTEMS = (
    System(
        name=PROVIDER.system,
        title_zh="微信支付（服务商）",
        title_en="WeChat Pay, service provider",
        schema=sharing.SCHEMA,
        operations=(
            _operation("order_h5", "POST", f"{_ORDERS}/h5", _place("MWEB", H5Order)),
            _operation("order_jsapi", "POST", f"{_ORDERS}/jsapi", _place("JSAPI", JsapiOrder)),
            _operation("order_app", "POST", f"{_ORDERS}/app", _place("APP", AppOrder)),
            _operation("query_order", "GET", f"{_ORDERS}/out-trade-no/{{no}}", _query_order),
            _operation("close_order", "POST", f"{_ORDERS}/out-trade-no/{{no}}/close", _close),
            _operation("refund", "POST", _REFUNDS, _refund),
            _operation("query_refund", "GET", f"{_REFUNDS}/{{no}}", _query_refund),
            _operation("trade_bill", "GET", f"{PROVIDER.path}/v3/bill/tradebill", bills.trade_bill),
            _operation(
                "download_bill", "GET", f"{PROVIDER.path}/v3/billdownload/file", bills.download
            ),
            _operation("share", "POST", f"{_SHARING}/orders", _share),
            _operation("query_share", "GET", f"{_SHARING}/orders/{{no}}", _query_share),
            _operation("release", "POST", f"{_SHARING}/orders/unfreeze", _release),
            _operation("give_back", "POST", f"{_SHARING}/return-orders", _give_back),
            _operation("query_return", "GET", f"{_SHARING}/return-orders/{{no}}", _query_return),
            _operation("add_receiver", "POST", f"{_SHARING}/receivers/add", _add_receiver),
            _operation("sharing_bill", "GET", f"{_SHARING}/bills", _sharing_bill),
        ),
        controls=(
            *controls(PROVIDER.system),
            Operation("sharing", "POST", f"/_control{PROVIDER.path}/sharing", sharing.set_outcomes),
        ),
        running=_running,
    ),
)
