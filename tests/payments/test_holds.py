"""Holds: money set aside, posted in part, voided or expired."""

from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import IntegrityError, connection, fetch_one, transaction, violated
from core.ids import new_id
from core.queue.jobs import Early
from payments import jobs
from payments.ledger import store
from payments.ledger.accounts import payee_payable, payer_funds, psp_receivable
from payments.ledger.postings import Posting, transfer

PSP = psp_receivable("wechatpay")
WATER = payee_payable("water")


@pytest.fixture
async def payer(app: App):
    """A payer with 1,000 fen in our care."""
    account = payer_funds(new_id())
    async with transaction() as tx:
        legs = transfer(debit=PSP, credit=account, amount_fen=1000)
        await store.post(tx, Posting("test", f"test:{new_id()}", legs), app.clock.now())
    return account


async def test_what_is_held_cannot_be_spent(app: App, payer) -> None:
    async with transaction() as tx:
        await store.hold(app, tx, payer, 700, key="hold:a")
    with pytest.raises(IntegrityError) as refused:
        async with transaction() as tx:
            legs = transfer(debit=payer, credit=WATER, amount_fen=301)
            await store.post(tx, Posting("test", "test:too-much", legs), app.clock.now())
    assert violated(refused.value) == "payments_balance_guard"
    with pytest.raises(IntegrityError):
        async with transaction() as tx:
            await store.hold(app, tx, payer, 301, key="hold:b")
    balance = await store.get_balance(payer)
    assert (balance.balance_fen, balance.held_fen) == (1000, 700)


async def test_a_hold_is_posted_in_part_and_once(app: App, payer) -> None:
    async with transaction() as tx:
        hold_id = await store.hold(app, tx, payer, 700, key="hold:a")
    legs = transfer(debit=payer, credit=WATER, amount_fen=600)
    posting = Posting("test", "test:part", legs)
    async with transaction() as tx:
        assert await store.post_hold(tx, hold_id, posting, 600, app.clock.now())
    async with transaction() as tx:
        assert not await store.post_hold(tx, hold_id, posting, 600, app.clock.now())
        assert not await store.void_hold(tx, hold_id)
    balance = await store.get_balance(payer)
    assert (balance.balance_fen, balance.held_fen) == (400, 0)


async def test_more_than_held_is_refused(app: App, payer) -> None:
    async with transaction() as tx:
        hold_id = await store.hold(app, tx, payer, 700, key="hold:a")
    legs = transfer(debit=payer, credit=WATER, amount_fen=701)
    with pytest.raises(IntegrityError) as refused:
        async with transaction() as tx:
            await store.post_hold(
                tx, hold_id, Posting("test", "test:1", legs), 701, app.clock.now()
            )
    assert violated(refused.value) == "payments_hold_posted"
    assert (await store.get_balance(payer)).held_fen == 700


async def test_a_voided_hold_is_free_again(app: App, payer) -> None:
    async with transaction() as tx:
        hold_id = await store.hold(app, tx, payer, 700, key="hold:a")
    async with transaction() as tx:
        assert await store.void_hold(tx, hold_id)
    assert (await store.get_balance(payer)).held_fen == 0


async def test_a_hold_expires_at_its_time(app: App, clock: ManualClock, payer) -> None:
    async with transaction() as tx:
        hold_id = await store.hold(app, tx, payer, 700, key="h:a", life=timedelta(hours=1))
    queued = await fetch_one(
        connection(),
        """SELECT execute_after - created AS wait FROM pgqueuer
            WHERE entrypoint = 'payments.expire_hold'""",
    )
    assert queued is not None and queued["wait"] == timedelta(hours=1)
    clock.move(timedelta(minutes=59))
    with pytest.raises(Early):
        await jobs.expire_hold(app, hold_id)
    assert (await store.get_balance(payer)).held_fen == 700
    clock.move(timedelta(minutes=1))
    await jobs.expire_hold(app, hold_id)
    await jobs.expire_hold(app, hold_id)
    assert (await store.get_balance(payer)).held_fen == 0


async def test_an_account_without_entries_holds_nothing(app: App) -> None:
    with pytest.raises(IntegrityError):
        async with transaction() as tx:
            await store.hold(app, tx, payer_funds(new_id()), 1, key="hold:none")
