"""The words of hospital registration."""

from core.texts import Text

HOSPITAL_CONSENT = Text(
    "HOSPITAL_CONSENT",
    "为完成挂号,将您的姓名、证件号码和手机号码提交所选医院。",
    "To register you, your name, document number and phone are passed to the hospital you choose.",
)
