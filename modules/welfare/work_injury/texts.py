"""The words of work-injury insurance."""

from core.texts import Text

CONSENT = Text(
    "WORK_INJURY_CONSENT",
    "为向您展示工伤保险信息,凭您的证件号码向社会保险业务系统查询参保、缴费、工伤认定结论和待遇记录。",
    "To show you your work-injury insurance, your document number is used to ask the social "
    "insurance system for enrolments, contributions, recognised injuries and benefits.",
)
