"""The queue's side of the bank: statements at 9, orders by day."""

from collections.abc import Sequence
from datetime import date, timedelta

from core.clock import civil_date
from core.context.app import App
from core.deadline import Deadline
from core.queue.jobs import Lane, job
from payments.bank import entries, transfers
from payments.bank.models import BankStatement
from payments.bank.upstream import SETTLEMENT_BANK, fetch_statement
from payments.ledger.accounts import BANK
from payments.statements import StatementNotReady

_FETCH_S = 90.0
_LOOKS_BACK = timedelta(days=31)


async def fetch_day(app: App, on: date) -> Sequence[BankStatement]:
    """Fetch and take a day's statement. Raises StatementNotReady, StatementRefused, UpstreamError;
    then nothing was taken."""
    body = await fetch_statement(app, Deadline.after(_FETCH_S), on)
    if body is None:
        raise StatementNotReady(BANK)
    return await entries.take(app, body)


@job("payments.fetch_bank", lane=Lane.BULK, every="40 2 * * *", max_attempts=30, max_delay_s=900)
async def fetch_bank(app: App) -> None:
    """Take every day's statement since the last one, the oldest first; 10:40 in Shanghai."""
    if app.upstreams.find_address(SETTLEMENT_BANK.name) is None:
        return
    yesterday = civil_date(app.clock.now()) - timedelta(days=1)
    last = await BankStatement.all().order_by("-booked_on").first()
    on = max(last.booked_on, yesterday - _LOOKS_BACK) + timedelta(days=1) if last else yesterday
    while on <= yesterday:
        await fetch_day(app, on)
        on += timedelta(days=1)


@job("payments.order_transfers", lane=Lane.BULK, every="0 3-9 * * *")  # 11:00 to 17:00
async def order_transfers(app: App) -> None:
    """Order what is due; each message is sent by a job of its own."""
    if app.upstreams.find_address(SETTLEMENT_BANK.name) is not None:
        await transfers.order_due(app)


@job("payments.send_order", lane=Lane.BULK, max_attempts=30, max_delay_s=900, timeout_s=120)
async def send_order(app: App, order_ref: str) -> None:
    """Send a message of orders; the same one until the bank has answered."""
    await transfers.send(app, order_ref)
