"""The words of traffic violations."""

from core.texts import Text

CARD = Text("TRAFFIC_VIOLATIONS", "交通违法", "Traffic violations")
CONSENT = Text(
    "TRAFFIC_VIOLATIONS_CONSENT",
    "为向您展示本人名下机动车的交通违法、证据图片和驾驶证记分,凭您的证件号码向交警查询。",
    "To show you the violations of your own car, their pictures and the points on your licence, "
    "your document number is used to ask the traffic police.",
)
