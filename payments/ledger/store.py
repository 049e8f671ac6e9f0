"""Every statement of the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from core.context.app import App
from core.database import Transaction, connection, fetch_all, fetch_one
from core.ids import new_id
from core.queue.jobs import JobKind
from payments.ledger.accounts import Account, Side
from payments.ledger.postings import Posting

EXPIRE_HOLD = JobKind[UUID]("payments.expire_hold")
"""payments.jobs, which imports this file."""


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """The totals of an account in fen. `held_fen` is set aside and not free."""

    code: str
    normal: Side
    debit_fen: int
    credit_fen: int
    held_fen: int

    @property
    def balance_fen(self) -> int:
        """The balance on the account's normal side, holds included."""
        difference = self.debit_fen - self.credit_fen
        return difference if self.normal is Side.DEBIT else -difference


async def post(tx: Transaction, posting: Posting, at: datetime) -> UUID:
    """Write a journal transaction, its entries and the balances; returns its id.

    Not repeat-safe by itself: a second posting of one key breaks the unique key
    `payments_journal_key_key`, a guarded account below zero `payments_balance_guard`. Both raise
    IntegrityError and spoil `tx`. One statement: one trip to the database. A posting that nothing
    else belongs to takes `core.database.connection()` for `tx` and is a transaction of its own.
    """
    journal_id, legs = new_id(), posting.legs
    await tx.execute_query(
        """SELECT payments_post($1::uuid, $2, $3, $4::uuid, $5::timestamptz, $6::text[], $7::text[],
                                $8::bigint[])""",
        [
            journal_id,
            posting.kind,
            posting.key,
            posting.intent_id,
            at,
            [leg.account.code for leg in legs],
            [leg.side.value for leg in legs],
            [leg.amount_fen for leg in legs],
        ],
    )
    return journal_id


async def hold(
    app: App,
    tx: Transaction,
    account: Account,
    amount_fen: int,
    *,
    key: str,
    life: timedelta | None = None,
    at: datetime | None = None,
) -> UUID:
    """Set an amount of a guarded, unsharded account aside; returns the hold's id.

    It is made `at` the moment of what it is for, now unless given, and is free again `life` after
    that unless it is ended before. Raises IntegrityError where less is free
    (`payments_balance_guard`), where the account has no entry yet, or the key is taken.
    """
    hold_id, now = new_id(), at or app.clock.now()
    await tx.execute_query(
        "SELECT payments_set_aside($1::uuid, $2, $3, $4::bigint, $5::timestamptz, $6)",
        [hold_id, key, account.code, amount_fen, now, now + life if life else None],
    )
    if life is not None:
        await EXPIRE_HOLD.enqueue(app, tx, hold_id, after=life)
    return hold_id


async def post_hold(
    tx: Transaction, hold_id: UUID, posting: Posting, amount_fen: int, at: datetime
) -> bool:
    """End a pending hold and post; what was held above `amount_fen` is free again.

    False, and nothing done, where the hold is not pending any more. Raises IntegrityError for an
    amount above the hold.
    """
    if not await _end_hold(tx, hold_id, "posted", posted_fen=amount_fen):
        return False
    await post(tx, posting, at)
    return True


async def void_hold(tx: Transaction, hold_id: UUID) -> bool:
    """Give a pending hold's amount back. False where it is not pending any more."""
    return await _end_hold(tx, hold_id, "voided")


async def expire_hold(tx: Transaction, hold_id: UUID, now: datetime) -> bool:
    """End a pending hold whose time is over. False where there is nothing to end."""
    return await _end_hold(tx, hold_id, "expired", expired_by=now)


async def get_balance(account: Account) -> AccountBalance:
    """The balance of an account; zero where it has no entry yet. Sums shards, never history."""
    row = await fetch_one(
        connection(),
        """SELECT sum(b.debit_fen)::bigint AS debit_fen, sum(b.credit_fen)::bigint AS credit_fen,
                  sum(b.held_fen)::bigint AS held_fen
             FROM payments_account a JOIN payments_balance b ON b.account_id = a.id
            WHERE a.code = $1""",
        account.code,
    )
    row = row or {}
    return AccountBalance(
        account.code,
        account.normal,
        row.get("debit_fen") or 0,
        row.get("credit_fen") or 0,
        row.get("held_fen") or 0,
    )


async def trial_balance() -> Sequence[AccountBalance]:
    """The totals of every account; the payers' accounts, one a citizen, are one line."""
    rows = await fetch_all(
        connection(),
        """SELECT CASE WHEN a.code LIKE 'payer:%' THEN 'payer:*' ELSE a.code END AS code,
                  min(a.normal) AS normal, sum(b.debit_fen)::bigint AS debit_fen,
                  sum(b.credit_fen)::bigint AS credit_fen, sum(b.held_fen)::bigint AS held_fen
             FROM payments_account a JOIN payments_balance b ON b.account_id = a.id
            GROUP BY 1 ORDER BY 1""",
    )
    return [
        AccountBalance(
            row["code"], Side(row["normal"]), row["debit_fen"], row["credit_fen"], row["held_fen"]
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One entry of an account's statement."""

    posted_at: datetime
    key: str
    side: Side
    amount_fen: int


async def list_statement(code: str, last: int) -> Sequence[StatementLine]:
    """The last entries of an account, oldest first; empty for an unknown account."""
    rows = await fetch_all(
        connection(),
        """SELECT j.posted_at, j.key, e.side, e.amount_fen
             FROM payments_account a JOIN payments_entry e ON e.account_id = a.id
             JOIN payments_journal j ON j.id = e.journal_id
            WHERE a.code = $1 ORDER BY e.id DESC LIMIT $2""",
        code,
        last,
    )
    return [
        StatementLine(row["posted_at"], row["key"], Side(row["side"]), row["amount_fen"])
        for row in reversed(rows)
    ]


async def _end_hold(
    tx: Transaction,
    hold_id: UUID,
    state: str,
    *,
    posted_fen: int = 0,
    expired_by: datetime | None = None,
) -> bool:
    row = await fetch_one(
        tx,
        "SELECT payments_end_hold($1::uuid, $2, $3::bigint, $4::timestamptz) AS ended",
        hold_id,
        state,
        posted_fen,
        expired_by,
    )
    assert row is not None
    return bool(row["ended"])
