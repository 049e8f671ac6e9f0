"""Every query of reminders that were sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from core.database import Transaction, fetch_one
from core.ids import new_id
from modules.utilities.bills.domain import BillerBill
from modules.utilities.reminders.domain import Stage
from modules.utilities.reminders.models import Reminded, Reminder


async def insert_reminded(
    reminder: Reminder,
    bill_id: UUID,
    stage: Stage,
    bill: BillerBill,
    now: datetime,
    tx: Transaction,
) -> bool:
    """Note that a person is reminded of a bill; False where they were at this stage already."""
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
        bill.total_fen,
        reminder.sms,
        now,
    )
    return row is not None


async def find_last(link_ids: Sequence[UUID]) -> Mapping[UUID, Reminded]:
    """The last reminder of each account that had one."""
    rows = await Reminded.filter(link_id__in=list(link_ids)).order_by("sent_at", "id")
    return {row.link_id: row for row in rows}
