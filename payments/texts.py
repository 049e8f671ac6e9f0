"""The words of payments."""

from core.texts import Text

PAYMENT_OPEN = Text(
    "PAYMENT_OPEN",
    "该笔费用正在支付中,请稍后再试",
    "A payment of this is under way, please try again shortly",
)
ALREADY_PAID = Text("ALREADY_PAID", "该笔费用已支付", "This has been paid already")
AMOUNT_OUT_OF_RANGE = Text("AMOUNT_OUT_OF_RANGE", "支付金额超出范围", "This amount cannot be paid")
REFUND_TOO_LARGE = Text(
    "REFUND_TOO_LARGE", "退款金额超过可退金额", "This is more than can be refunded"
)
LIMIT_REACHED = Text(
    "LIMIT_REACHED",
    "超出支付限额({limit} 元)",
    "This is above the payment limit ({limit} yuan)",
)
