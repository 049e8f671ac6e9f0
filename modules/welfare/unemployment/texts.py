"""The words of unemployment insurance."""

from core.texts import Text

CONSENT = Text(
    "UNEMPLOYMENT_CONSENT",
    "为向您展示失业保险信息,凭您的证件号码向社会保险业务系统查询参保、缴费、待遇资格和领取记录。",
    "To show you your unemployment insurance, your document number is used to ask the social "
    "insurance system for enrolments, contributions, your entitlement and benefits.",
)
