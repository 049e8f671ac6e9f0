"""A payment's life in the fake city: the plain path and every way it can go astray."""

from datetime import timedelta

import pytest

from core.database import connection, fetch_all, transaction
from core.errors import Conflict
from payments import jobs, saga, settlement, share_returns
from payments.domain import STATUS, PaymentStatus
from payments.ledger.accounts import BANK, suspense_of
from payments.models import Intent, Refund
from payments.psp.port import RefundState, RefundView
from tests.payments.books import check_books, check_ended
from tests.payments.world import World

HOUR = timedelta(hours=1)
DAY = timedelta(hours=26)
"""After a day even what ended unpaid is looked at no more."""


async def _messages() -> list[str]:
    sql = "SELECT template FROM notifications_message ORDER BY position"
    rows = await fetch_all(connection(), sql)
    return [row["template"] for row in rows]


async def test_paid_settled_written_off_and_told_once(world: World) -> None:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    intent = await world.intent(intent_id)
    assert intent.state == "awaiting" and intent.cashier_url
    assert world.psp.pay(intent_id)
    assert await world.call_back() == ["captured"]
    await world.queue.run_due()
    intent = await world.intent(intent_id)
    assert (intent.state, intent.fulfilment_ref) == ("fulfilled", "WO000000")
    await world.queue.run_for(HOUR)
    assert await _messages() == ["bills.paid"]
    await check_ended(world)


async def test_a_hundred_duplicates_have_one_effect(world: World) -> None:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    world.psp.pay(intent_id)
    headers, body = world.psp.callbacks.pop()
    outcomes = [await world.deliver(*world.psp.signed(body)) for _ in range(100)]
    assert outcomes == ["captured"] + ["known"] * 99
    assert await world.deliver(headers, body) == "known"
    assert await world.deliver(headers, body) == "replay"
    await world.queue.run_for(HOUR)
    assert len(world.billers.write_offs) == 1
    await check_ended(world)


async def test_a_payment_whose_callback_never_comes_is_found_by_asking(world: World) -> None:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    world.psp.pay(intent_id)
    world.psp.callbacks.clear()
    await world.queue.run_for(timedelta(seconds=6))
    assert (await world.intent(intent_id)).state == "fulfilled"
    await check_ended(world)


async def test_a_lost_order_reply_is_never_shown_as_failed(world: World) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    world.psp.faults.always = "lost"
    intent_id = await world.start(call, bill_id)
    assert (await world.intent(intent_id)).state == "order_unknown"
    assert STATUS["order_unknown"] is PaymentStatus.PREPARING
    await world.queue.run_for(timedelta(seconds=30))
    assert (await world.intent(intent_id)).state == "order_unknown"
    world.psp.faults.always = "ok"
    await world.queue.run_for(timedelta(minutes=3))
    assert (await world.intent(intent_id)).state == "awaiting"
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_for(HOUR)
    await check_ended(world)


async def test_an_expired_payment_leaves_the_bill_payable(world: World) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    first = await world.start(call, bill_id)
    assert await world.start(call, bill_id) == first
    await world.queue.run_for(timedelta(minutes=16))
    assert (await world.intent(first)).state == "expired"
    second = await world.start(call, bill_id)
    assert second != first
    world.psp.pay(second)
    await world.call_back()
    await world.queue.run_for(DAY)
    assert (await world.intent(second)).state == "fulfilled"
    await check_ended(world)


async def test_an_order_that_the_psp_refuses_ends_at_once(world: World) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    world.psp.refuses_orders = True
    intent_id = await world.start(call, bill_id)
    intent = await world.intent(intent_id)
    assert (intent.state, intent.refusal) == ("rejected", "PSP_REFUSED")
    world.psp.refuses_orders = False
    assert await world.start(call, bill_id) != intent_id
    await world.queue.run_for(DAY)
    await check_ended(world)


async def test_an_order_refused_because_it_is_paid_already_is_paid(world: World) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    world.psp.faults.queued.append("lost")
    intent_id = await world.start(call, bill_id)
    world.psp.pay(intent_id)
    world.psp.callbacks.clear()
    await world.queue.run_for(timedelta(seconds=6))
    assert (await world.intent(intent_id)).state == "fulfilled"
    await world.queue.run_for(DAY)
    await check_ended(world)


