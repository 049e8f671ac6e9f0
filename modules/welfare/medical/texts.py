"""The words of medical insurance."""

from core.texts import Text

CONSENT = Text(
    "MEDICAL_CONSENT",
    "为向您展示医疗保险信息,凭您的证件号码向医疗保障业务系统查询参保、缴费、个人账户、待遇状态和结算记录。",
    "To show you your medical insurance, your document number is used to ask the medical insurance "
    "system for enrolments, contributions, your account, coverage and settlements.",
)
