"""The words of maternity insurance."""

from core.texts import Text

CONSENT = Text(
    "MATERNITY_CONSENT",
    "为向您展示生育保险信息,凭您的证件号码向医疗保障业务系统查询参保、缴费和津贴办理情况。",
    "To show you your maternity insurance, your document number is used to ask the medical "
    "insurance system for enrolments, contributions and how far allowances have come.",
)
