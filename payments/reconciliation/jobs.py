"""The queue's side of reconciliation: yesterday at 10:30, then payouts."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from core.clock import civil_date
from core.context.app import App
from core.context.sweep import SweepIncomplete
from core.database import transaction
from payments.reconciliation import service
from payments.reconciliation.sources import get_sources

RECONCILE_DAY = "payments.reconcile_day"


async def begin(app: App, _payload: Mapping[str, Any]) -> None:
    """Queue every source's statement of yesterday, each by itself."""
    on = civil_date(app.clock.now() - timedelta(days=1)).isoformat()
    async with transaction() as tx:
        for source in get_sources(app):
            payload = {"source": source.name, "on": on}
            await app.queue.enqueue(tx, RECONCILE_DAY, payload, key=f"{source.name}:{on}")


async def reconcile_day(app: App, payload: Mapping[str, Any]) -> None:
    """See payments.reconciliation.service.reconcile; the day's payouts are tried after each."""
    (source,) = get_sources(app, [payload["source"]])
    await service.reconcile(app, source, date.fromisoformat(payload["on"]))
    async with transaction() as tx:
        await app.queue.enqueue(tx, service.PAY_OUT, {"on": payload["on"]}, key=payload["on"])


async def pay_out(app: App, payload: Mapping[str, Any]) -> None:
    """Pay out a day, and the days since: what kept it back may have kept them back too."""
    on, today = date.fromisoformat(payload["on"]), civil_date(app.clock.now())
    failed: set[str] = set()
    while on < today:
        _, refused = await service.pay_out_all(app, on)
        failed |= {payee for payee, reason in refused.items() if reason == service.FAILED}
        on += timedelta(days=1)
    if failed:
        raise SweepIncomplete(f"{len(failed)} payees failed")


async def refute(app: App, payload: Mapping[str, Any]) -> None:
    """See payments.reconciliation.service.refute."""
    await service.refute(app, payload["case_id"])
