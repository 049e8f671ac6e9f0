"""When a bill is worth a reminder."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from modules.utilities.bills.domain import BillerBill, BillStatus

BILL_REMINDER = "bill-reminder"
DAYS_BEFORE_MAX = 15


class Stage(StrEnum):
    """AHEAD: before the due day. OVERDUE: the due day is over, a late fee grows.

    A household is reminded of a bill once in each.
    """

    AHEAD = "AHEAD"
    OVERDUE = "OVERDUE"


class Delivery(StrEnum):
    """INBOX: it lies in the inbox. SMS_QUEUED, SMS_SENT, SMS_FAILED: it does, and what became of
    the text message beside it.

    Every reminder is in the inbox at once.
    """

    INBOX = "INBOX"
    SMS_QUEUED = "SMS_QUEUED"
    SMS_SENT = "SMS_SENT"
    SMS_FAILED = "SMS_FAILED"


@dataclass(frozen=True, slots=True)
class Rule:
    """So many days before the due day, from this amount on; `sms` beside the inbox."""

    days_before: int
    min_amount_fen: int
    sms: bool


def stage_of(rule: Rule, bill: BillerBill, today: date) -> Stage | None:
    """The reminder that is due for a bill today; None for one that can wait or is too small."""
    if bill.status is not BillStatus.OPEN or bill.total_fen < rule.min_amount_fen:
        return None
    if today > bill.due_on:
        return Stage.OVERDUE
    return Stage.AHEAD if bill.due_on - today <= timedelta(days=rule.days_before) else None


def occasion_of(bill_id: UUID, stage: Stage) -> str:
    """The lasting name of what a household is reminded of once."""
    return f"{bill_id}:{stage}"


def delivery_of(sms: bool, text_state: str | None) -> Delivery:
    """What became of a reminder, from the state of its text."""
    if not sms or text_state is None:
        return Delivery.INBOX
    return {"sent": Delivery.SMS_SENT, "failed": Delivery.SMS_FAILED}.get(
        text_state, Delivery.SMS_QUEUED
    )
