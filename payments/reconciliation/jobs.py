"""The queue's side of reconciliation: yesterday at 10:30, then payouts."""

from datetime import date, timedelta

from core.clock import civil_date
from core.context.app import App
from core.context.sweep import SweepIncomplete
from core.database import transaction
from core.queue.jobs import Lane, job
from payments.reconciliation import claims, service
from payments.reconciliation.sources import get_sources


@job("payments.reconcile", lane=Lane.BULK, every="30 2 * * *")  # 10:30 in Shanghai
async def begin(app: App) -> None:
    """Queue every source's statement of yesterday, each by itself."""
    on = civil_date(app.clock.now() - timedelta(days=1))
    async with transaction() as tx:
        for source in get_sources(app):
            await reconcile_day.enqueue(app, tx, source.name, on, key=f"{source.name}:{on}")


@job("payments.reconcile_day", lane=Lane.BULK, max_attempts=30, max_delay_s=900, timeout_s=1800)
async def reconcile_day(app: App, source: str, on: date) -> None:
    """See payments.reconciliation.service.reconcile; the day's payouts are tried after each."""
    (sender,) = get_sources(app, [source])
    await service.reconcile(app, sender, on)
    async with transaction() as tx:
        await pay_out.enqueue(app, tx, on)


@job("payments.watch_claims", lane=Lane.BULK, every="20 3 * * *")  # 11:20 in Shanghai
async def watch_claims(app: App) -> None:
    """Tell people of claims that no payout has set off for long."""
    await claims.watch(app)


@job("payments.pay_out", lane=Lane.BULK, timeout_s=300)
async def pay_out(app: App, on: date) -> None:
    """Pay out a day, and the days since: what kept it back may have kept them back too."""
    today = civil_date(app.clock.now())
    failed: set[str] = set()
    while on < today:
        _, refused = await service.pay_out_all(app, on)
        failed |= {payee for payee, reason in refused.items() if reason == service.FAILED}
        on += timedelta(days=1)
    if failed:
        raise SweepIncomplete(f"{len(failed)} payees failed")
