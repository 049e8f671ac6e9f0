"""The merchant's API: each endpoint behind the signature check of `wire.signed`."""

from sandbox.server.wire import Refusal
from sandbox.systems.wechatpay import bills, orders, refunds
from sandbox.systems.wechatpay.wire import Answer, Call, Params, check_mchid, read_params, signed


class CloseParams(Params):
    """Whose order is closed."""

    mchid: str


async def _order_h5(call: Call) -> Answer:
    order = orders.place(call.city, "MWEB", read_params(call, orders.H5Order))
    cashier = f"{call.request.base_url}wechatpay/cashier/{order['prepay_id']}"
    # The merchant may append &redirect_url=…, so a query is there already.
    return 200, {"h5_url": f"{cashier}?prepay_id={order['prepay_id']}"}


async def _order_jsapi(call: Call) -> Answer:
    order = orders.place(call.city, "JSAPI", read_params(call, orders.JsapiOrder))
    return 200, {"prepay_id": order["prepay_id"]}


async def _order_app(call: Call) -> Answer:
    order = orders.place(call.city, "APP", read_params(call, orders.AppOrder))
    return 200, {"prepay_id": order["prepay_id"]}


async def _query_order(call: Call) -> Answer:
    check_mchid(call.request.query_params.get("mchid"))
    return 200, orders.describe(orders.get(call.city, call.request.path_params["no"]))


async def _query_transaction(call: Call) -> Answer:
    check_mchid(call.request.query_params.get("mchid"))
    order = orders.find_by_transaction(call.city, call.request.path_params["id"])
    if order is None or order["sub_mchid"]:
        raise Refusal(404, "ORDER_NOT_EXIST", "订单不存在 / no such order")
    return 200, orders.describe(order)


async def _close(call: Call) -> Answer:
    check_mchid(read_params(call, CloseParams).mchid)
    orders.close(call.city, call.request.path_params["no"])
    return 204, None


async def _refund(call: Call) -> Answer:
    refund = refunds.apply(call.city, read_params(call, refunds.RefundParams))
    return 200, refunds.describe(call.city, refund)


async def _query_refund(call: Call) -> Answer:
    refund = refunds.get(call.city, call.request.path_params["no"], "")
    return 200, refunds.describe(call.city, refund)


order_h5 = signed(_order_h5)
order_jsapi = signed(_order_jsapi)
order_app = signed(_order_app)
query_order = signed(_query_order)
query_transaction = signed(_query_transaction)
close = signed(_close)
refund = signed(_refund)
query_refund = signed(_query_refund)
trade_bill = signed(bills.trade_bill)
flow_bill = signed(bills.flow_bill)
download_bill = signed(bills.download)
