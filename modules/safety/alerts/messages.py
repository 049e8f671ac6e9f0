"""What people are told of alerts. A drill has words and a class of its own."""

from modules.safety.alerts import texts
from modules.safety.alerts.domain import NoticeKind
from notifications.api import MessageClass, Template

WARNING = Template(
    "safety.alert", texts.WARNING_TITLE, texts.WARNING_BODY, about=MessageClass.SAFETY
)
CANCELLED = Template(
    "safety.alert_cancelled",
    texts.CANCELLED_TITLE,
    texts.CANCELLED_BODY,
    about=MessageClass.SAFETY,
)
DRILL = Template("safety.alert_drill", texts.DRILL_TITLE, texts.DRILL_BODY)
BY_KIND = {
    NoticeKind.WARNING: WARNING,
    NoticeKind.CANCELLED: CANCELLED,
    NoticeKind.DRILL: DRILL,
}
