"""Claims on payees by age; one that no later payout has set off for long is a case for people.

What comes in sets off the oldest part first, as a payout does. The case is closed by a write-off
under four eyes, or by itself once the claim is paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction, connection, fetch_all, transaction
from payments.events import Oddity, OddityFound
from payments.ledger import store as ledger
from payments.ledger.accounts import payee_claim
from payments.ledger.payee_turns import lock_payouts
from payments.reconciliation import cases
from payments.reconciliation.domain import UNSETTLED
from payments.reconciliation.models import Case

BOUNDS = (30, 60, 90)
"""Days of age at which a part of a claim is another class."""
OVERDUE = timedelta(days=BOUNDS[-1])
"""A payee that has not been paid anything since then may have nothing to come any more."""

_BY_AGE = """
SELECT substr(a.code, 7) AS payee,
       coalesce(sum(e.amount_fen) FILTER (WHERE e.side = 'C'), 0)::bigint AS paid_fen,
       ARRAY(SELECT coalesce(sum(d.amount_fen), 0)::bigint
               FROM unnest($1::timestamptz[]) WITH ORDINALITY AS b (before, n)
               LEFT JOIN (payments_entry d JOIN payments_journal k ON k.id = d.journal_id)
                 ON d.account_id = a.id AND d.side = 'D' AND k.posted_at < b.before
              GROUP BY n ORDER BY n) AS owed_fen
  FROM payments_account a JOIN payments_entry e ON e.account_id = a.id
 WHERE a.code LIKE 'claim:%' AND ($2::text IS NULL OR a.code = $2)
 GROUP BY a.id, a.code ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a payee owes us, and how much of that for longer than each of BOUNDS, in fen."""

    payee: str
    total_fen: int
    older_fen: Sequence[int]

    @property
    def overdue_fen(self) -> int:
        """What is older than the last of BOUNDS."""
        return self.older_fen[-1]


async def list_claims(
    now: datetime, payee: str | None = None, tx: Transaction | None = None
) -> list[Claim]:
    """All claims that are not paid, or one payee's."""
    moments = [now + timedelta(microseconds=1), *(now - timedelta(days=days) for days in BOUNDS)]
    code = None if payee is None else payee_claim(payee).code
    found = []
    for row in await fetch_all(tx or connection(), _BY_AGE, moments, code):
        left = [max(0, owed_fen - row["paid_fen"]) for owed_fen in row["owed_fen"]]
        if left[0]:
            found.append(Claim(row["payee"], left[0], left[1:]))
    return found


async def watch(app: App) -> None:
    """Open a case of each claim that is overdue, and clear those of claims that are not any more.

    Repeat-safe: a payee has one such case at a time.
    """
    now = app.clock.now()
    overdue = {claim.payee for claim in await list_claims(now) if claim.overdue_fen}
    open_ = await Case.filter(kind=Oddity.CLAIM_OVERDUE, state__in=UNSETTLED)
    for payee in sorted(overdue | {case.source for case in open_}):
        async with transaction() as tx:
            await lock_payouts(tx, payee)
            await _watch(app, tx, payee, now)


async def _watch(app: App, tx: Transaction, payee: str, now: datetime) -> None:
    fen = sum(claim.overdue_fen for claim in await list_claims(now, payee, tx))
    case = (
        await Case.filter(kind=Oddity.CLAIM_OVERDUE, source=payee, state__in=UNSETTLED)
        .using_db(tx)
        .first()
    )
    if case is not None and fen == 0:
        note = "the claim is paid"
        await cases.step(tx, case.id, "vanish", actor=cases.SYSTEM, note=note, now=now)
    elif case is None and fen:
        found = OddityFound(
            oddity=Oddity.CLAIM_OVERDUE,
            source=payee,
            intent_id=None,
            payee=payee,
            ref=payee_claim(payee).code,
            their_ref=None,
            our_fen=fen,
            their_fen=None,
            found_on=civil_date(now),
        )
        await cases.open_oddity(tx, found, now)


async def left_of(tx: Transaction, case: Case) -> int:
    """What of an overdue claim's case is still owed; payouts to the payee wait until `tx` ends."""
    await lock_payouts(tx, case.source)
    balance = await ledger.get_balance(payee_claim(case.source))
    return min(case.our_fen or 0, balance.balance_fen)
