"""Reminders of bills: once ahead of the due day by the household's rule, once when it is over."""

from dataclasses import asdict
from functools import partial
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.context.sweep import sweep
from core.database import Transaction
from core.deadline import Deadline
from core.errors import InvalidInput
from core.queue.jobs import Lane, job
from kinds import owned
from kinds.owned import OwnedList
from kinds.subscription import Notice, Subscription, look_daily, subscribe, tell
from modules.utilities.accounts.domain import NAME, UtilityKind
from modules.utilities.accounts.models import AccountLink
from modules.utilities.accounts.store import ACCOUNTS
from modules.utilities.accounts.unlinking import Unlinking
from modules.utilities.bills.domain import BillerBill
from modules.utilities.bills.service import ListedBill, fetch_bills
from modules.utilities.reminders import store, texts
from modules.utilities.reminders.domain import (
    BILL_REMINDER,
    DAYS_BEFORE_MAX,
    Rule,
    Stage,
    occasion_of,
    stage_of,
)
from modules.utilities.reminders.models import Reminder
from notifications.api import MessageClass, Param, Template

_CALL_S = 5.0

REMINDERS = Subscription(
    BILL_REMINDER,
    OwnedList(
        Reminder,
        most=ACCOUNTS.most,
        too_many=ACCOUNTS.too_many,
        same=("link_id",),
        renamed=("days_before", "min_amount_fen", "sms", "checked_on"),
    ),
    adds="setBillReminder",
    removes="removeBillReminder",
    keys="bill-reminder:",
)
_TEMPLATES = {
    (stage, sms): Template(
        f"bills.reminder_{stage.lower()}{'_sms' if sms else ''}",
        *texts.REMINDER[stage],
        sms=sms,
        about=MessageClass.MONEY,
        params={"amount": Param.FEN, "due_on": Param.DATE},
    )
    for stage in Stage
    for sms in (False, True)
}
TEMPLATES = tuple(_TEMPLATES.values())


async def set_reminder(call: Call, link_id: UUID, rule: Rule, key: str) -> Reminder:
    """Have the viewer reminded of a linked account's bills, or change how.

    Raises InvalidInput, NotFound for an account that the viewer has not linked, Conflict
    KEY_REUSED.
    """
    if not 0 <= rule.days_before <= DAYS_BEFORE_MAX:
        raise InvalidInput(texts.DAYS_BEFORE_RANGE, "daysBefore", most=DAYS_BEFORE_MAX)
    link = await owned.get(ACCOUNTS, call.require_viewer().user_id, link_id)
    row = {"link_id": link.id, "created_at": call.app.clock.now(), "checked_on": None}
    settings = asdict(rule)
    return await subscribe(call, REMINDERS, key, row | settings, {"link": link_id} | settings)


async def _end(_app: App, tx: Transaction, link_id: UUID) -> None:
    await Reminder.filter(link_id=link_id).using_db(tx).delete()


UNLINKING = Unlinking(_end)
"""The reminder of an account goes with its link."""


# 9:00 to 20:50 in Shanghai
@job("bills.remind", lane=Lane.BULK, timeout_s=300, every="*/10 1-12 * * *")
async def remind(app: App) -> None:
    """Look at every subscribed account once a day and remind its people of what is due.

    An account whose biller is silent is looked at again at the next run.
    """
    await look_daily(app, REMINDERS, partial(_look, app))


async def _look(app: App, reminder: Reminder) -> None:
    link = await AccountLink.get_or_none(id=reminder.link_id)
    if link is None:  # it was unlinked while the reminder was made
        await reminder.delete()
        return
    rule = Rule(reminder.days_before, reminder.min_amount_fen, reminder.sms)
    kind, deadline = UtilityKind(link.kind), Deadline.after(_CALL_S)

    async def look_at(listed: ListedBill) -> None:
        now = app.clock.now()
        stage = stage_of(rule, listed.bill, civil_date(now))
        if stage is not None:
            occasion = occasion_of(listed.id, stage)
            notice = _notice(link, listed.id, listed.bill, stage, sms=rule.sms)
            note = partial(store.insert_reminded, reminder, listed.id, stage, listed.bill, now)
            await tell(app, REMINDERS, reminder.citizen_id, occasion, notice, note=note)

    bills = await fetch_bills(app, deadline, kind, link.account_no, only_open=True)
    (await sweep(app, "bills.remind", bills, look_at)).require_whole()


def _notice(
    link: AccountLink, bill_id: UUID, bill: BillerBill, stage: Stage, *, sms: bool
) -> Notice:
    params = {
        "name": NAME[UtilityKind(link.kind)],
        "label": link.label or link.account_no,
        "period": bill.period,
        "amount": bill.total_fen,
        "due_on": bill.due_on,
    }
    return Notice(_TEMPLATES[stage, sms], params, f"/bills/{bill_id}")
