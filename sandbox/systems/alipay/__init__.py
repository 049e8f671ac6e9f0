"""Alipay's open platform: the signed gateway, cashier, refunds and notices in the wire format."""

from sandbox.server.system import Operation, System, Variants
from sandbox.statements.control import controls
from sandbox.systems.alipay import bills, cashier, gateway, refunds, trades, wire

_GATEWAY = "/alipay/gateway.do"
_CASHIER = "/alipay/cashier/{cashier_id}"
_METHODS = Variants(
    tuple(name.removeprefix("alipay.").replace(".", "_") for name in gateway.METHODS),
    wire.method_of,
)

SYSTEMS = (
    System(
        name="alipay",
        title_zh="支付宝",
        title_en="Alipay",
        schema=trades.SCHEMA + refunds.SCHEMA,
        operations=(
            Operation("gateway", "POST", _GATEWAY, gateway.handle, _METHODS),
            Operation("gateway_page", "GET", _GATEWAY, gateway.handle, _METHODS),
            Operation("download_bill", "GET", "/alipay/bill/download", bills.download),
            Operation("cashier", "GET", _CASHIER, cashier.show),
            Operation("pay", "POST", _CASHIER + "/pay", cashier.pay),
            Operation("cancel", "POST", _CASHIER + "/cancel", cashier.cancel),
        ),
        controls=controls("alipay"),
        running=gateway.running,
    ),
)