async def test_an_unpaid_intent_expires_and_is_closed_at_the_psp(world: World) -> None:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    await world.queue.run_for(timedelta(minutes=14, seconds=59))
    assert (await world.intent(intent_id)).state == "awaiting"
    await world.queue.run_for(timedelta(seconds=2))
    assert (await world.intent(intent_id)).state == "expired"
    assert not world.psp.pay(intent_id)
    await world.queue.run_for(DAY)
    await check_ended(world)


async def test_closing_waits_for_the_psp(world: World) -> None:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    world.psp.faults.always = "down"
    await world.queue.run_for(timedelta(minutes=30))
    assert (await world.intent(intent_id)).state == "closing"
    world.psp.force_paid(intent_id)
    world.psp.callbacks.clear()
    world.psp.faults.always = "ok"
    await world.queue.run_for(timedelta(minutes=11))
    assert (await world.intent(intent_id)).state == "fulfilled"
    await check_ended(world)


async def test_a_late_payment_goes_back_by_itself(world: World) -> None:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    await world.queue.run_for(timedelta(minutes=16))
    world.psp.force_paid(intent_id)
    assert await world.call_back() == ["late"]
    intent = await world.intent(intent_id)
    assert (intent.state, intent.refusal) == ("refunding", "LATE_PAYMENT")
    await check_books(world)
    await world.queue.run_for(HOUR)
    assert (await world.intent(intent_id)).state == "refunded"
    assert await _messages() == ["bills.refused", "bills.refunded"]
    assert world.billers.write_offs == {}
    await check_ended(world)


@pytest.mark.parametrize("after", [timedelta(minutes=5), timedelta(hours=20)])
async def test_a_late_payment_whose_callback_is_lost_goes_back_too(
    world: World, after: timedelta
) -> None:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    await world.queue.run_for(timedelta(minutes=16) + after)
    world.psp.force_paid(intent_id)
    world.psp.callbacks.clear()
    await world.queue.run_for(DAY)
    assert (await world.intent(intent_id)).state == "refunded"
    await check_ended(world)


@pytest.mark.parametrize("code", ["BILL_WITHDRAWN", "ALREADY_PAID", "AMOUNT_MISMATCH"])
async def test_a_refused_write_off_is_refunded_in_full(world: World, code: str) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    world.billers.refuses[next(iter(world.billers.bills))] = code
    intent_id = await world.start(call, bill_id)
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_for(HOUR)
    intent = await world.intent(intent_id)
    assert (intent.state, intent.refusal, intent.refunded_fen) == ("refunded", code, 3360)
    assert await _messages() == ["bills.refused", "bills.refunded"]
    await check_ended(world)


async def test_a_lost_write_off_is_asked_for_and_not_repeated(world: World) -> None:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    world.psp.pay(intent_id)
    await world.call_back()
    world.billers.faults.queued.append("lost")
    await world.queue.run_due()
    intent = await world.intent(intent_id)
    assert intent.state == "fulfilment_unknown"
    assert STATUS[intent.state] is PaymentStatus.PROCESSING
    await check_books(world)
    await world.queue.run_for(timedelta(seconds=6))
    assert (await world.intent(intent_id)).state == "fulfilled"
    assert len(world.billers.write_offs) == 1
    await world.queue.run_for(HOUR)
    assert await _messages() == ["bills.paid"]
    await check_ended(world)


async def test_a_biller_down_for_a_day_gives_the_money_back(world: World) -> None:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    world.psp.pay(intent_id)
    await world.call_back()
    # asking fails as well, so that nothing is known: the money stays
    world.billers.faults.always = "down"
    await world.queue.run_for(timedelta(hours=25))
    assert (await world.intent(intent_id)).state == "fulfilment_unknown"
    await check_books(world)
    # now asking works and the write-off does not: certainly not booked
    for _ in range(10):
        world.billers.faults.queued.extend(["ok", "down"])
    await world.queue.run_for(timedelta(minutes=11))
    world.billers.faults.always = "ok"
    await world.queue.run_for(HOUR)
    intent = await world.intent(intent_id)
    assert (intent.state, intent.refusal) == ("refunded", "PAYEE_UNAVAILABLE")
    await check_ended(world)


async def test_a_lost_refund_reply_refunds_once(world: World) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    world.billers.refuses[next(iter(world.billers.bills))] = "BILL_WITHDRAWN"
    intent_id = await world.start(call, bill_id)
    world.psp.pay(intent_id)
    await world.call_back()
    world.psp.faults.queued.extend(["lost", "lost", "down"])
    await world.queue.run_for(HOUR)
    assert (await world.intent(intent_id)).state == "refunded"
    assert len(world.psp.refunds) == 1
    await check_ended(world)


