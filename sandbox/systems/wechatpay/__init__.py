"""WeChat Pay, API v3: orders, cashier, refunds, callbacks and bills, in the real wire format."""

from sandbox.server.system import Operation, System
from sandbox.statements.control import controls
from sandbox.systems.wechatpay import cashier, contracts, notices, orders, refunds, routes

_ORDERS = "/wechatpay/v3/pay/transactions"
_REFUNDS = "/wechatpay/v3/refund/domestic/refunds"
_PAPAY = "/wechatpay/v3/papay"
_CONTRACT = "/wechatpay/contracts/{contract_id}"
_BILL = "/wechatpay/v3/bill"
_DOWNLOAD = "/wechatpay/v3/billdownload/file"

SYSTEMS = (
    System(
        name="wechatpay",
        title_zh="微信支付",
        title_en="WeChat Pay",
        schema=orders.SCHEMA + refunds.SCHEMA + contracts.SCHEMA,
        operations=(
            Operation("order_h5", "POST", f"{_ORDERS}/h5", routes.order_h5),
            Operation("order_jsapi", "POST", f"{_ORDERS}/jsapi", routes.order_jsapi),
            Operation("order_app", "POST", f"{_ORDERS}/app", routes.order_app),
            Operation("query_order", "GET", _ORDERS + "/out-trade-no/{no}", routes.query_order),
            Operation("query_transaction", "GET", _ORDERS + "/id/{id}", routes.query_transaction),
            Operation("close_order", "POST", _ORDERS + "/out-trade-no/{no}/close", routes.close),
            Operation("refund", "POST", _REFUNDS, routes.refund),
            Operation("query_refund", "GET", _REFUNDS + "/{no}", routes.query_refund),
            Operation("trade_bill", "GET", _BILL + "/tradebill", routes.trade_bill),
            Operation("flow_bill", "GET", _BILL + "/fundflowbill", routes.flow_bill),
            Operation("download_bill", "GET", _DOWNLOAD, routes.download_bill),
            Operation("sign", "POST", _PAPAY + "/contracts/pre-entrust-sign", contracts.sign),
            Operation(
                "query_contract",
                "GET",
                _PAPAY + "/contracts/out-contract-code/{code}",
                contracts.query,
            ),
            Operation(
                "end_contract",
                "POST",
                _PAPAY + "/contracts/{contract_id}/terminate",
                contracts.end,
            ),
            Operation("deduct", "POST", _PAPAY + "/transactions", contracts.deduct),
            Operation("contract", "GET", _CONTRACT, contracts.show),
            Operation("sign_here", "POST", _CONTRACT + "/sign", contracts.sign_here),
            Operation("end_here", "POST", _CONTRACT + "/end", contracts.end_here),
            Operation("sdk", "POST", "/wechatpay/sdk", cashier.call_sdk),
            Operation("cashier", "GET", "/wechatpay/cashier/{prepay_id}", cashier.show),
            Operation("pay", "POST", "/wechatpay/cashier/{prepay_id}/pay", cashier.pay),
            Operation("cancel", "POST", "/wechatpay/cashier/{prepay_id}/cancel", cashier.cancel),
        ),
        controls=(
            *controls("wechatpay"),
            Operation("funds", "POST", f"/_control{_CONTRACT}/funds", contracts.set_funds),
        ),
        running=notices.running,
    ),
)
