"""The messages that bills sends."""

from modules.bills import texts
from notifications.api import MessageClass, Template

PAID = Template(
    "bills.paid",
    texts.PAID_TITLE,
    texts.PAID_BODY,
    about=MessageClass.MONEY,
)
REFUSED = Template(
    "bills.refused", texts.REFUSED_TITLE, texts.REFUSED_BODY, sms=True, about=MessageClass.MONEY
)
REFUNDED = Template(
    "bills.refunded", texts.REFUNDED_TITLE, texts.REFUNDED_BODY, about=MessageClass.MONEY
)
REMINDER_AHEAD = Template(
    "bills.reminder_ahead",
    texts.REMINDER_AHEAD_TITLE,
    texts.REMINDER_AHEAD_BODY,
    about=MessageClass.MONEY,
)
REMINDER_AHEAD_SMS = Template(
    "bills.reminder_ahead_sms",
    texts.REMINDER_AHEAD_TITLE,
    texts.REMINDER_AHEAD_BODY,
    sms=True,
    about=MessageClass.MONEY,
)
REMINDER_OVERDUE = Template(
    "bills.reminder_overdue",
    texts.REMINDER_OVERDUE_TITLE,
    texts.REMINDER_OVERDUE_BODY,
    about=MessageClass.MONEY,
)
REMINDER_OVERDUE_SMS = Template(
    "bills.reminder_overdue_sms",
    texts.REMINDER_OVERDUE_TITLE,
    texts.REMINDER_OVERDUE_BODY,
    sms=True,
    about=MessageClass.MONEY,
)
OUTAGE_ANNOUNCED = Template(
    "bills.outage_announced", texts.OUTAGE_ANNOUNCED_TITLE, texts.OUTAGE_ANNOUNCED_BODY
)
OUTAGE_RESTORED = Template(
    "bills.outage_restored", texts.OUTAGE_RESTORED_TITLE, texts.OUTAGE_RESTORED_BODY
)
AUTOPAY_ANNOUNCED = Template(
    "bills.autopay_announced",
    texts.AUTOPAY_ANNOUNCED_TITLE,
    texts.AUTOPAY_ANNOUNCED_BODY,
    sms=True,
    about=MessageClass.MONEY,
)
AUTOPAY_STOPPED = Template(
    "bills.autopay_stopped",
    texts.AUTOPAY_STOPPED_TITLE,
    texts.AUTOPAY_STOPPED_BODY,
    sms=True,
    about=MessageClass.MONEY,
)
AUTOPAY_FAILED = Template(
    "bills.autopay_failed",
    texts.AUTOPAY_STOPPED_TITLE,
    texts.AUTOPAY_STOPPED_BODY,
    sms=True,
    about=MessageClass.MONEY,
)


def reminder_of(stage: str, *, sms: bool) -> str:
    """The template of a reminder at a stage."""
    return f"bills.reminder_{stage.lower()}{'_sms' if sms else ''}"
