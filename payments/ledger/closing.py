"""Closed days in the ledger, and what accounts held on them.

A closed day takes no posting any more: PostgreSQL refuses it. Its balances are carried forward, so
that a later day's are those and what was posted since.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.clock import start_of_day
from core.database import connection, fetch_all, fetch_one, transaction
from payments.ledger.accounts import Account, Side
from payments.ledger.models import Closing
from payments.ledger.store import StatementLine

_BALANCES = """
SELECT coalesce(b.code, e.code) AS code,
       coalesce(b.debit_fen, 0) AS debit_before, coalesce(b.credit_fen, 0) AS credit_before,
       coalesce(e.debit_fen, 0) AS debit_after, coalesce(e.credit_fen, 0) AS credit_after
  FROM payments_totals($1::date) b FULL JOIN payments_totals($2::date) e ON e.code = b.code
 ORDER BY 1
"""

_OPENING = """
SELECT coalesce(sum(CASE e.side WHEN 'D' THEN e.amount_fen ELSE -e.amount_fen END), 0)::bigint
         AS fen
  FROM payments_account a JOIN payments_entry e ON e.account_id = a.id
  JOIN payments_journal j ON j.id = e.journal_id
 WHERE a.code = $1 AND j.posted_at < $2
"""

_LINES = """
SELECT j.posted_at, j.key, e.side, e.amount_fen
  FROM payments_account a JOIN payments_entry e ON e.account_id = a.id
  JOIN payments_journal j ON j.id = e.journal_id
 WHERE a.code = $1 AND j.posted_at >= $2 AND j.posted_at < $3
 ORDER BY j.posted_at, e.id LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class PeriodBalance:
    """An account over some days, in fen: what it held before, what was posted, what it held then.

    Payers, one account a citizen, are one line. Balances stand on the account's normal side.
    """

    code: str
    opening_fen: int
    debit_fen: int
    credit_fen: int

    @property
    def normal(self) -> Side:
        """The side on which its balances stand."""
        return Account(self.code).normal

    @property
    def closing_fen(self) -> int:
        """What it held at the end."""
        moved = self.debit_fen - self.credit_fen
        return self.opening_fen + (moved if self.normal is Side.DEBIT else -moved)


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """An account's postings of some days, and what it held before and after them."""

    code: str
    opening_fen: int
    lines: Sequence[StatementLine]

    @property
    def closing_fen(self) -> int:
        """What it held at the end."""
        return self.opening_fen + sum(self.signed_fen(line) for line in self.lines)

    def signed_fen(self, line: StatementLine) -> int:
        """A line's amount, above zero where it adds to the balance."""
        return line.amount_fen if line.side is Account(self.code).normal else -line.amount_fen


async def close(on: date, *, at: datetime, by: str) -> None:
    """Lock a day and all before it, and carry its balances forward.

    Transactions of their own: the lock keeps postings waiting, the sums need not. A day that is
    locked and not carried is carried by the next call, whichever day that closes. Raises
    IntegrityError `payments_closing_over` for a day that is not over at `at`,
    `payments_closing_first` for one before the first posting, `payments_closing_once` for one that
    is carried already.
    """
    if not await Closing.filter(closed_on=on, carried_at__isnull=True).exists():
        async with transaction() as tx:
            await tx.execute_query(
                "SELECT payments_close_day($1::date, $2::timestamptz, $3)", [on, at, by[:64]]
            )
    for locked in await Closing.filter(carried_at__isnull=True).order_by("closed_on"):
        async with transaction() as tx:
            await tx.execute_query("SET LOCAL statement_timeout = '600s'")
            await tx.execute_query(
                "SELECT payments_carry_forward($1::date, $2::timestamptz)", [locked.closed_on, at]
            )


async def last_closed() -> date | None:
    """The last closed day; None where none is."""
    row = await fetch_one(connection(), "SELECT max(closed_on) AS day FROM payments_closing")
    return row["day"] if row else None


async def first_posted() -> date | None:
    """The day of the first posting; None in an empty ledger."""
    row = await fetch_one(
        connection(), "SELECT payments_day(min(posted_at)) AS day FROM payments_journal"
    )
    return row["day"] if row else None


async def list_closings(limit: int = 100) -> Sequence[Closing]:
    """The closed days, the last first."""
    return await Closing.all().order_by("-closed_on").limit(limit)


async def list_balances(first: date, last: date) -> Sequence[PeriodBalance]:
    """Every account over some days, both included."""
    rows = await fetch_all(connection(), _BALANCES, first - timedelta(days=1), last)
    return [_balance(row) for row in rows]


def _balance(row: dict[str, int | str]) -> PeriodBalance:
    code = str(row["code"])
    before = int(row["debit_before"]) - int(row["credit_before"])
    return PeriodBalance(
        code,
        before if Account(code).normal is Side.DEBIT else -before,
        int(row["debit_after"]) - int(row["debit_before"]),
        int(row["credit_after"]) - int(row["credit_before"]),
    )


async def read_statement(code: str, first: date, last: date, limit: int) -> AccountStatement:
    """An account's postings of some days, oldest first, at most `limit` of them."""
    begins_at, ends_at = start_of_day(first), start_of_day(last + timedelta(days=1))
    opening = await fetch_one(connection(), _OPENING, code, begins_at)
    rows = await fetch_all(connection(), _LINES, code, begins_at, ends_at, limit)
    fen = int(opening["fen"]) if opening else 0
    return AccountStatement(
        code,
        fen if Account(code).normal is Side.DEBIT else -fen,
        [
            StatementLine(row["posted_at"], row["key"], Side(row["side"]), row["amount_fen"])
            for row in rows
        ],
    )
