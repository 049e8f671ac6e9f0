"""Daily closing: a day is locked once it is over and every statement of it is compared.

What is found out later about a closed day is posted on the day of the correction. An open case
keeps no day open.
"""

from datetime import date, timedelta

from tortoise.exceptions import IntegrityError

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key
from core.database import connection, fetch_all, transaction, violated
from core.errors import Conflict
from core.queue.jobs import Lane, job
from payments.bank.models import BankStatement
from payments.domain import Side
from payments.ledger import closing
from payments.ledger.models import Closing
from payments.reconciliation import texts
from payments.reconciliation.sources import get_sources

_MISSING = """
SELECT n.name, d.day::date AS day
  FROM unnest($1::text[]) AS n (name),
       generate_series($2::date, $3::date, interval '1 day') AS d (day)
 WHERE NOT EXISTS (SELECT FROM payments_statement s
                    WHERE s.source = n.name AND s.booked_on = d.day::date)
 ORDER BY 2, 1 LIMIT 1
"""


async def close_day(app: App, on: date, *, by: str) -> Closing:
    """Close a day and all before it that are not closed yet.

    Raises Conflict DAY_NOT_OVER, DAY_CLOSED, NOTHING_POSTED (before the ledger's first posting),
    NOT_RECONCILED (a PSP's statement of one of the days is missing, that of shares where there are
    some, or the bank's where it sends any); then nothing was done.
    """
    now = app.clock.now()
    if on >= civil_date(now):
        raise Conflict(texts.DAY_NOT_OVER)
    last = await closing.last_closed()
    if last is not None and on < last:
        raise Conflict(texts.DAY_CLOSED)
    first = last + timedelta(days=1) if last else await closing.first_posted()
    if first is None or (last is None and on < first):
        raise Conflict(texts.NOTHING_POSTED)
    if not await _is_compared(app, min(first, on), on):
        raise Conflict(texts.NOT_RECONCILED)
    try:
        await closing.close(on, at=now, by=by)
    except IntegrityError as error:
        if violated(error) != "payments_closing_once":
            raise
        raise Conflict(texts.DAY_CLOSED) from None
    return await Closing.get(closed_on=on)


async def close_day_by_key(call: Call, on: date, key: str) -> Closing:
    """The same for a clerk, once per key. Raises as `close_day`, and Conflict."""
    by, command = call.require_viewer().user_id, {"day": on.isoformat()}
    async with transaction() as tx:
        claim = await claim_key(call, tx, "closeDay", key, command)
    if claim.replayed:  # closing has transactions of its own: the first may not have got that far
        made = await Closing.get_or_none(closed_on=on, closed_by=by.hex, carried_at__isnull=False)
        if made is not None:
            return made
    return await close_day(call.app, on, by=by.hex)


async def _is_compared(app: App, first: date, last: date) -> bool:
    names = [source.name for source in get_sources(app) if source.side is not Side.PAYEE]
    if await fetch_all(connection(), _MISSING, names, first, last):
        return False
    newest = await BankStatement.all().order_by("-booked_on").first()
    return newest is None or newest.booked_on >= last


@job("payments.close_days", lane=Lane.BULK, every="0 4 * * *", timeout_s=1800)  # noon in Shanghai
async def close_days(app: App) -> None:
    """Close every day up to yesterday that can be, the oldest first. Repeat-safe."""
    today = civil_date(app.clock.now())
    last = await closing.last_closed()
    on = last + timedelta(days=1) if last else await closing.first_posted()
    while on is not None and on < today:
        try:
            await close_day(app, on, by="payments.close_days")
        except Conflict:
            return  # it waits for a statement, and is tried again tomorrow
        on += timedelta(days=1)
