"""The words of the service."""

from core.texts import Text

PAYEE = "收费单位 / the payee"
TITLE = Text("EXAMPLE_PAYMENT", "示例缴费", "Example payment")
CONSENT = Text(
    "EXAMPLE_PAYMENT_CONSENT",
    "为向您展示待缴账单,凭您的身份证号码向收费单位查询。",
    "To show you your unpaid bills, your ID number is used to ask the payee.",
)
PAID = Text("EXAMPLE_PAYMENT_PAID", "该账单已缴清", "This bill is paid already")
PAID_BODY = Text(
    "EXAMPLE_PAYMENT_PAID_BODY",
    "您已缴纳 {amount} 元,收据号 {ref}。",
    "You have paid {amount} yuan; the receipt's number is {ref}.",
)
REFUSED_BODY = Text(
    "EXAMPLE_PAYMENT_REFUSED_BODY",
    "收费单位未能入账。您支付的 {amount} 元正在原路退回,无需任何操作。",
    "The payee could not take your payment. Your {amount} yuan are on their way back; you need "
    "do nothing.",
)
REFUNDED_BODY = Text(
    "EXAMPLE_PAYMENT_REFUNDED_BODY",
    "您支付的 {amount} 元已原路退回。",
    "The {amount} yuan that you paid have been returned.",
)
