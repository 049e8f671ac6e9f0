"""Every query of bills."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from core.database import Transaction, connection, fetch_all, fetch_model, fetch_one, update_model
from core.ids import new_id
from modules.bills.domain import BillerAccount, BillerBill, UtilityKind
from modules.bills.models import AccountLink, Bill, Reminder


async def find_link(citizen_id: UUID, kind: UtilityKind, account_no: str) -> AccountLink | None:
    """A citizen's link to an account."""
    return await AccountLink.get_or_none(
        citizen_id=citizen_id, kind=kind.value, account_no=account_no
    )


async def find_bill_of(citizen_id: UUID, bill_id: UUID) -> Bill | None:
    """A bill by id, if it is of an account that the citizen has linked."""
    return await fetch_model(
        connection(),
        Bill,
        """b WHERE id = $1 AND EXISTS (
             SELECT FROM bills_account_link l
              WHERE l.citizen_id = $2 AND (l.kind, l.account_no) = (b.kind, b.account_no))""",
        bill_id,
        citizen_id,
    )


async def get_link(link_id: UUID) -> AccountLink:
    """A link by its id."""
    return await AccountLink.get(id=link_id)


async def list_links(citizen_id: UUID, kind: UtilityKind | None = None) -> Sequence[AccountLink]:
    """A citizen's links in the order they were made."""
    links = AccountLink.filter(citizen_id=citizen_id)
    if kind is not None:
        links = links.filter(kind=kind.value)
    return await links.order_by("id")


async def count_links(tx: Transaction, citizen_id: UUID) -> int:
    """How many accounts a citizen has linked."""
    return await AccountLink.filter(citizen_id=citizen_id).using_db(tx).count()


async def lock_citizen(tx: Transaction, citizen_id: UUID) -> None:
    """Let one command at a time change a citizen's links."""
    await tx.execute_query(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [f"bills:{citizen_id}"]
    )


async def ensure_link(
    tx: Transaction,
    link_id: UUID,
    citizen_id: UUID,
    kind: UtilityKind,
    account: BillerAccount,
    label: str,
    now: datetime,
) -> UUID:
    """The id of the link to an account, made or renamed now."""
    row = await fetch_one(
        tx,
        """INSERT INTO bills_account_link
             (id, citizen_id, kind, account_no, label, holder_masked, address_masked, linked_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (citizen_id, kind, account_no) DO UPDATE SET label = EXCLUDED.label
           RETURNING id""",
        link_id,
        citizen_id,
        kind.value,
        account.account_no,
        label,
        account.holder_masked[:64],
        account.address_masked[:128],
        now,
    )
    assert row is not None
    found: UUID = row["id"]
    return found


async def delete_link(tx: Transaction, citizen_id: UUID, link_id: UUID) -> bool:
    """Remove a citizen's link and its reminder; False where it is not theirs."""
    gone = await AccountLink.filter(id=link_id, citizen_id=citizen_id).using_db(tx).delete()
    if gone:
        await Reminder.filter(link_id=link_id).using_db(tx).delete()
    return bool(gone)


async def note_bills(
    tx: Transaction, kind: UtilityKind, bills: Sequence[BillerBill], now: datetime
) -> Mapping[str, UUID]:
    """Keep what a biller told of bills; returns their ids by bill number.

    What was told earlier never replaces what was told later.
    """
    rows = await fetch_all(
        tx,
        """INSERT INTO bills_bill AS b
             (id, kind, bill_no, account_no, period, total_fen, status, seen_at)
           SELECT i, $1, n, a, p, t, s, $8
             FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[])
               AS told (i, n, a, p, t, s)
            ORDER BY n
           ON CONFLICT (kind, bill_no) DO UPDATE
              SET total_fen = CASE WHEN b.seen_at <= $8 THEN EXCLUDED.total_fen
                                   ELSE b.total_fen END,
                  status = CASE WHEN b.seen_at <= $8 THEN EXCLUDED.status ELSE b.status END,
                  seen_at = greatest(b.seen_at, $8)
           RETURNING id, bill_no""",
        kind.value,
        [new_id() for _ in bills],
        [bill.bill_no for bill in bills],
        [bill.account_no for bill in bills],
        [bill.period for bill in bills],
        [bill.total_fen for bill in bills],
        [bill.status.value for bill in bills],
        now,
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
        tx, Bill, "status = $2, seen_at = $3 WHERE id = $1", bill_id, status, now
    )
