"""The words of alerts."""

from core.texts import Text

BUREAU = Text("EMERGENCY_BUREAU", "应急管理局", "the emergency bureau")
ALERT_INVALID = Text("ALERT_INVALID", "预警报文不正确:{detail}", "The alert is malformed: {detail}")
ALERT_UNSIGNED = Text(
    "ALERT_UNSIGNED", "签名无效", "The alert is not signed by a source that is known"
)
ALERT_REUSED = Text(
    "ALERT_REUSED",
    "该编号已用于另一份预警",
    "This identifier stands for another alert of its sender",
)
PLACE_NEEDED = Text("ALERT_PLACE_NEEDED", "请选择位置", "Say where")
DISTRICT_UNKNOWN = Text("ALERT_DISTRICT_UNKNOWN", "没有该区县", "No such district")
TOO_MANY_PLACES = Text(
    "TOO_MANY_ALERT_PLACES", "最多可设置 {limit} 个位置", "At most {limit} places can be warned for"
)
WARNING_TITLE = Text("ALERT_TITLE", "【预警】{headline}", "Warning: {headline}")
WARNING_BODY = Text(
    "ALERT_BODY", "{area}:{description} {instruction}", "{area}: {description} {instruction}"
)
CANCELLED_TITLE = Text("ALERT_CANCELLED_TITLE", "【预警解除】{headline}", "All clear: {headline}")
CANCELLED_BODY = Text(
    "ALERT_CANCELLED_BODY",
    "此前的预警已由{sender}解除。{description}",
    "{sender} has cancelled the warning. {description}",
)
DRILL_TITLE = Text("ALERT_DRILL_TITLE", "【演练】{headline}", "EXERCISE: {headline}")
DRILL_BODY = Text(
    "ALERT_DRILL_BODY",
    "这是一次演练,没有真实的危险。{area}:{description} {instruction}",
    "This is an exercise, there is no danger. {area}: {description} {instruction}",
)
NOTHING_MORE = Text("ALERT_NOTHING_MORE", "未说明", "not stated")
"""Stands where an alert says nothing of a kind."""
