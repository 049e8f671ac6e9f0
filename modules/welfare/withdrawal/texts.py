"""The words of withdrawals from the housing fund."""

from collections.abc import Mapping

from core.texts import Named, Text

TITLES: Mapping[str, Named] = {
    "RENT": Named("租房提取", "Renting a home"),
    "PURCHASE": Named("购建自住住房提取", "Buying or building one's own home"),
    "LOAN": Named("偿还购房贷款提取", "Paying back a home loan"),
    "RETIREMENT": Named("离退休提取", "Retirement"),
    "LEAVING": Named("离职或出境定居提取", "Having left the employer or the country"),
    "ILLNESS": Named("重大疾病提取", "A serious illness"),
}
CENTRE = Text("HOUSING_FUND_CENTRE", "住房公积金中心", "The housing fund centre")
CONSENT = Text(
    "HOUSING_FUND_WITHDRAWAL_CONSENT",
    "为核算可提取额度并办理提取,凭您的证件号码向住房公积金中心查询账户、贷款、住房和提取记录。",
    "To work out what you may draw, and to draw it, your document number is used to ask the "
    "housing fund centre for your account, loan, home and earlier withdrawals.",
)
BASIS_BALANCE = Named("账户余额", "The balance of the account")
BASIS_LOAN = Named("贷款未还本息", "What is still owed of the loan")
BASIS_YEAR = Named("本年度剩余额度", "What is left of this year's ceiling")
NO_ACCOUNT = Text("WITHDRAWAL_NO_ACCOUNT", "没有公积金账户", "There is no account")
ACCOUNT_CLOSED = Text("WITHDRAWAL_ACCOUNT_CLOSED", "账户已注销", "The account is closed")
NOT_OFFERED = Text(
    "WITHDRAWAL_NOT_OFFERED",
    "公积金中心目前不办理此类提取",
    "The centre does not pay for this purpose at present",
)
MONTHS_MISSING = Text(
    "WITHDRAWAL_MONTHS_MISSING",
    "需连续足额缴存满 {least} 个月,目前为 {months} 个月",
    "{least} months of deposits in a row are needed; there are {months}",
)
OWNS_HOME = Text(
    "WITHDRAWAL_OWNS_HOME",
    "本人或配偶在本市有自有住房",
    "You or your spouse own a home in the city",
)
NO_LOAN = Text("WITHDRAWAL_NO_LOAN", "没有未还清的购房贷款", "There is no home loan to pay back")
NOT_SEALED = Text(
    "WITHDRAWAL_NOT_SEALED",
    "账户仍在正常缴存",
    "Deposits are still being made into the account",
)
SEALED_LATELY = Text(
    "WITHDRAWAL_SEALED_LATELY",
    "账户封存未满半年,{free_on} 起可以提取",
    "The account was sealed less than half a year ago; it is free from {free_on} on",
)
TOO_SOON = Text(
    "WITHDRAWAL_TOO_SOON",
    "上次提取为 {last_on},{next_on} 起可再次提取",
    "The last withdrawal was on {last_on}; the next can be made from {next_on} on",
)
NOTHING_LEFT = Text(
    "WITHDRAWAL_NOTHING_LEFT", "目前没有可提取的金额", "There is nothing to draw at present"
)
TOO_MUCH = Text(
    "WITHDRAWAL_TOO_MUCH",
    "{title}超过目前可提取的 {most} 元",
    "{title} is above the {most} yuan that may be drawn now",
)
CARD_NUMBER = Text(
    "WITHDRAWAL_CARD_NUMBER", "{title}有误,请核对", "{title} is not right: a digit is wrong"
)
RETURNED = Text(
    "WITHDRAWAL_RETURNED",
    "付款被退回:{reason}",
    "The payment came back: {reason}",
)
NOBODY = Named(
    "申请人账户已关闭,或实名证件无法办理",
    "the applicant's account is closed, or the centre does not know their document",
)
ABOVE_BALANCE = Named("提取金额超过账户余额", "the amount is above the balance of the account")
NOT_YOURS = Text(
    "WITHDRAWAL_NOT_YOURS",
    "{title}须为本人实名证件号码",
    "{title} has to be that of your own verified document",
)
