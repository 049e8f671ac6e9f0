"""The words of visit and examination appointments."""

from core.texts import Text

VISIT_CONSENT = Text(
    "VISIT_CONSENT",
    "为预约检查或复诊,将您的姓名、证件号码和手机号码提交所选医院。",
    "To book an examination or a follow-up visit, your name, document number and phone are passed "
    "to the hospital you choose.",
)
