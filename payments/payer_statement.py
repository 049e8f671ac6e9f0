"""A person's statement of payments: what they paid and what came back, by dates, from the ledger.

Each line is a posting to the person's own account, so the totals are the ledger's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from core.clock import start_of_day
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all
from core.errors import InvalidInput, NotFound
from core.people.mandates import find_mandate
from core.people.merged_accounts import list_accounts
from core.refusal_texts import NOT_FOUND
from payments import texts
from payments.ledger.accounts import payer_funds
from payments.payable import PAYABLES

DAYS_MAX = 366
LINES_MAX = 1_000

_MOVEMENTS = """
SELECT j.posted_at AS at, j.kind = 'refund' AS is_refund, e.amount_fen, i.title_zh, i.title_en,
       coalesce(regexp_replace(r.psp_ref, '^portal:', ''), l.psp_ref, i.psp_ref, '') AS ref
  FROM payments_entry e JOIN payments_account a ON a.id = e.account_id
  JOIN payments_journal j ON j.id = e.journal_id AND j.kind IN ('settle', 'refund')
  JOIN payments_intent i ON i.id = j.intent_id
  LEFT JOIN payments_left_order l ON l.intent_id = i.id AND j.key = 'settle:' || l.id
  LEFT JOIN payments_refund r ON r.intent_id = i.id AND j.key = 'refund:' || r.id
 WHERE a.code = ANY($1::text[]) AND j.posted_at >= $2 AND j.posted_at < $3
   AND ($4::text[] IS NULL OR i.kind = ANY($4))
 ORDER BY j.posted_at, j.id LIMIT $5
"""


@dataclass(frozen=True, slots=True)
class Movement:
    """One payment, or one refund, when it was booked; `ref` is the PSP's number of it."""

    at: datetime
    is_refund: bool
    amount_fen: int
    title_zh: str
    title_en: str
    ref: str


@dataclass(frozen=True, slots=True)
class PayerStatement:
    """What a person paid from the first to the last day, both included."""

    person_id: UUID
    first_on: date
    last_on: date
    movements: Sequence[Movement]

    @property
    def paid_fen(self) -> int:
        """What was paid."""
        return sum(m.amount_fen for m in self.movements if not m.is_refund)

    @property
    def refunded_fen(self) -> int:
        """What came back."""
        return sum(m.amount_fen for m in self.movements if m.is_refund)


async def read(
    call: Call, first_on: date, last_on: date, *, subject_id: UUID | None = None
) -> PayerStatement:
    """The statement of the viewer, or of somebody for whom the viewer acts.

    A guardian sees all of the child's payments, a proxy those of the services that the elder has
    confirmed. Raises LoginRequired, NotFound without such a mandate, InvalidInput PERIOD_INVALID
    or PERIOD_TOO_LONG.
    """
    viewer_id = call.require_viewer().user_id
    person_id = subject_id or viewer_id
    kinds = None if person_id == viewer_id else await _kinds_for(call.app, viewer_id, person_id)
    if not timedelta(0) <= last_on - first_on < timedelta(days=DAYS_MAX):
        raise InvalidInput(texts.PERIOD_INVALID)
    rows = await fetch_all(
        connection(),
        _MOVEMENTS,
        [payer_funds(account).code for account in await list_accounts(person_id)],
        start_of_day(first_on),
        start_of_day(last_on + timedelta(days=1)),
        kinds,
        LINES_MAX + 1,
    )
    if len(rows) > LINES_MAX:
        raise InvalidInput(texts.PERIOD_TOO_LONG)
    return PayerStatement(person_id, first_on, last_on, [Movement(**row) for row in rows])


async def _kinds_for(app: App, actor_id: UUID, subject_id: UUID) -> list[str] | None:
    """The kinds of payment that a mandate reaches; None for all. Raises NotFound for none."""
    mandate = await find_mandate(app, actor_id, subject_id)
    if mandate is None:
        raise NotFound(NOT_FOUND)
    if mandate.services is None:
        return None
    kinds = [p.kind for p in app.extensions(PAYABLES) if mandate.covers(p.service)]
    if not kinds:
        raise NotFound(NOT_FOUND)
    return kinds
