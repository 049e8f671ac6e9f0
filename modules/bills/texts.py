"""The words of bills."""

from core.texts import Text

WATER = Text("WATER", "水费", "Water bill")
ELECTRICITY = Text("ELECTRICITY", "电费", "Electricity bill")
GAS = Text("GAS", "燃气费", "Gas bill")
HEATING = Text("HEATING", "暖气费", "Heating bill")
ACCOUNT_INVALID = Text("ACCOUNT_INVALID", "户号有误", "This is not a valid account number")
LABEL_TOO_LONG = Text("LABEL_TOO_LONG", "备注最多 16 个字", "A label has at most 16 characters")
TOO_MANY_ACCOUNTS = Text(
    "TOO_MANY_ACCOUNTS", "最多可绑定 {limit} 个户号", "At most {limit} accounts can be linked"
)
TOO_MANY_LOOKUPS = Text(
    "TOO_MANY_LOOKUPS",
    "查询户号过于频繁,请在 {retry_after_s} 秒后再试",
    "Too many accounts were looked up, try again in {retry_after_s} seconds",
)
BILL_PAID = Text("BILL_PAID", "该账单已缴清", "This bill is paid already")
BILL_WITHDRAWN = Text(
    "BILL_WITHDRAWN", "该账单已被缴费单位撤回", "The biller has withdrawn this bill"
)
BILLS_DUE = Text("BILLS_DUE", "待缴账单", "Bills due")
BILLER = "缴费单位 / the biller"

