"""The words of re-issues."""

from core.texts import Text

INVOICE_NOT_ISSUED = Text(
    "INVOICE_NOT_ISSUED",
    "发票尚未开具,暂不能换开",
    "The invoice is not issued yet, so there is none to re-issue",
)
SAME_BUYER = Text(
    "SAME_BUYER",
    "新抬头与原发票相同",
    "The invoice is in this name already",
)
REISSUE_OPEN = Text(
    "REISSUE_OPEN",
    "该发票正在换开中,请等待结果",
    "This invoice is being re-issued, please wait for the outcome",
)
REISSUES_USED_UP = Text(
    "REISSUES_USED_UP",
    "每笔缴费的发票最多换开 {most} 次",
    "The invoice of a payment is re-issued {most} times at most",
)
TOO_MANY_ASKS = Text(
    "TOO_MANY_ASKS",
    "换开申请过于频繁,请在 {retry_after_s} 秒后再试",
    "A re-issue was asked for too often, try again in {retry_after_s} seconds",
)
CONFIRM_TITLE = Text("REISSUE_CONFIRM_TITLE", "换开发票待购买方确认", "A re-issue awaits the buyer")
CONFIRM_BODY = Text(
    "REISSUE_CONFIRM_BODY",
    "发票 {no} 已被购买方入账或抵扣。请购买方于 {until} 前在电子税务局确认《红字发票信息确认单》,"
    "逾期自动作废。",
    "Invoice {no} was entered into its buyer's books or deducted. The buyer has to confirm the "
    "red-letter form at the tax authority by {until}, or it is void.",
)
ISSUED_TITLE = Text("REISSUE_ISSUED_TITLE", "发票已换开", "The invoice is re-issued")
ISSUED_BODY = Text(
    "REISSUE_ISSUED_BODY",
    "原发票 {no} 已由红字发票 {red_no} 冲销,新发票号码 {new_no}。",
    "Invoice {no} is cancelled by the red-letter invoice {red_no}; the new one is {new_no}.",
)
REFUSED_TITLE = Text("REISSUE_REFUSED_TITLE", "发票未能换开", "The invoice was not re-issued")
REFUSED_BODY = Text(
    "REISSUE_REFUSED_BODY",
    "发票 {no} 未能换开:{reason}。原发票继续有效。",
    "Invoice {no} could not be re-issued: {reason}. It stands.",
)
UNISSUED_TITLE = Text(
    "REISSUE_UNISSUED_TITLE", "新发票未能开具", "The new invoice could not be issued"
)
UNISSUED_BODY = Text(
    "REISSUE_UNISSUED_BODY",
    "原发票 {no} 已冲销,但新抬头被开票方拒绝。请核对抬头和统一社会信用代码后重新提交。",
    "Invoice {no} is cancelled, but the new name was refused. Please check the name and the "
    "unified social credit code and ask again.",
)
REASONS = {
    "INVOICE_USED": Text(
        "REISSUE_USED",
        "发票已用于出口退税,须先回退用途",
        "it was used for an export refund, which has to be taken back first",
    ),
    "INVOICE_CANCELLED": Text("REISSUE_CANCELLED", "发票已被冲销", "it is cancelled already"),
    "NO_SUCH_INVOICE": Text("REISSUE_UNKNOWN", "开票方查无此发票", "its issuer does not know it"),
    "BUYER_DENIED": Text("REISSUE_BUYER_DENIED", "购买方不同意", "its buyer did not agree"),
    "SELLER_DENIED": Text("REISSUE_SELLER_DENIED", "开票方不同意", "its issuer did not agree"),
    "CONFIRMATION_LAPSED": Text(
        "REISSUE_LAPSED", "购买方 72 小时内未确认", "its buyer did not confirm within 72 hours"
    ),
}
OTHER_REASON = Text(
    "REISSUE_OTHER", "税务平台未受理", "the tax authority's platform did not accept it"
)
