"""The words of payments."""

from core.texts import Text

PAYMENT_OPEN = Text(
    "PAYMENT_OPEN",
    "该笔费用正在支付中,请稍后再试",
    "A payment of this is under way, please try again shortly",
)
NOT_CANCELLABLE = Text(
    "NOT_CANCELLABLE",
    "该笔支付已无法取消",
    "This payment cannot be cancelled any more",
)
CHANNEL_NOT_OFFERED = Text(
    "CHANNEL_NOT_OFFERED",
    "此处不支持该支付方式,请换一种方式支付",
    "This way to pay is not offered here, please choose another one",
)
OPENID_NEEDED = Text(
    "OPENID_NEEDED",
    "在微信内支付需要付款人的 openid",
    "Inside WeChat the payer's openid is needed",
)
ALREADY_PAID = Text("ALREADY_PAID", "该笔费用已支付", "This has been paid already")
AMOUNT_OUT_OF_RANGE = Text("AMOUNT_OUT_OF_RANGE", "支付金额超出范围", "This amount cannot be paid")
PARTS_NOT_TAKEN = Text(
    "PARTS_NOT_TAKEN",
    "收款单位要求一次缴清,应缴 {due} 元",
    "The payee takes this in one payment alone, of {due} yuan",
)
ABOVE_DUE = Text(
    "ABOVE_DUE",
    "支付金额超过未缴金额({due} 元)",
    "This is more than is open ({due} yuan)",
)
PART_TOO_SMALL = Text(
    "PART_TOO_SMALL",
    "部分缴纳每次不少于 {least} 元",
    "A part is {least} yuan at least",
)
PART_TITLE = Text("PART_TITLE", "{title}(部分)", "{title} (part)")
REFUND_TOO_LARGE = Text(
    "REFUND_TOO_LARGE", "退款金额超过可退金额", "This is more than can be refunded"
)
TAKEN_BACK = Text(
    "TAKEN_BACK",
    "该笔款项未实际到账,已向收款单位收回,不能退款",
    "The money of this payment never came and its payee has given it back: it cannot be refunded",
)
LIMIT_REACHED = Text(
    "LIMIT_REACHED",
    "超出支付限额({limit} 元)",
    "This is above the payment limit ({limit} yuan)",
)
RECEIPT_TITLE = Text("RECEIPT_TITLE", "电子缴费凭证", "Payment receipt")
RECEIPT_NOTE = Text(
    "RECEIPT_NOTE",
    "本凭证证明上述款项已支付并由收款单位入账,不作为税务发票;如需发票请在应用内申请。",
    "This receipt shows that the amount was paid and booked by its payee. It is no tax invoice; "
    "ask for one in the app.",
)
FISCAL_RECEIPT_NOTE = Text(
    "FISCAL_RECEIPT_NOTE",
    "法定票据是财政部门开具的财政电子票据,号码即收款单位凭证号,请到{where}查验;本凭证仅证明款项已支付。",
    "The voucher in law is the treasury's fiscal e-receipt, under the payee's number; look it up "
    "at {where}. This receipt shows payment alone.",
)
STATEMENT_TITLE = Text("STATEMENT_TITLE", "缴费对账单", "Statement of payments")
STATEMENT_NOTE = Text(
    "STATEMENT_NOTE",
    "日期为入账时间。本对账单按账簿记录生成,不作为发票。",
    "Dates are those of booking. Made from the ledger; this is no invoice.",
)
PERIOD_INVALID = Text(
    "PERIOD_INVALID",
    "请选择起止日期,最长一年",
    "Please choose a first and a last day, a year apart at most",
)
PERIOD_TOO_LONG = Text(
    "PERIOD_TOO_LONG",
    "该期间的记录过多,请缩短期间",
    "There is too much in this period, please choose a shorter one",
)
HOLD_VOUCHERS = Text(
    "HOLD_VOUCHERS",
    "支付凭证属会计档案,依法自次年起保存三十年",
    "Vouchers of payments are accounting records, kept for thirty years from the next year on",
)
PAYMENT_UNDER_WAY = Text(
    "PAYMENT_UNDER_WAY",
    "尚有支付或退款正在处理,完成或取消后即可注销",
    "A payment or a refund is under way: it has to be finished or cancelled first",
)
