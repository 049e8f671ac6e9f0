"""What payments tell operators in figures."""

from datetime import date, timedelta

from core.clock import civil_date
from core.context.app import App
from payments import saga
from payments.reconciliation.gauges import oldest_unfulfilled, open_refunds, unreconciled_days
from payments.reconciliation.models import Statement
from tests.payments.world import World


async def _statement(source: str, on: date) -> None:
    zeros = dict.fromkeys(
        ("lines", "matched", "awaited", "their_paid_fen", "their_refunded_fen", "their_fee_fen"), 0
    )
    await Statement.create(
        source=source,
        booked_on=on,
        our_paid_fen=0,
        our_refunded_fen=0,
        hours=[],
        reconciled_at="2026-11-23T00:00:00Z",
        duration_ms=1,
        **zeros,
    )


async def test_days_without_a_statement_are_counted(app: App) -> None:
    assert set((await unreconciled_days(app)).values()) == {0}
    today = civil_date(app.clock.now())
    for ago in (10, 9, 6, 1):
        await _statement("wechatpay", today - timedelta(days=ago))
    days = await unreconciled_days(app)
    assert days["wechatpay"] == 10 - 4
    assert days["electricity"] == 10  # none at all, while others were compared
    await _statement("wechatpay", today - timedelta(days=400))
    assert (await unreconciled_days(app))["wechatpay"] == 90 - 4  # no further back than PSPs keep


async def test_open_refunds_are_counted_by_psp(world: World) -> None:
    app, call = world.app, await world.citizen()
    assert await open_refunds(app) == {}
    bill_id = await world.bill(call)
    world.billers.refuses[next(iter(world.billers.bills))] = "BILL_WITHDRAWN"
    intent_id = await world.start(call, bill_id)
    world.psp.pay(intent_id)
    await world.call_back()
    await saga.fulfil(app, intent_id)
    assert await open_refunds(app) == {"wechatpay": 1}
    await world.queue.run_for(timedelta(days=1))
    assert await open_refunds(app) == {}


async def test_the_oldest_payment_that_is_not_passed_on_is_told_by_payee(world: World) -> None:
    app, call = world.app, await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    assert await oldest_unfulfilled(app) == {}
    world.billers.faults.always = "down"
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_for(timedelta(hours=2))
    assert await oldest_unfulfilled(app) == {"water": 7200}
    world.billers.faults.always = "ok"
    await world.queue.run_for(timedelta(hours=1))
    assert await oldest_unfulfilled(app) == {}
