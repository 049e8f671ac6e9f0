"""The words of reconciliation."""

from core.texts import Text

NOTE_MISSING = Text(
    "NOTE_MISSING",
    "请写明处理人和理由",
    "Say who resolves it, and why",
)
NOT_POSSIBLE = Text(
    "NOT_POSSIBLE",
    "该差错不能这样处理",
    "This case cannot be closed like that",
)
FIGURES_CHANGED = Text(
    "FIGURES_CHANGED",
    "该差错的金额已有变化，请按新的金额重新提出处理方案",
    "The figures of this case have changed: look at them and propose anew",
)
PROPOSED_ALREADY = Text(
    "PROPOSED_ALREADY",
    "该差错已有待复核的处理方案",
    "A correction of this case waits for approval",
)
SECOND_PERSON = Text(
    "SECOND_PERSON",
    "须由另一名工作人员复核",
    "Another person has to decide this",
)
NOT_RECONCILED = Text(
    "NOT_RECONCILED",
    "该日账单尚未全部对账",
    "Not every statement of that day is reconciled",
)
DAY_NOT_OVER = Text(
    "DAY_NOT_OVER",
    "该日尚未结束",
    "That day is not over",
)
DAY_CLOSED = Text(
    "DAY_CLOSED",
    "该日已经日结",
    "That day is closed already",
)
NOTHING_POSTED = Text(
    "NOTHING_POSTED",
    "账簿自该日之后才有记账",
    "Nothing is posted on that day or before it",
)
OPEN_BREAKS = Text(
    "OPEN_BREAKS",
    "该收款方尚有未处理的差错",
    "Open differences leave open what this payee is owed",
)

TITLE = Text("TITLE", "对账日报", "Reconciliation of a day")
NOTHING_YET = Text("NOTHING_YET", "该日尚未对账", "No statement of this day is compared yet")
ALL_SETTLED = Text("ALL_SETTLED", "账账相符，无未决差错", "Nothing is left open")
SETTLED_WITH_DIFFERENCES = Text(
    "SETTLED_WITH_DIFFERENCES",
    "无未决差错，账单与账簿相差 {yuan} 元",
    "No case is open; statements and ledger differ by {yuan} yuan",
)
UNSETTLED_CASES = Text(
    "UNSETTLED_CASES", "未决差错 {count} 笔", "{count} differences are not settled"
)
PICTURE = Text("PICTURE", "当日各小时收款", "Payments by the hour")
THEIRS = Text("THEIRS", "支付机构账单（元）", "by the PSPs' statements (yuan)")
OURS = Text("OURS", "本方账簿（元）", "by the ledger (yuan)")
STATEMENTS = Text("STATEMENTS", "账单", "Statements")
DIGESTS = Text("DIGESTS", "文件摘要", "Digests of the files")
CASES = Text("CASES", "差错", "Cases")
MORE_CASES = Text("MORE_CASES", "另有 {count} 笔未列出", "{count} more are not listed")
HOLDS_BACK = Text("HOLDS_BACK", "暂停向该收款方结算", "keeps the payee's payout back")
PAYOUTS = Text("PAYOUTS", "向收款方结算", "Payouts to payees")
NO_PAYOUT = Text("NO_PAYOUT", "未结算", "none yet")

STATEMENT_COLUMNS = (
    Text("SOURCE", "来源", "source"),
    Text("LINES", "笔数", "lines"),
    Text("MATCHED", "相符", "matched"),
    Text("AWAITED", "待次日", "awaited"),
    Text("THEIR_PAID", "对方收款", "their payments"),
    Text("OUR_PAID", "本方收款", "our payments"),
    Text("DIFFERENCE", "差额", "difference"),
    Text("REFUNDED", "对方退款", "their refunds"),
    Text("FEE", "手续费", "fees"),
    Text("DURATION", "秒", "seconds"),
)
CASE_COLUMNS = (
    Text("NUMBER", "编号", "no."),
    Text("KIND", "类型", "kind"),
    Text("SOURCE", "来源", "source"),
    Text("REF", "单号", "number"),
    Text("OUR_AMOUNT", "本方", "ours"),
    Text("THEIR_AMOUNT", "对方", "theirs"),
    Text("STATE", "状态", "state"),
    Text("WHY", "处理", "last step"),
)
PAYOUT_COLUMNS = (
    Text("PAYEE", "收款方", "payee"),
    Text("PAYMENTS", "笔数", "payments"),
    Text("FULFILLED", "已缴费", "accepted"),
    Text("REVERSED", "已退款", "refunded"),
    Text("CLAIMED", "冲抵前期", "set off"),
    Text("FEE", "手续费", "fee"),
    Text("PAID_OUT", "应结算", "paid out"),
)
KINDS = {
    "missing_here": Text("missing_here", "本方漏记", "missing here"),
    "missing_there": Text("missing_there", "对方漏记", "missing there"),
    "amount": Text("amount", "金额不符", "amount"),
    "fee": Text("fee", "手续费不符", "fee"),
    "date": Text("date", "日期不符", "date"),
    "duplicate": Text("duplicate", "重复记账", "duplicate"),
    "refund": Text("refund", "退款不符", "refund"),
    "coupon": Text("coupon", "商户优惠", "coupon at our cost"),
    "line": Text("line", "账单行无法识别", "line that makes no sense"),
    "refund_refused": Text("refund_refused", "退款被拒", "refund refused"),
    "refund_overdue": Text("refund_overdue", "退款逾期未完成", "refund overdue"),
    "second_capture": Text("second_capture", "重复收款", "second capture"),
    "foreign_refund": Text("foreign_refund", "非本系统退款", "foreign refund"),
    "other_amount": Text("other_amount", "收款金额不同", "other amount"),
    "other_currency": Text("other_currency", "收款币种不同", "other currency"),
    "other_time": Text("other_time", "收款时间不符", "other time"),
    "settlement": Text("settlement", "结算款不符", "settlement differs"),
    "bank_entry": Text("bank_entry", "银行流水待查", "unexplained at the bank"),
    "payout_refused": Text("payout_refused", "付款被银行拒绝", "payout refused"),
    "payout_returned": Text("payout_returned", "付款被退回", "payout returned"),
    "claim_overdue": Text("claim_overdue", "应收款逾期", "claim overdue"),
    "share_refused": Text("share_refused", "分账请求被拒", "share refused"),
    "share_closed": Text("share_closed", "分账失败", "share failed for good"),
    "share_overdue": Text("share_overdue", "分账逾期未完成", "share overdue"),
    "return_refused": Text("return_refused", "分账回退被拒", "return of a share refused"),
}
STATES = {
    "open": Text("open", "待处理", "open"),
    "investigating": Text("investigating", "处理中", "investigating"),
    "resolved": Text("resolved", "已处理", "resolved"),
    "cleared": Text("cleared", "已消除", "cleared"),
}
