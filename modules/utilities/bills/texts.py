"""The words of bills."""

from core.texts import Text

BILL_PAID = Text("BILL_PAID", "该账单已缴清", "This bill is paid already")
BILL_WITHDRAWN = Text(
    "BILL_WITHDRAWN", "该账单已被缴费单位撤回", "The biller has withdrawn this bill"
)
BILLS_DUE = Text("BILLS_DUE", "待缴账单", "Bills due")
PAID_TITLE = Text("BILL_PAID_TITLE", "{name}缴费成功", "{name} paid")
PAID_BODY = Text(
    "BILL_PAID_BODY",
    "您的{name}({period})已缴清,金额 {amount} 元,销账单号 {ref}。",
    "Your {name} ({period}) is settled: {amount} yuan, write-off number {ref}.",
)
PART_PAID_TITLE = Text("BILL_PART_PAID_TITLE", "{name}部分缴费成功", "Part of {name} paid")
PART_PAID_BODY = Text(
    "BILL_PART_PAID_BODY",
    "您的{name}({period})已部分缴纳 {amount} 元,销账单号 {ref}。剩余欠费请在应用内查看并按期缴清。",
    "{amount} yuan of your {name} ({period}) are paid, write-off number {ref}. The app shows what "
    "is still open.",
)
REFUSED_TITLE = Text("BILL_REFUSED_TITLE", "{name}未能缴纳", "{name} could not be paid")
REFUSED_BODY = Text(
    "BILL_REFUSED_BODY",
    "缴费单位未能销账您的{name}({period})。您支付的 {amount} 元正在原路退回,无需任何操作。",
    "The biller could not take your payment for {name} ({period}). Your {amount} yuan are on "
    "their way back; you need do nothing.",
)
REFUNDED_TITLE = Text("BILL_REFUNDED_TITLE", "{name}已退款", "{name} refunded")
REFUNDED_BODY = Text(
    "BILL_REFUNDED_BODY",
    "您为{name}({period})支付的 {amount} 元已原路退回。",
    "The {amount} yuan you paid for {name} ({period}) have been returned.",
)
