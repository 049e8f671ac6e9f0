"""The words of the e-health card."""

from core.texts import Text

CONSENT = Text(
    "HEALTH_CARD_CONSENT",
    "为向您发放和展示电子健康卡,凭您的姓名和证件号码在本市电子健康卡平台登记和查询;"
    "您出示卡码时,所在医院可读取您的卡号。",
    "To give you an e-health card and show it, your name and document number are registered with "
    "the city's card platform; the hospital to which you show its code reads your card number.",
)
PLATFORM = "电子健康卡平台 / the e-health card platform"
NO_CARD = Text("HEALTH_CARD_NONE", "尚未申领电子健康卡", "There is no e-health card yet")
NOT_ACTIVE = Text(
    "HEALTH_CARD_NOT_ACTIVE",
    "电子健康卡已挂失或注销",
    "The e-health card is suspended or cancelled",
)
HOSPITAL_UNKNOWN = Text(
    "HOSPITAL_UNKNOWN", "无法识别的医院签名", "The signature is no connected hospital's"
)
CODE_INVALID = Text("HEALTH_CODE_INVALID", "健康卡码无效", "This is no health card code")
CODE_EXPIRED = Text("HEALTH_CODE_EXPIRED", "健康卡码已过期", "The code has expired")
CODE_USED = Text("HEALTH_CODE_USED", "健康卡码已使用", "The code was used already")
CLOCK_SKEW = Text(
    "HEALTH_CODE_CLOCK_SKEW", "请校准时钟后重试", "The clocks differ: set yours and try again"
)
REPORT_TITLE = Text("REPORT_READY_TITLE", "您有新的检验检查报告", "A new report is ready")
REPORT_BODY = Text(
    "REPORT_READY_BODY",
    "{hospital}已出具新的报告,请在“检验检查报告查询”中查看。",
    "{hospital} has made a new report; see it under Test and imaging reports.",
)
