"""Every query of reminders."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from core.context.app import App
from core.database import Transaction, connection, fetch_all, fetch_one
from core.ids import new_id
from modules.utilities.accounts.models import AccountLink
from modules.utilities.accounts.unlinking import Unlinking
from modules.utilities.reminders.domain import Rule, Stage
from modules.utilities.reminders.models import Reminded, Reminder


async def set_rule(
    tx: Transaction, reminder_id: UUID, link: AccountLink, rule: Rule, now: datetime
) -> None:
    """Make or change the reminder of a linked account; the account is looked at anew."""
    await tx.execute_query(
        """INSERT INTO bills_reminder
             (id, link_id, citizen_id, days_before, min_amount_fen, sms, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (link_id) DO UPDATE
              SET days_before = EXCLUDED.days_before, sms = EXCLUDED.sms,
                  min_amount_fen = EXCLUDED.min_amount_fen, checked_on = NULL""",
        [
            reminder_id,
            link.id,
            link.citizen_id,
            rule.days_before,
            rule.min_amount_fen,
            rule.sms,
            now,
        ],
    )


async def delete_rule(tx: Transaction, link_id: UUID) -> None:
    """Remove the reminder of a linked account, where there is one."""
    await Reminder.filter(link_id=link_id).using_db(tx).delete()


async def _unlink(_app: App, tx: Transaction, link_id: UUID) -> None:
    await delete_rule(tx, link_id)


UNLINKING = Unlinking(_unlink)
"""The reminder of an account goes with its link."""


async def list_reminders(citizen_id: UUID) -> Sequence[Reminder]:
    """A citizen's reminders in the order they were made."""
    return await Reminder.filter(citizen_id=citizen_id).order_by("id")


async def get_reminder(link_id: UUID) -> Reminder:
    """The reminder of a linked account."""
    return await Reminder.get(link_id=link_id)


async def list_unchecked(today: date, tried_before: datetime, limit: int) -> Sequence[Reminder]:
    """Reminders whose accounts were not looked at today, the longest untried first."""
    rows = await fetch_all(
        connection(),
        """SELECT id FROM bills_reminder
            WHERE (checked_on IS NULL OR checked_on < $1) AND (tried_at IS NULL OR tried_at < $2)
            ORDER BY tried_at NULLS FIRST, id LIMIT $3""",
        today,
        tried_before,
        limit,
    )
    return await Reminder.filter(id__in=[row["id"] for row in rows])


async def note_tried(ids: Sequence[UUID], now: datetime) -> None:
    """Note that accounts are about to be looked at."""
    await Reminder.filter(id__in=list(ids)).update(tried_at=now)


async def note_checked(tx: Transaction, reminder_id: UUID, today: date) -> None:
    """Note that an account has been looked at today."""
    await Reminder.filter(id=reminder_id).using_db(tx).update(checked_on=today)


async def insert_reminded(
    tx: Transaction,
    reminder: Reminder,
    bill_id: UUID,
    stage: Stage,
    amount_fen: int,
    now: datetime,
) -> UUID | None:
    """Note that a person is reminded of a bill; None where they were at this stage already."""
    row = await fetch_one(
        tx,
        """INSERT INTO bills_reminded
             (id, citizen_id, link_id, bill_id, stage, amount_fen, sms, sent_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (citizen_id, bill_id, stage) DO NOTHING RETURNING id""",
        new_id(),
        reminder.citizen_id,
        reminder.link_id,
        bill_id,
        stage.value,
        amount_fen,
        reminder.sms,
        now,
    )
    return None if row is None else row["id"]


async def find_last(link_ids: Sequence[UUID]) -> Mapping[UUID, Reminded]:
    """The last reminder of each account that had one."""
    rows = await Reminded.filter(link_id__in=list(link_ids)).order_by("sent_at", "id")
    return {row.link_id: row for row in rows}
