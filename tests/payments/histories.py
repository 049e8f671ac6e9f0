"""Random histories of payments: lost, doubled, late and forged callbacks, faults, crashes, jumps.

One seed is one history; a failing seed reproduces it. After every step the books are checked,
after the end everything must have come to rest.
"""

import random
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any
from uuid import UUID

from core.database import connection, fetch_one, transaction
from core.errors import AppError
from core.ids import new_id
from modules.bills import service as bills
from payments import api
from payments.models import Intent
from payments.psp.port import OrderState, RefundState
from tests.payments.books import check_books, check_ended
from tests.payments.crash import cut
from tests.payments.world import World

STEPS = 40
_FAULTS = ("ok", "lost", "down")
_STATE = """
SELECT md5(concat(
  (SELECT string_agg(i::text, ',' ORDER BY id) FROM payments_intent i),
  (SELECT string_agg(r::text, ',' ORDER BY id) FROM payments_refund r),
  (SELECT string_agg(e::text, ',' ORDER BY id) FROM payments_entry e),
  (SELECT string_agg(b::text, ',' ORDER BY id) FROM payments_balance b),
  (SELECT string_agg(h::text, ',' ORDER BY id) FROM payments_hold h),
  (SELECT string_agg(k::text, ',' ORDER BY id) FROM core_idempotency k),
  (SELECT string_agg(q.id::text, ',' ORDER BY id) FROM pgqueuer q))) AS digest
"""


class History:
    """One history in a world that may have seen others before."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._draw = random.Random(seed)
        self._keys = [f"history-{seed}-{n}" for n in range(4)]
        self._calls: list[Any] = []
        self._bills: list[UUID] = []
        self._first_order = len(world.psp.orders)

    async def run(self) -> None:
        """Begin, take forty steps, come to rest."""
        account_no = f"H{self._draw.randrange(10**8):08d}"
        self._calls = [await self._world.citizen() for _ in range(2)]
        for _ in range(self._draw.randint(1, 3)):
            total_fen = self._draw.randint(1, 20_000)
            self._bills.append(await self._world.bill(self._calls[0], total_fen, account_no))
        await self._world.bill(self._calls[1], 100, account_no)
        steps: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (6, self._start), (8, self._pay), (1, self._pay_late), (8, self._call_back),
            (12, self._work), (3, self._wait), (4, self._break), (1, self._withdraw),
            (2, self._refund), (1, self._finish_refund), (1, self._forge),
        ]  # fmt: skip
        for _ in range(STEPS):
            (step,) = self._draw.choices([s for _, s in steps], [weight for weight, _ in steps])
            await step()
            await check_books(self._world)
        await self._rest()

    async def _maybe_cut(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run it, once in three times with a crash somewhere inside."""
        if self._draw.random() < 0.33:
            await cut(coroutine, self._draw.randint(0, 60))
        else:
            await coroutine

    async def _start(self) -> None:
        call, bill_id = self._draw.choice(self._calls), self._draw.choice(self._bills)
        key = self._draw.choice(self._keys)
        before = await _digest()

        async def pay() -> None:
            try:
                await bills.pay_bill(self._world.fresh(call), bill_id, key)
            except AppError:
                assert await _digest() == before, "a refused command changed something"

        await self._maybe_cut(pay())

    async def _pay(self) -> None:
        if orders := self._orders(OrderState.UNPAID):
            self._world.psp.pay(self._draw.choice(orders))

    async def _pay_late(self) -> None:
        if orders := self._orders(OrderState.CLOSED):
            self._world.psp.force_paid(self._draw.choice(orders))

    async def _call_back(self) -> None:
        """A waiting callback arrives, out of order, perhaps not for the last time; or is lost."""
        waiting = self._world.psp.callbacks
        if not waiting:
            return
        chosen = self._draw.randrange(len(waiting))
        headers, body = waiting[chosen]
        fate = self._draw.random()
        if fate < 0.6 or fate > 0.9:
            waiting.pop(chosen)
        if fate < 0.9:
            if self._draw.random() < 0.7:  # sent again, it is signed again
                headers, body = self._world.psp.signed(body)
            await self._maybe_cut(self._world.deliver(headers, body))

    async def _work(self) -> None:
        job = await self._world.queue.next_due()
        if job is not None:
            await self._maybe_cut(self._world.queue.run(job))

    async def _wait(self) -> None:
        seconds = self._draw.choice((1, 6, 20, 60, 400, 1000, 7200))
        self._world.clock.move(timedelta(seconds=self._draw.randint(0, seconds)))

    async def _break(self) -> None:
        faults = self._draw.choice((self._world.psp.faults, self._world.billers.faults))
        faults.queued.extend(self._draw.choices(_FAULTS, k=self._draw.randint(1, 4)))

    async def _withdraw(self) -> None:
        bill = await bills.store.find_bill(self._draw.choice(self._bills))
        assert bill is not None
        if self._world.billers.bills[bill.bill_no].status == "open":
            code = self._draw.choice(("BILL_WITHDRAWN", "ALREADY_PAID"))
            self._world.billers.refuses[bill.bill_no] = code

    async def _refund(self) -> None:
        intents = await Intent.filter(
            state__in=["fulfilled", "partly_refunded"], subject_ref__in=[*map(str, self._bills)]
        )
        if not intents:
            return
        intent, key = self._draw.choice(intents), f"k:{new_id()}"
        amount_fen = self._draw.randint(1, intent.amount_fen + 5)
        before = await _digest()

        async def refund() -> None:
            try:
                async with transaction() as tx:
                    await api.refund(
                        self._world.app, tx, intent.id, amount_fen, reason="REQUESTED", key=key
                    )
            except AppError:
                assert await _digest() == before, "a refused refund changed something"

        await self._maybe_cut(refund())

    async def _finish_refund(self) -> None:
        self._world.psp.slow_refunds = not self._world.psp.slow_refunds
        self._finish_slow_refunds()

    def _finish_slow_refunds(self) -> None:
        for refund_id, refund in self._world.psp.refunds.items():
            if refund.state is RefundState.PROCESSING:
                self._world.psp.finish_refund(refund_id)

    async def _forge(self) -> None:
        """Somebody says that an order is paid; also with the right amount."""
        if not (orders := self._orders(OrderState.UNPAID)):
            return
        before = await _digest()
        headers, body = self._world.psp.signed(b'{"order":"%s"}' % str(orders[0]).encode())
        forged = headers | {"Fake-Signature": "f" * 64}
        assert await self._world.deliver(forged, body) == "signature"
        assert await _digest() == before

    def _orders(self, state: OrderState) -> list[UUID]:
        mine = list(self._world.psp.orders.items())[self._first_order :]
        return [intent_id for intent_id, order in mine if order.state is state]

    async def _rest(self) -> None:
        """The faults end, half of the callbacks never come, time goes by."""
        world = self._world
        world.psp.faults.queued.clear()
        world.billers.faults.queued.clear()
        world.psp.slow_refunds = False
        self._finish_slow_refunds()
        kept = [told for told in world.psp.callbacks if self._draw.random() < 0.5]
        world.psp.callbacks[:] = kept
        await world.call_back()
        await world.queue.run_for(timedelta(hours=26))
        await check_ended(world)


async def _digest() -> str:
    row = await fetch_one(connection(), _STATE)
    assert row is not None
    return str(row["digest"])
