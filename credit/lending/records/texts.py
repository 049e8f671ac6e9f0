"""What lending says when it refuses."""

from core.texts import Text

APPLICATION_STATE = Text(
    "LOAN_APPLICATION_STATE",
    "申请当前状态不允许此操作",
    "The application is in a state that does not allow this",
)
ALREADY_DISBURSED = Text(
    "LOAN_ALREADY_DISBURSED", "该笔贷款已放款", "This loan has been paid out already"
)
CONSENT_WITHDRAWN = Text(
    "LOAN_CONSENT_WITHDRAWN",
    "企业已撤回授权",
    "The company has withdrawn its consent",
)
AMOUNT_WRONG = Text(
    "LOAN_AMOUNT_WRONG",
    "金额与合同或应还款项不符",
    "The amount is not that of the contract, or more than is owed",
)
DAY_WRONG = Text(
    "LOAN_DAY_WRONG", "日期早于放款日或晚于今天", "The day is before the loan or in the future"
)
REF_REUSED = Text(
    "LOAN_REF_REUSED",
    "该流水号已用于另一笔业务",
    "This reference stands for something else already",
)
PAID_THROUGH_CITY = Text(
    "LOAN_PAID_THROUGH_CITY",
    "该笔还款由本平台代收,银行不能撤销",
    "This repayment was collected through the city; a bank cannot take it back",
)
REASON_UNKNOWN = Text("LOAN_REASON_UNKNOWN", "未知的拒绝原因", "No such reason")
OFFER_ENDED = Text("LOAN_OFFER_ENDED", "该报价已失效", "This offer holds no more")
PRODUCT_STATE = Text(
    "LOAN_PRODUCT_STATE",
    "该产品版本已处理",
    "This version of the product was decided already",
)
FOUR_EYES = Text(
    "LOAN_FOUR_EYES", "提交人与审批人不能为同一人", "Who proposed it may not approve it"
)
USCC_INVALID = Text(
    "LOAN_USCC_INVALID", "统一社会信用代码有误", "This is no unified social credit code"
)
COMPANY_UNKNOWN = Text(
    "LOAN_COMPANY_UNKNOWN", "未找到您代表的该企业", "No such company that you speak for"
)
NOT_REPRESENTATIVE = Text(
    "LOAN_NOT_REPRESENTATIVE",
    "您不是该企业的法定代表人",
    "You are not this company's legal representative",
)
TOO_MANY_LOOKUPS = Text(
    "LOAN_TOO_MANY_LOOKUPS",
    "今日查询企业次数过多,请明天再试",
    "Too many companies looked up today, please try again tomorrow",
)
LIMIT_EXCEEDED = Text(
    "LOAN_LIMIT_EXCEEDED",
    "超出您的授权额度",
    "This is above what you may apply for",
)
SAME_PRODUCT = Text("LOAN_SAME_PRODUCT", "{title}与第一项相同", "{title} is the same as the first")
SOURCE_UNKNOWN = Text(
    "LOAN_SOURCE_UNKNOWN",
    "该银行的产品不需要此项资料",
    "No product of this bank asks for this",
)
PRODUCT_UNKNOWN = Text(
    "LOAN_PRODUCT_UNKNOWN", "所选产品已下架", "A chosen product is not offered any more"
)
SAME_BANK = Text("LOAN_SAME_BANK", "两项产品属于同一银行", "Both products are of the same bank")
CONSENT_MISSING = Text(
    "LOAN_CONSENT_MISSING",
    "请先授权银行查询企业资料",
    "Let the bank have the company's data first",
)
NO_CONTRACTS = Text(
    "LOAN_NO_CONTRACTS", "暂时无法签署合同", "Contracts cannot be signed at present"
)
PAID_TITLE = Text("LOAN_PAID_TITLE", "还款成功", "Loan repayment received")
PAID_BODY = Text(
    "LOAN_PAID_BODY",
    "贷款 {no} 已还款 {amount} 元。",
    "{amount} yuan were set against your loan {no}.",
)
REFUSED_TITLE = Text("LOAN_REFUSED_TITLE", "还款未能入账", "Loan repayment refused")
REFUSED_BODY = Text(
    "LOAN_REFUSED_BODY",
    "贷款 {no} 的还款 {amount} 元未能入账,正在原路退回。",
    "Your {amount} yuan for loan {no} could not be booked and are on their way back.",
)
REFUNDED_TITLE = Text("LOAN_REFUNDED_TITLE", "还款已退回", "Loan repayment returned")
REFUNDED_BODY = Text(
    "LOAN_REFUNDED_BODY",
    "贷款 {no} 的 {amount} 元已原路退回。",
    "Your {amount} yuan for loan {no} have been returned.",
)
DUE_TITLE = Text("LOAN_DUE_TITLE", "贷款即将到期还款", "A loan instalment is due soon")
DUE_BODY = Text(
    "LOAN_DUE_BODY",
    "贷款 {no} 应于 {due_on} 还款 {amount} 元。",
    "{amount} yuan of your loan {no} are due on {due_on}.",
)
OVERDUE_TITLE = Text("LOAN_OVERDUE_TITLE", "贷款已逾期", "A loan instalment is overdue")
OVERDUE_BODY = Text(
    "LOAN_OVERDUE_BODY",
    "贷款 {no} 已逾期 {days} 天,现应还 {amount} 元。如有困难,可联系银行协商调整还款计划。",
    "Your loan {no} is {days} days overdue: {amount} yuan are due. If you cannot pay, ask the bank "
    "to agree on another schedule.",
)
RATE_WRONG = Text(
    "LOAN_RATE_WRONG", "利率超出 0 至 24% 的范围", "The rate is not between 0 and 24 % a year"
)
CERTIFICATE_TITLE = Text("LOAN_CERTIFICATE_TITLE", "贷款还款证明", "Certificate of a loan")
CERTIFICATE_NOTE = Text(
    "LOAN_CERTIFICATE_NOTE",
    "本证明依据平台账簿出具,已电子签名,改动任何内容即失效。",
    "Issued from the platform's books and signed; any change breaks the signature.",
)
