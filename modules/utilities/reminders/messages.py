"""The messages that reminders send."""

from modules.utilities.reminders import texts
from notifications.api import Template

REMINDER_AHEAD = Template(
    "bills.reminder_ahead", texts.REMINDER_AHEAD_TITLE, texts.REMINDER_AHEAD_BODY
)
REMINDER_AHEAD_SMS = Template(
    "bills.reminder_ahead_sms", texts.REMINDER_AHEAD_TITLE, texts.REMINDER_AHEAD_BODY, sms=True
)
REMINDER_OVERDUE = Template(
    "bills.reminder_overdue", texts.REMINDER_OVERDUE_TITLE, texts.REMINDER_OVERDUE_BODY
)
REMINDER_OVERDUE_SMS = Template(
    "bills.reminder_overdue_sms",
    texts.REMINDER_OVERDUE_TITLE,
    texts.REMINDER_OVERDUE_BODY,
    sms=True,
)


def reminder_of(stage: str, *, sms: bool) -> str:
    """The template of a reminder at a stage."""
    return f"bills.reminder_{stage.lower()}{'_sms' if sms else ''}"
