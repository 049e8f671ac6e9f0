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

PLACE_INVALID = Text("PLACE_INVALID", "位置有误", "This is not a place on the map")
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
