"""The words of autopay."""

from core.texts import Text

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
