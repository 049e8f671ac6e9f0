"""What a PSP keeps for its work, posted by its statement: once a day, and again what changes it.

A fee that is not as agreed is a case of its own; what of it is above or below is posted when that
case is closed, so it is no part of this.
"""

from datetime import date

from core.context.app import App
from core.database import fetch_one, lock_name, transaction
from payments.ledger import store as ledger
from payments.ledger.accounts import cost_of, psp_receivable
from payments.ledger.postings import Posting, transfer

_DUE = """
SELECT s.their_fee_fen - (
         SELECT coalesce(sum(c.their_fen - c.our_fen), 0) FROM payments_case c
          WHERE c.source = s.source AND c.booked_on = s.booked_on AND c.kind = 'fee'
            AND c.state <> 'cleared')::bigint - (
         SELECT coalesce(sum(CASE e.side WHEN 'D' THEN e.amount_fen ELSE -e.amount_fen END), 0)
           FROM payments_journal j JOIN payments_entry e ON e.journal_id = j.id
           JOIN payments_account a ON a.id = e.account_id AND a.code = $3
          WHERE j.key IN (SELECT $4 || n FROM generate_series(1, 99) n))::bigint AS fen,
       (SELECT count(*) FROM payments_journal j
         WHERE j.key IN (SELECT $4 || n FROM generate_series(1, 99) n))::int AS times
  FROM payments_statement s WHERE s.source = $1 AND s.booked_on = $2
"""


async def post_fees(app: App, psp: str, on: date) -> int:
    """Post what a compared day's fees come to beyond what was posted of them; returns that in fen.

    Repeat-safe. Zero, and nothing done, for a day that is not compared.
    """
    key, cost = f"fee:{psp}:{on}:", cost_of(psp)
    async with transaction() as tx:
        await lock_name(tx, f"payments.fee:{psp}")
        row = await fetch_one(tx, _DUE, psp, on, cost.code, key)
        fen = int(row["fen"]) if row is not None else 0
        if row is None or fen == 0:
            return 0
        kept = psp_receivable(psp)
        debit, credit = (cost, kept) if fen > 0 else (kept, cost)
        legs = transfer(debit=debit, credit=credit, amount_fen=abs(fen))
        posting = Posting("fee", f"{key}{row['times'] + 1}", legs)
        await ledger.post(tx, posting, app.clock.now())
    return fen
