"""The words of reminders."""

from core.texts import Text

DAYS_BEFORE_RANGE = Text(
    "DAYS_BEFORE_OUT_OF_RANGE",
    "提前提醒天数须在 0 至 {most} 天之间",
    "Reminders go out 0 to {most} days before the due day",
)
REMINDER = {
    "AHEAD": (
        Text("REMINDER_AHEAD_TITLE", "{name}待缴提醒", "{name} due soon"),
        Text(
            "REMINDER_AHEAD_BODY",
            "{label} 的{name}({period})共 {amount} 元,请于 {due_on} 前缴纳。",
            "{name} of {label} ({period}): {amount} yuan, due by {due_on}.",
        ),
    ),
    "OVERDUE": (
        Text("REMINDER_OVERDUE_TITLE", "{name}已逾期", "{name} overdue"),
        Text(
            "REMINDER_OVERDUE_BODY",
            "{label} 的{name}({period})应于 {due_on} 前缴纳,现已逾期,应缴 {amount} 元(含滞纳金)。",
            "{name} of {label} ({period}) was due by {due_on}: {amount} yuan with late fee.",
        ),
    ),
}
"""Title and body of a reminder at each stage."""
