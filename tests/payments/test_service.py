"""Paying as the payer meets it: keys, amounts, other people's payments, refunds in parts."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from core.database import connection, fetch_all, transaction
from core.errors import AppError, Conflict, InvalidInput, LoginRequired, NotFound, Unavailable
from core.ids import new_id
from modules.utilities.bills import service as bills
from payments import api, service
from payments.models import Intent, Refund
from tests.payments.books import check_books
from tests.payments.world import World


async def test_a_thousand_sends_of_one_key_are_one_payment(world: World) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    replies = await asyncio.gather(
        *(bills.pay_bill(call, bill_id, "the-one-key") for _ in range(1000))
    )
    assert all(reply == replies[0] for reply in replies)
    assert await Intent.all().count() == 1
    assert len(world.psp.orders) == 1
    world.psp.pay((await Intent.get()).id)
    assert await world.call_back() == ["captured"]
    await world.queue.run_for(timedelta(hours=1))
    again = await bills.pay_bill(world.fresh(call), bill_id, "the-one-key")
    assert again.id == replies[0].id and again.status == "SUCCEEDED"
    assert len(world.billers.write_offs) == 1
    journals = await fetch_all(connection(), "SELECT kind FROM payments_journal ORDER BY posted_at")
    assert [journal["kind"] for journal in journals] == ["settle", "fulfil"]
    await check_books(world)


async def test_a_key_for_another_bill_is_refused(world: World) -> None:
    call = await world.citizen()
    first, second = await world.bill(call), await world.bill(call)
    await world.start(call, first, "the-one-key")
    with pytest.raises(Conflict) as refused:
        await world.start(call, second, "the-one-key")
    assert refused.value.code == "KEY_REUSED"
    assert await Intent.all().count() == 1


async def test_keys_of_two_citizens_never_meet(world: World) -> None:
    first, second = await world.citizen(), await world.citizen()
    mine = await world.start(first, await world.bill(first, account_no="A001"), "the-one-key")
    theirs = await world.start(second, await world.bill(second, account_no="A002"), "the-one-key")
    assert mine != theirs


@pytest.mark.parametrize("key", ["short", "with space in it", "x" * 65, "密钥密钥密钥密钥"])
async def test_a_malformed_key_is_refused(world: World, key: str) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    with pytest.raises(InvalidInput):
        await bills.pay_bill(call, bill_id, key)
    assert await Intent.all().count() == 0


@pytest.mark.parametrize("amount_fen", [0, -1, 10**15 + 1])
async def test_amounts_that_cannot_be_are_refused(world: World, amount_fen: int) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call, amount_fen)
    with pytest.raises(InvalidInput) as refused:
        await world.start(call, bill_id)
    assert refused.value.code == "AMOUNT_OUT_OF_RANGE"
    assert await Intent.all().count() == 0


async def test_a_foreign_payment_is_not_found(world: World) -> None:
    owner, stranger = await world.citizen(), await world.citizen()
    intent_id = await world.start(owner, await world.bill(owner))
    for missing in (intent_id, new_id()):
        with pytest.raises(NotFound):
            await api.get_payment(stranger, missing)
        with pytest.raises(NotFound):
            await api.present(stranger, missing)


async def test_a_stranger_pays_nothing(world: World, call) -> None:
    owner = await world.citizen()
    bill_id = await world.bill(owner)
    with pytest.raises(LoginRequired):
        await bills.pay_bill(call(), bill_id, "the-one-key")


async def test_an_amount_of_yesterday_is_asked_for_again(world: World) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    world.clock.move(timedelta(hours=12))
    world.billers.faults.always = "down"
    with pytest.raises(Unavailable):
        await world.start(call, bill_id)
    assert await Intent.all().count() == 0
    world.billers.faults.always = "ok"
    await world.start(call, bill_id)


async def _accepted(world: World, amount_fen: int) -> Intent:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call, amount_fen))
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_due()
    return await world.intent(intent_id)


async def _refund(
    world: World, intent: Intent, amount_fen: int, key: str | None = None
) -> UUID | None:
    try:
        async with transaction() as tx:
            return await api.refund(
                world.app, tx, intent.id, amount_fen, reason="REQUESTED", key=key or f"k:{new_id()}"
            )
    except AppError as error:
        assert error.code == "REFUND_TOO_LARGE"
        return None


async def test_fifty_interleaved_partial_refunds_never_exceed_the_capture(world: World) -> None:
    intent = await _accepted(world, 1000)
    done = await asyncio.gather(*(_refund(world, intent, 30) for _ in range(50)))
    assert sum(refund_id is not None for refund_id in done) == 33
    await world.queue.run_for(timedelta(hours=1))
    intent = await world.intent(intent.id)
    assert (intent.state, intent.refunded_fen, intent.refunding_fen) == ("partly_refunded", 990, 0)
    assert await Refund.filter(state="succeeded").count() == 33
    await check_books(world)
    assert await _refund(world, intent, 10)
    assert not await _refund(world, intent, 1)
    await world.queue.run_for(timedelta(hours=1))
    assert (await world.intent(intent.id)).state == "refunded"
    await check_books(world)


async def test_a_refund_is_one_per_key(world: World) -> None:
    intent = await _accepted(world, 1000)
    ids = await asyncio.gather(*(_refund(world, intent, 100, "the-key") for _ in range(20)))
    assert len(set(ids)) == 1 and ids[0] is not None
    with pytest.raises(Conflict) as refused:
        async with transaction() as tx:
            await api.refund(world.app, tx, intent.id, 101, reason="REQUESTED", key="the-key")
    assert refused.value.code == "KEY_REUSED"
    await world.queue.run_for(timedelta(hours=1))
    assert (await world.intent(intent.id)).refunded_fen == 100
    await check_books(world)


@pytest.mark.parametrize("amount_fen", [0, -1])
async def test_a_refund_of_nothing_is_refused(world: World, amount_fen: int) -> None:
    intent = await _accepted(world, 1000)
    with pytest.raises(InvalidInput):
        async with transaction() as tx:
            await api.refund(world.app, tx, intent.id, amount_fen, reason="R", key="the-key")
    assert await Refund.all().count() == 0


async def test_what_was_not_passed_on_is_not_refunded_by_hand(world: World) -> None:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    for missing, error in ((intent_id, Conflict), (new_id(), NotFound)):
        with pytest.raises(error):
            async with transaction() as tx:
                await api.refund(world.app, tx, missing, 1, reason="R", key="the-key")
    assert await Refund.all().count() == 0


async def test_a_payer_sees_their_own_payments_newest_first(world: World) -> None:
    one, other = await world.citizen(), await world.citizen()
    mine = [await world.start(one, await world.bill(one)) for _ in range(3)]
    await world.start(other, await world.bill(other, account_no="A002"))
    listed = [row.id for row in await service.list_payments(one, first=10)]
    assert listed == mine[::-1]
    rest = await service.list_payments(one, first=10, before=mine[2])
    assert [row.id for row in rest] == [mine[1], mine[0]]
