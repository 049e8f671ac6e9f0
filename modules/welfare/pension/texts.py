"""The words of pension insurance."""

from core.texts import Named, Text

CONSENT = Text(
    "PENSION_CONSENT",
    "为向您展示养老保险信息,凭您的证件号码向社会保险业务系统查询参保、缴费、个人账户和待遇信息。",
    "To show you your pension insurance, your document number is used to ask the social insurance "
    "system for enrolments, contributions, your account and benefits.",
)
ASSUMPTIONS = Named(
    "按登记的退休类别和2024年9月13日全国人大常委会关于实施渐进式延迟法定退休年龄的决定测算;"
    "不含弹性提前或延迟退休,未转入本市的月份不计;预计时间假定自本月起逐月缴费。仅供参考。",
    "Reckoned from the retirement category on record and the decision of 13 September 2024 on "
    "raising the retirement age; without flexible retirement or months not transferred to this "
    "city, and as if every month from this one on were paid. For information only.",
)