PAID_TITLE = Text("BILL_PAID_TITLE", "{name}缴费成功", "{name} paid")
PAID_BODY = Text(
    "BILL_PAID_BODY",
    "您的{name}({period})已缴清,金额 {amount} 元,销账单号 {ref}。",
    "Your {name} ({period}) is settled: {amount} yuan, write-off number {ref}.",
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

DAYS_BEFORE_RANGE = Text(
    "DAYS_BEFORE_OUT_OF_RANGE",
    "提前提醒天数须在 0 至 {most} 天之间",
    "Reminders go out 0 to {most} days before the due day",
)
REMINDER_AHEAD_TITLE = Text("REMINDER_AHEAD_TITLE", "{name}待缴提醒", "{name} due soon")
REMINDER_AHEAD_BODY = Text(
    "REMINDER_AHEAD_BODY",
    "{label} 的{name}({period})共 {amount} 元,请于 {due_on} 前缴纳。",
    "{name} of {label} ({period}): {amount} yuan, due by {due_on}.",
)
REMINDER_OVERDUE_TITLE = Text("REMINDER_OVERDUE_TITLE", "{name}已逾期", "{name} overdue")
REMINDER_OVERDUE_BODY = Text(
    "REMINDER_OVERDUE_BODY",
    "{label} 的{name}({period})应于 {due_on} 前缴纳,现已逾期,应缴 {amount} 元(含滞纳金)。",
    "{name} of {label} ({period}) was due by {due_on}: {amount} yuan with late fee.",
)

TOO_MANY_WATCHES = Text(
    "TOO_MANY_WATCHES", "最多可关注 {limit} 个位置", "At most {limit} places can be watched"
)
WATCHED_PLACE = Text("WATCHED_PLACE", "您关注的位置", "your watched place")
OUTAGE_OF = {
    "WATER": Text("OUTAGE_WATER", "停水", "Water outage"),
    "POWER": Text("OUTAGE_POWER", "停电", "Power outage"),
    "GAS": Text("OUTAGE_GAS", "停气", "Gas outage"),
}
OUTAGE_ANNOUNCED_TITLE = Text("OUTAGE_ANNOUNCED_TITLE", "{what}通知", "{what}")
OUTAGE_ANNOUNCED_BODY = Text(
    "OUTAGE_ANNOUNCED_BODY",
    "{label}:{starts} 起{what},原因:{cause},预计 {ends} 恢复。",
    "{label}: {what} from {starts}, {cause}, expected to be over at {ends}.",
)
OUTAGE_RESTORED_TITLE = Text("OUTAGE_RESTORED_TITLE", "{what}已恢复", "{what} is over")
OUTAGE_RESTORED_BODY = Text(
    "OUTAGE_RESTORED_BODY",
    "{starts} 开始的{what}已于 {ends} 恢复。",
    "{what} that began at {starts} was over at {ends}.",
)

AUTOPAY_CONSENT = Text(
    "AUTOPAY_CONSENT",
    "您同意由支付机构按委托代扣协议,在您设定的单笔和每月限额内,自动缴纳该户号的账单。"
    "每笔扣款至少提前一天通知;超过限额的账单不会扣款,只会提醒您;您可随时解约,立即生效。",
    "You agree that the payment provider pays this account's bills by itself, within the limits "
    "that you set for one bill and for a month. Each payment is announced at least a day before; "
    "a bill above a limit is not paid, you are told. You may end this at any time, at once.",
)
CEILING_RANGE = Text(
    "CEILING_OUT_OF_RANGE",
    "限额须大于 0 且不超过 {most} 元,每月限额不低于单笔限额",
    "A limit is above 0 and at most {most} yuan, the month's not below the bill's",
)
AUTOPAY_ACTIVE = Text(
    "AUTOPAY_ACTIVE",
    "该户号已开通自动缴费,如需修改限额请先解约",
    "Autopay is on for this account; end it first to change its limits",
)
PAYER_IS_PAYING = Text("PAYER_IS_PAYING", "该账单正在支付中", "A payment of this bill is under way")
AUTOPAY_ANNOUNCED_TITLE = Text("AUTOPAY_ANNOUNCED_TITLE", "{name}自动缴费预告", "{name}: autopay")
AUTOPAY_ANNOUNCED_BODY = Text(
    "AUTOPAY_ANNOUNCED_BODY",
    "您的{name}({period})共 {amount} 元,将于 {when} 后自动扣款。如不需要,请在此之前解约。",
    "Your {name} ({period}), {amount} yuan, will be paid by itself after {when}. End autopay "
    "before then if you do not want this.",
)
AUTOPAY_STOPPED_TITLE = Text(
    "AUTOPAY_STOPPED_TITLE", "{name}未自动缴纳", "{name} is not paid by itself"
)
AUTOPAY_STOPPED_BODY = Text(
    "AUTOPAY_STOPPED_BODY",
    "您的{name}({period})共 {amount} 元未自动扣款:{reason}。请手动缴纳。",
    "Your {name} ({period}), {amount} yuan, is not paid by itself: {reason}. Please pay it "
    "yourself.",
)
AUTOPAY_REASONS = {
    "BILL_CEILING": Text("BILL_CEILING", "超过单笔限额", "it is above your limit for one bill"),
    "MONTH_CEILING": Text(
        "MONTH_CEILING", "超过每月限额", "it would pass your limit for the month"
    ),
    "LIMIT_REACHED": Text(
        "AUTOPAY_LIMIT_REACHED", "超过支付限额", "it is above what may be paid in a day"
    ),
    "BILLER_SILENT": Text(
        "BILLER_SILENT", "缴费单位无法确认金额", "the biller cannot tell what is due"
    ),
    "PSP_REFUSED": Text(
        "AUTOPAY_PSP_REFUSED",
        "支付机构未能扣款(余额不足或已解约)",
        "the payment provider could not take it (too little money, or the contract is over)",
    ),
}
AUTOPAY_OTHER_REASON = Text("AUTOPAY_OTHER_REASON", "扣款未成功", "the payment did not succeed")
HOLD_AUTOPAY = Text(
    "HOLD_AUTOPAY",
    "自动缴费授权是已扣款项的依据,依法自最后一次扣款起保存三年",
    "An autopay consent is the ground of what was deducted under it, kept for three years after "
    "the last deduction (E-Commerce Law, Art. 31)",
)

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
    "该笔缴费已以其他抬头申请发票",
    "The invoice of this payment was asked for in another name",
)
