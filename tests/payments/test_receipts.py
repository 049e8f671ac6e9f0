"""Receipts: one a payment, numbered without gap or duplicate."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from core.errors import NotFound
from payments import receipts
from payments.models import Intent
from tests.payments.crash import cut
from tests.payments.world import World


async def _fulfilled(world: World, count: int) -> tuple[object, list[UUID]]:
    call = await world.citizen()
    ids = [await world.start(call, await world.bill(call)) for _ in range(count)]
    for intent_id in ids:
        world.psp.pay(intent_id)
    await world.call_back()
    return call, ids


async def test_a_receipt_tells_what_was_paid_to_its_payer_alone(world: World) -> None:
    call, (intent_id,) = await _fulfilled(world, 1)
    with pytest.raises(NotFound):
        await receipts.get_receipt(call, intent_id)
    await world.queue.run_for(timedelta(minutes=1))
    receipt = await receipts.get_receipt(call, intent_id)
    assert receipt.receipt_no == "20260000000001"
    assert (receipt.payment.amount_fen, receipt.payment.payee) == (3360, "water")
    with pytest.raises(NotFound):
        await receipts.get_receipt(await world.citizen(), intent_id)


async def test_numbers_have_no_gap_and_no_duplicate_whatever_is_cut_off(world: World) -> None:
    _, ids = await _fulfilled(world, 12)
    await world.queue.run_due()
    await Intent.all().update(receipt_no=None, receipt_issued_at=None)
    for after, intent_id in enumerate(ids):
        await cut(receipts.issue(world.app, intent_id), after * 2)
    await asyncio.gather(*(receipts.issue(world.app, intent_id) for intent_id in ids * 3))
    numbers = sorted([int(intent.receipt_no) for intent in await Intent.all()])
    assert numbers == list(range(numbers[0], numbers[0] + 12))
    assert numbers[0] == 20260000000001 + 12


async def test_what_was_not_accepted_has_no_receipt(world: World) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    world.billers.refuses[next(iter(world.billers.bills))] = "BILL_WITHDRAWN"
    intent_id = await world.start(call, bill_id)
    world.psp.pay(intent_id)
    await world.call_back()
    await receipts.issue(world.app, intent_id)
    await world.queue.run_for(timedelta(hours=1))
    await receipts.issue(world.app, intent_id)
    assert (await world.intent(intent_id)).receipt_no is None