async def test_a_slow_refund_ends_with_its_callback(world: World) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    world.billers.refuses[next(iter(world.billers.bills))] = "BILL_WITHDRAWN"
    world.psp.slow_refunds = True
    intent_id = await world.start(call, bill_id)
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_for(timedelta(seconds=2))
    (refund,) = await Refund.all()
    assert refund.state == "processing"
    world.psp.finish_refund(refund.id)
    assert await world.call_back() == ["refund"]
    assert (await world.intent(intent_id)).state == "refunded"
    await world.queue.run_for(HOUR)
    assert await _messages() == ["bills.refused", "bills.refunded"]
    await check_ended(world)


async def test_a_refund_the_psp_refuses_stands_among_the_dead_and_can_be_rerun(
    world: World,
) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    world.billers.refuses[next(iter(world.billers.bills))] = "BILL_WITHDRAWN"
    world.psp.refuses_refunds = True
    intent_id = await world.start(call, bill_id)
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_for(HOUR)
    assert world.queue.dead == ["payments.refund"]
    intent = await world.intent(intent_id)
    assert (intent.state, intent.refunding_fen) == ("refunding", 3360)
    await check_books(world)
    world.psp.refuses_refunds = False
    (refund,) = await Refund.all()
    await saga.refund(world.app, refund.id)
    assert (await world.intent(intent_id)).state == "refunded"
    await world.queue.run_for(HOUR)
    await check_ended(world)


async def test_a_refund_that_is_paid_meanwhile_is_not_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was paid from the bank between two looks of the job, and then by the PSP as well."""
    call = await world.citizen()
    bill_id = await world.bill(call)
    world.billers.refuses[next(iter(world.billers.bills))] = "BILL_WITHDRAWN"
    world.psp.refuses_refunds = True
    intent_id = await world.start(call, bill_id)
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_for(HOUR)
    world.psp.refuses_refunds = False
    (refund,) = await Refund.all()
    attempts = refund.attempts

    async def pay_meanwhile(*_: object) -> bool:
        async with transaction() as tx:
            view = RefundView(refund.id, RefundState.SUCCEEDED, "bank:1")
            account = suspense_of(BANK)
            await settlement.apply_refund(world.app, tx, refund.psp, view, paid_from=account)
        return False

    monkeypatch.setattr(share_returns, "keeps_waiting", pay_meanwhile)
    await saga.refund(world.app, refund.id)
    assert world.psp.refunds == {}
    refund = await Refund.get()
    assert (refund.state, refund.attempts, refund.psp_ref) == ("succeeded", attempts, "bank:1")
    assert (await world.intent(intent_id)).state == "refunded"


async def test_what_nobody_looked_at_is_swept_up(world: World) -> None:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    world.psp.pay(intent_id)
    world.psp.callbacks.clear()
    await connection().execute_query("DELETE FROM pgqueuer")
    world.clock.move(timedelta(minutes=2))
    await jobs.sweep(world.app)
    await world.queue.run_due()
    assert (await world.intent(intent_id)).state == "fulfilled"
    await check_ended(world)


async def test_a_write_off_that_comes_before_its_time_waits_for_it(world: World) -> None:
    """As where the host that took the callback thought it later: no sweep is needed."""
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    world.psp.pay(intent_id)
    await world.call_back()
    await Intent.filter(id=intent_id).update(due_at=world.clock.now() + timedelta(seconds=8))
    await world.queue.run_due()
    assert (await world.intent(intent_id)).state == "paid"
    assert not world.billers.write_offs
    await world.queue.run_for(timedelta(seconds=10))
    assert (await world.intent(intent_id)).state == "fulfilled"
    assert len(world.billers.write_offs) == 1
    await world.queue.run_for(HOUR)
    await check_ended(world)


async def test_two_citizens_do_not_pay_one_bill(world: World) -> None:
    first, second = await world.citizen(), await world.citizen()
    bill_id = await world.bill(first)
    await world.bill(second)
    intent_id = await world.start(first, bill_id)
    with pytest.raises(Conflict) as refused:
        await world.start(second, bill_id)
    assert refused.value.code == "PAYMENT_OPEN"
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_for(HOUR)
    with pytest.raises(Conflict) as refused:
        await world.start(second, bill_id)
    assert refused.value.code == "BILL_PAID"
    await check_ended(world)
