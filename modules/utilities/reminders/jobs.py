"""The day's look at every subscribed account, and the messages that come of it."""

import time
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.sweep import sweep
from core.database import transaction
from core.errors import NotFound
from core.money import format_yuan
from core.people.directory import Person, get_person
from core.queue.jobs import Lane, job
from core.texts import Locale
from core.upstream.client import UpstreamError
from modules.utilities.accounts.domain import NAME, UtilityKind
from modules.utilities.accounts.models import AccountLink
from modules.utilities.bills.domain import BillerBill
from modules.utilities.bills.service import read_open
from modules.utilities.reminders import messages, store
from modules.utilities.reminders.domain import Rule, Stage, stage_of
from modules.utilities.reminders.models import Reminder
from modules.utilities.reminders.service import message_key
from notifications import api as notifications

TIMEOUT_S = 300
_BATCH = 64
_AT_ONCE = 8
_CALL_S = 5.0
_WAITS = (UpstreamError, NotFound)
"""A silent biller; an account that is closed, whose links go with it."""


@job(
    "bills.remind",
    lane=Lane.BULK,
    timeout_s=TIMEOUT_S,
    every="*/10 1-12 * * *",  # 9:00 to 20:50 in Shanghai
)
async def remind(app: App) -> None:
    """Look at every subscribed account once a day and remind its people of what is due.

    Each person is told of a bill once ahead and once when it is overdue, however often this runs
    or is interrupted. An account whose biller is silent is looked at again at the next run.
    """
    started_at, until_s = app.clock.now(), time.monotonic() + TIMEOUT_S * 0.8
    today = civil_date(started_at)
    while time.monotonic() < until_s:
        batch = await store.list_unchecked(today, started_at, _BATCH)
        if not batch:
            return
        await store.note_tried([reminder.id for reminder in batch], started_at)
        look = partial(_look, app, today)
        await sweep(app, "bills.remind", batch, look, waits=_WAITS, at_once=_AT_ONCE)


async def _look(app: App, today: date, reminder: Reminder) -> None:
    link = await AccountLink.get_or_none(id=reminder.link_id)
    if link is None:
        return
    bills, ids = await read_open(app, link)
    person = await get_person(app, reminder.citizen_id)
    rule = Rule(reminder.days_before, reminder.min_amount_fen, reminder.sms)
    async with transaction() as tx:
        for bill in bills:
            stage = stage_of(rule, bill, today)
            if stage is not None:
                await _tell(app, tx, reminder, link, person, bill, ids[bill.bill_no], stage)
        await store.note_checked(tx, reminder.id, today)


async def _tell(
    app: App,
    tx: Any,
    reminder: Reminder,
    link: AccountLink,
    person: Person,
    bill: BillerBill,
    bill_id: UUID,
    stage: Stage,
) -> None:
    now = app.clock.now()
    reminded_id = await store.insert_reminded(tx, reminder, bill_id, stage, bill.total_fen, now)
    if reminded_id is None:
        return
    locale = Locale(person.locale)
    await notifications.notify(
        app,
        tx,
        person=person,
        template=messages.reminder_of(stage.value, sms=reminder.sms),
        values={
            "name": NAME[UtilityKind(link.kind)].say(locale),
            "label": link.label or link.account_no,
            "period": bill.period,
            "amount": format_yuan(bill.total_fen),
            "due_on": bill.due_on.isoformat(),
        },
        key=message_key(reminded_id),
        deep_link=f"/bills/{bill_id}",
    )
