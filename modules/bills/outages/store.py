"""Every query of watched places and outage notices."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.database import Transaction, connection, fetch_all, fetch_one
from kinds.owned import OwnedList
from modules.bills import texts
from modules.bills.models import OutageNotice, OutageWatch
from modules.bills.outages.domain import NoticeStage

WATCHES = OwnedList(OutageWatch, most=10, too_many=texts.TOO_MANY_WATCHES)


async def list_untold(
    outage_ref: str, kind: str, cells: Sequence[str], after: UUID, limit: int
) -> Sequence[OutageWatch]:
    """Watches of a kind in some cells whose people were not told of an outage, by id."""
    rows = await fetch_all(
        connection(),
        """SELECT w.id FROM bills_outage_watch w
            WHERE w.cell = ANY($1) AND $2 = ANY(string_to_array(w.kinds, ',')) AND w.id > $4
              AND NOT EXISTS (SELECT 1 FROM bills_outage_notice n
                               WHERE n.outage_ref = $3 AND n.citizen_id = w.citizen_id)
            ORDER BY w.id LIMIT $5""",
        list(cells),
        kind,
        outage_ref,
        after,
        limit,
    )
    return await OutageWatch.filter(id__in=[row["id"] for row in rows]).order_by("id")


async def list_waiting(outage_ref: str, after: UUID, limit: int) -> Sequence[UUID]:
    """Who was told of an outage and not of its end, by id."""
    rows = await fetch_all(
        connection(),
        """SELECT a.citizen_id FROM bills_outage_notice a
            WHERE a.outage_ref = $1 AND a.stage = 'ANNOUNCED' AND a.citizen_id > $3
              AND NOT EXISTS (SELECT 1 FROM bills_outage_notice r
                               WHERE r.outage_ref = $1 AND r.citizen_id = a.citizen_id
                                 AND r.stage = 'RESTORED')
            ORDER BY a.citizen_id LIMIT $2""",
        outage_ref,
        limit,
        after,
    )
    return [row["citizen_id"] for row in rows]


async def insert_notice(
    tx: Transaction, outage_ref: str, citizen_id: UUID, stage: NoticeStage, now: datetime
) -> bool:
    """Note that a person is told; False where they were already."""
    row = await fetch_one(
        tx,
        """INSERT INTO bills_outage_notice (key, outage_ref, citizen_id, stage, told_at)
           VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key) DO NOTHING RETURNING key""",
        notice_key(outage_ref, citizen_id, stage),
        outage_ref,
        citizen_id,
        stage.value,
        now,
    )
    return row is not None


def notice_key(outage_ref: str, citizen_id: UUID, stage: NoticeStage) -> str:
    """The business key of a notice: one for each outage, person and stage."""
    return f"outage:{outage_ref}:{stage.value}:{citizen_id}"


async def forget_notices(before: datetime) -> None:
    """Drop notices of outages that are long over."""
    await OutageNotice.filter(told_at__lt=before).delete()
