"""Every query of bills."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from core.database import (
    Transaction,
    connection,
    fetch_all,
    fetch_model,
    fetch_one,
    read_model,
    update_model,
)
from core.ids import new_id
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.bills.domain import BillerBill, Enquiry
from modules.utilities.bills.models import Bill


async def find_bill_of(citizen_id: UUID, bill_id: UUID) -> tuple[Bill, int] | None:
    """A bill by id, if it is of an account that the citizen has linked, and the turn of whoever
    asks its biller next: see `core.database.turns`."""
    row = await fetch_one(
        connection(),
        """SELECT b.*, nextval('core_turn') AS turn FROM bills_bill b
            WHERE id = $1 AND EXISTS (
              SELECT FROM bills_account_link l
               WHERE l.citizen_id = $2 AND (l.kind, l.account_no) = (b.kind, b.account_no))""",
        bill_id,
        citizen_id,
    )
    return None if row is None else (read_model(Bill, row), row["turn"])


async def note_bills(
    tx: Transaction, kind: UtilityKind, bills: Sequence[BillerBill], enquiry: Enquiry
) -> Mapping[str, UUID]:
    """Keep what a biller told of bills; returns their ids by bill number.

    What was asked for earlier never replaces what was asked for later.
    """
    rows = await fetch_all(
        tx,
        """INSERT INTO bills_bill AS b
             (id, kind, bill_no, account_no, period, total_fen, status, least_part_fen, seen_at,
              seen_turn)
           SELECT i, $1, n, a, p, t, s, l, $8, $10
             FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[],
                         $9::bigint[])
               AS told (i, n, a, p, t, s, l)
            ORDER BY n
           ON CONFLICT (kind, bill_no) DO UPDATE
              SET (total_fen, status, least_part_fen, seen_at, seen_turn) = (
                SELECT last.* FROM (
                  VALUES (b.total_fen, b.status, b.least_part_fen, b.seen_at, b.seen_turn),
                         (EXCLUDED.total_fen, EXCLUDED.status, EXCLUDED.least_part_fen,
                          EXCLUDED.seen_at, EXCLUDED.seen_turn)
                ) AS last (total_fen, status, least_part_fen, seen_at, seen_turn)
                 ORDER BY seen_turn DESC NULLS LAST LIMIT 1)
           RETURNING id, bill_no""",
        kind.value,
        [new_id() for _ in bills],
        [bill.bill_no for bill in bills],
        [bill.account_no for bill in bills],
        [bill.period for bill in bills],
        [bill.total_fen for bill in bills],
        [bill.status.value for bill in bills],
        enquiry.at,
        [bill.least_part_fen for bill in bills],
        enquiry.turn,
    )
    return {row["bill_no"]: row["id"] for row in rows}


async def find_bill(bill_id: UUID) -> Bill | None:
    """A bill by id."""
    return await fetch_model(connection(), Bill, "WHERE id = $1", bill_id)


async def lock_bill(tx: Transaction, bill_id: UUID) -> Bill | None:
    """A bill by id, locked until the transaction ends."""
    return await fetch_model(tx, Bill, "WHERE id = $1 FOR UPDATE", bill_id)


async def mark_bill(tx: Transaction, bill_id: UUID, status: str | None, now: datetime) -> Bill:
    """A bill by an id that is known to be one; notes what has become of it, unless None."""
    if status is None:
        bill = await lock_bill(tx, bill_id)
        assert bill is not None
        return bill
    return await update_model(
        tx,
        Bill,
        "status = $2, seen_at = $3, seen_turn = nextval('core_turn') WHERE id = $1",
        bill_id,
        status,
        now,
    )
