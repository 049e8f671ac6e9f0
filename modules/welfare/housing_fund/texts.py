"""The words of the housing fund."""

from core.texts import Text

HOUSING_FUND = Text("HOUSING_FUND", "住房公积金", "Housing fund")
HOUSING_FUND_CONSENT = Text(
    "HOUSING_FUND_CONSENT",
    "为向您展示公积金账户,凭您的证件号码向住房公积金中心查询余额、缴存和贷款信息。",
    "To show you your account, your document number is used to ask the housing fund centre for "
    "your balance, deposits and loan.",
)
