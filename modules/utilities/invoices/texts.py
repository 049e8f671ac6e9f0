"""The words of invoices."""

from core.texts import Text

BUYER_INVALID = Text(
    "BUYER_INVALID",
    "发票抬头或统一社会信用代码有误",
    "This name or unified social credit code cannot stand on an invoice",
)
NOT_INVOICEABLE = Text(
    "NOT_INVOICEABLE",
    "缴费单位入账后、且未退款的缴费才能开具发票",
    "An invoice is possible once the biller has booked the payment and nothing of it went back",
)
INVOICE_REQUESTED = Text(
    "INVOICE_REQUESTED",
    "该笔缴费已以其他抬头申请发票;发票开具后可申请换开",
    "The invoice of this payment was asked for in another name; once issued it can be re-issued",
)
