"""Random histories of payments: lost, doubled, late and forged callbacks, faults, crashes, jumps.

One seed is one history; a failing seed reproduces it. After every step the books are checked,
after the end everything must have come to rest.
"""

import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import orjson

from core.clock import civil_date
from core.context.call import Call
from core.database import connection, fetch_all, fetch_one, transaction
from core.errors import AppError
from core.ids import new_id
from modules.utilities.bills import service as bills
from payments import api, saga, shares
from payments import share_returns as returns
from payments.domain import Side
from payments.ledger.accounts import payer_funds
from payments.ledger.payee_turns import lock_payouts
from payments.limits import rules
from payments.models import Intent, Refund
from payments.psp.partners import SHARES
from payments.psp.port import OrderState, RefundState
from payments.reconciliation import payouts
from payments.reconciliation.fees import fees
from payments.reconciliation.models import Case, Payout
from payments.reconciliation.service import take
from payments.sharing.models import Share, ShareReturn
from payments.statements import Announced, Source
from tests.payments.books import check_books, check_ended
from tests.payments.crash import cut
from tests.payments.fakes import FakePsp
from tests.payments.payees import DEEMED, DEEMED_PLUS, OWN_MERCHANT, FakePayees
from tests.payments.world import World

STEPS = (10, 40)
_LEAST_PART = 100
_FAULTS = ("ok", "lost", "down")
_DAY_LIMIT = next(limit for limit in rules().limits if limit.name == "bills-day").amount_fen
_STATE = """
SELECT md5(concat(
  (SELECT string_agg(i::text, ',' ORDER BY id) FROM payments_intent i WHERE payer_id = ANY($1)),
  (SELECT string_agg(r::text, ',' ORDER BY r.id) FROM payments_refund r
     JOIN payments_intent i ON i.id = r.intent_id WHERE i.payer_id = ANY($1)),
  (SELECT string_agg(s::text, ',' ORDER BY s.id) FROM payments_share s),
  (SELECT string_agg(b::text, ',' ORDER BY b.id) FROM payments_share_return b),
  (SELECT string_agg(u::text, ',' ORDER BY key) FROM payments_usage u
    WHERE split_part(key, ':', 2) = ANY($2)),
  (SELECT string_agg(h::text, ',' ORDER BY h.id) FROM payments_hold h
     JOIN payments_account a ON a.id = h.account_id WHERE split_part(a.code, ':', 2) = ANY($2)),
  (SELECT string_agg(k::text, ',' ORDER BY k::text) FROM core_idempotency k
    WHERE subject = ANY($2)),
  (SELECT string_agg(b::text, ',' ORDER BY id) FROM payments_balance b),
  (SELECT concat(count(*), max(id)) FROM payments_entry),
  (SELECT string_agg(seq::text, ',' ORDER BY chain) FROM payments_chain),
  (SELECT string_agg(q.id::text, ',' ORDER BY id) FROM pgqueuer q))) AS digest
"""
_BREAKS = (
    *("missing_here", "missing_there", "refund", "amount", "fee", "date", "duplicate", "coupon"),
    "line",
)
_UNPAID_DAYS = """
SELECT DISTINCT i.payee, payments_day(j.posted_at) AS day
  FROM payments_journal j JOIN payments_intent i ON i.id = j.intent_id
 WHERE j.kind = 'fulfil' AND i.merchant IS NULL AND payments_day(j.posted_at) < $1 AND NOT EXISTS (
   SELECT FROM payments_payout p
    WHERE p.payee = i.payee AND p.settled_on = payments_day(j.posted_at))
 ORDER BY 1, 2
"""


_MOMENT = timedelta(milliseconds=1)
"""No two steps are at one instant: what a biller told is older than what was booked there since."""
_ON_ITS_WAY = timedelta(hours=23)
"""What was on its way when an order closed has come by then; what came later no look would find,
and the PSP's bill tells of it."""


class History:
    """One history in a world that may have seen others before."""

    def __init__(
        self, world: World, payees: FakePayees, seed: int, first: Sequence[str] = ()
    ) -> None:
        """`first`: names of the steps before those that are drawn."""
        self._world = world
        self._first = first
        self._payees = payees
        self._draw = random.Random(seed)
        self._keys = [f"history-{seed}-{n}" for n in range(4)]
        self._calls: list[Call] = []
        self._payers: list[UUID] = []
        self._bills: list[UUID] = []
        self._dues: list[tuple[str, str]] = []
        self._first_order = {psp.name: len(psp.orders) for psp in world.psps}
        self._sharing = world.sharing

    async def run(self) -> None:
        """Begin, take some steps, come to rest."""
        await self._begin()
        steps: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (6, self._start), (4, self._start_elsewhere), (10, self._pay), (1, self._pay_late),
            (10, self._call_back), (14, self._work), (3, self._wait), (4, self._break),
            (1, self._withdraw), (6, self._refund), (4, self._finish_refund), (1, self._forge),
            (1, self._spend_what_is_held), (2, self._tell_otherwise), (1, self._refuse_refunds),
            (2, self._pay_out), (3, self._compare), (5, self._start_part), (3, self._finish_shares),
            (1, self._refuse_shares),
        ]  # fmt: skip
        functions, weights = [step for _, step in steps], [weight for weight, _ in steps]
        drawn = self._draw.choices(functions, weights, k=self._draw.randint(*STEPS))
        for step in (*(getattr(self, f"_{name}") for name in self._first), *drawn):
            self._world.clock.move(_MOMENT)
            await step()
            await check_books(self._world, self._payers, self._payees)
        await self._rest()

    async def _begin(self) -> None:
        """Two citizens who share a household, with bills of all sizes, and other things due."""
        self._began_on = civil_date(self._world.clock.now())
        account_no = f"H{self._draw.randrange(10**8):08d}"
        self._calls = [await self._world.citizen() for _ in range(2)]
        self._payers = [call.require_viewer().user_id for call in self._calls]
        for n in range(self._draw.randint(1, 3)):
            least_fen = _LEAST_PART if n % 2 == 0 else None
            self._world.billers.issue(account_no, self._amount_fen(), least_part_fen=least_fen)
        for call in self._calls:
            await self._world.link(call, account_no)
        self._bills = [bill.id for bill in await self._world.read(self._calls[0], account_no)]
        for payable in (DEEMED, DEEMED_PLUS, OWN_MERCHANT):
            subject_ref = new_id().hex
            self._payees.amounts[subject_ref] = self._amount_fen()
            self._dues.append((payable.kind, subject_ref))
        for psp in self._world.psps:
            psp.slow_refunds = self._draw.random() < 0.5
        self._sharing.is_slow = self._draw.random() < 0.5

    def _amount_fen(self) -> int:
        """Mostly small, sometimes so large that two do not fit into a day."""
        if self._draw.random() < 0.2:
            return self._draw.randint(_DAY_LIMIT // 2, _DAY_LIMIT)
        return self._draw.randint(1, 20_000)

    async def _maybe_cut(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run it, once in three times with a crash somewhere inside."""
        if self._draw.random() < 0.33:
            await cut(coroutine, self._draw.randint(0, 60))
        else:
            await coroutine

    async def _refusable(self, command: Callable[[], Awaitable[object]]) -> None:
        """Run a command, perhaps into a crash; one that is refused must change nothing."""
        before = await self._digest()

        async def run() -> None:
            try:
                await command()
            except AppError:
                assert await self._digest() == before, "a refused command changed something"

        await self._maybe_cut(run())

    async def _start(self) -> None:
        call, bill_id = self._draw.choice(self._calls), self._draw.choice(self._bills)
        key = self._draw.choice(self._keys)
        await self._refusable(lambda: bills.pay_bill(self._world.fresh(call), bill_id, key))

    async def _start_part(self) -> None:
        """Pay a part of a bill, perhaps one that cannot be: its biller takes none, or not this."""
        call, bill_id = self._draw.choice(self._calls), self._draw.choice(self._bills)
        key, bill = self._draw.choice(self._keys), await bills.store.find_bill(bill_id)
        assert bill is not None
        open_fen = self._world.billers.bills[bill.bill_no].total_fen
        amount_fen = self._draw.choice(
            (open_fen // 2, open_fen // 3 + 1, open_fen, open_fen + 1, _LEAST_PART - 1, 0)
        )
        await self._refusable(
            lambda: bills.pay_bill(self._world.fresh(call), bill_id, key, amount_fen=amount_fen)
        )

    async def _start_elsewhere(self) -> None:
        """Pay a payee that does not tell at once, or at all, what became of a payment; or one that
        has a merchant of its own."""
        call, (kind, subject_ref) = self._draw.choice(self._calls), self._draw.choice(self._dues)
        key = self._draw.choice(self._keys)

        async def pay() -> None:
            async with transaction() as tx:
                intent_id = await api.create_intent(
                    call, tx, kind=kind, subject_ref=subject_ref, key=key
                )
            await api.present(call, intent_id)

        await self._refusable(pay)

    async def _pay(self) -> None:
        if orders := self._orders(OrderState.UNPAID):
            psp, intent_id = self._draw.choice(orders)
            psp.pay(intent_id)

    async def _pay_late(self) -> None:
        late = self._world.clock.now() - _ON_ITS_WAY
        closed = self._orders(OrderState.CLOSED)
        if orders := [(psp, id) for psp, id in closed if psp.orders[id].order.expires_at > late]:
            psp, intent_id = self._draw.choice(orders)
            psp.force_paid(intent_id)

    async def _call_back(self) -> None:
        """A waiting callback arrives, out of order, perhaps not for the last time; or is lost."""
        telling = [psp for psp in self._world.psps if psp.callbacks]
        if not telling:
            return
        psp = self._draw.choice(telling)
        waiting = psp.callbacks
        chosen = self._draw.randrange(len(waiting))
        headers, body = waiting[chosen]
        fate = self._draw.random()
        if fate < 0.6 or fate > 0.9:
            waiting.pop(chosen)
        if fate < 0.9:
            if self._draw.random() < 0.7:  # sent again, it is signed again
                headers, body = psp.signed(body)
            await self._maybe_cut(self._world.deliver(headers, body, psp.name))

    async def _work(self) -> None:
        job = await self._world.queue.next_due()
        if job is not None:
            await self._maybe_cut(self._world.queue.run(job))

    async def _wait(self) -> None:
        seconds = self._draw.choice((1, 6, 20, 60, 400, 1000, 7200))
        self._world.clock.move(timedelta(seconds=self._draw.randint(0, seconds)))

    async def _break(self) -> None:
        world = self._world
        theirs = [psp.faults for psp in world.psps]
        faults = self._draw.choice((*theirs, world.billers.faults, self._payees.faults))
        faults.queued.extend(self._draw.choices(_FAULTS, k=self._draw.randint(1, 8)))

    async def _lose_reply(self) -> None:
        """What a payee or PSP answers next is lost; for histories that are led there."""
        psps = (psp.faults for psp in self._world.psps)
        for faults in (self._world.billers.faults, self._payees.faults, *psps):
            faults.queued.append("lost")

    async def _withdraw(self) -> None:
        bill = await bills.store.find_bill(self._draw.choice(self._bills))
        assert bill is not None
        if self._world.billers.bills[bill.bill_no].status == "open":
            code = self._draw.choice(("BILL_WITHDRAWN", "ALREADY_PAID"))
            self._world.billers.refuses[bill.bill_no] = code
        self._payees.refuses.add(self._draw.choice(self._dues)[1])

    async def _refund(self) -> None:
        """Give back a part, all, or more than there is; under a new key or an old one."""
        states = ["fulfilled", "refunding", "partly_refunded", "refunded"]
        intents = await Intent.filter(state__in=states, payer_id__in=self._payers).order_by("id")
        if not intents:
            return
        intent, key = self._draw.choice(intents), f"{self._draw.choice(self._keys)}:refund"
        amount_fen = self._draw.choice(
            (intent.amount_fen, self._draw.randint(1, intent.amount_fen + 5), 1)
        )

        async def refund() -> None:
            async with transaction() as tx:
                await api.refund(
                    self._world.app, tx, intent.id, amount_fen, reason="REQUESTED", key=key
                )

        await self._refusable(refund)

    async def _finish_refund(self) -> None:
        for psp in self._world.psps:
            psp.slow_refunds = not psp.slow_refunds
        self._finish_slow_refunds()

    def _finish_slow_refunds(self) -> None:
        for psp in self._world.psps:
            for refund_id, refund in psp.refunds.items():
                if refund.state is RefundState.PROCESSING:
                    psp.finish_refund(refund_id)

    async def _forge(self) -> None:
        """Somebody says that an order is paid; also with the right amount."""
        if not (orders := self._orders(OrderState.UNPAID)):
            return
        before = await self._digest()
        psp, intent_id = orders[0]
        headers, body = psp.signed(b'{"order":"%s"}' % str(intent_id).encode())
        forged = headers | {"Fake-Signature": "f" * 64}
        assert await self._world.deliver(forged, body, psp.name) == "signature"
        assert await self._digest() == before

    async def _tell_otherwise(self) -> None:
        """A PSP tells, rightly signed, of another amount, currency or merchant: not booked."""
        if not (orders := self._orders(OrderState.UNPAID)):
            return
        psp, intent_id = self._draw.choice(orders)
        order = psp.orders[intent_id].order
        fen, merchant = order.amount_fen, order.merchant
        told: dict[str, object] = {"order": str(intent_id), "ref": new_id().hex, "fen": fen}
        fate = self._draw.random()
        if fate < 0.3:
            told |= {"currency": "USD", "merchant": merchant}
        elif fate < 0.7:
            other_fen = fen + self._draw.choice((-fen, -1, 1, 100))
            told |= {"fen": other_fen, "merchant": merchant}
        else:
            told |= {"merchant": "1900000999"}
        body = orjson.dumps(told | {"at": self._world.clock.now().isoformat()})
        headers, body = psp.signed(body)
        await self._maybe_cut(self._world.deliver(headers, body, psp.name))

    async def _refuse_refunds(self) -> None:
        """From now on a PSP refuses every refund for good, or no more."""
        psp = self._draw.choice(self._world.psps)
        psp.refuses_refunds = not psp.refuses_refunds

    async def _finish_shares(self) -> None:
        """What is shared or given back comes to its end; from now on slowly, or at once."""
        self._sharing.is_slow = not self._sharing.is_slow
        self._sharing.finish()

    async def _refuse_shares(self) -> None:
        """From now on shares or their returns are refused, or shares fail for good; or no more."""
        sharing = self._sharing
        name = self._draw.choice(("refuses", "closes", "refuses_returns", "is_short"))
        setattr(sharing, name, not getattr(sharing, name))

    async def _pay_out(self) -> None:
        """A payee's day is over and paid out: what is refunded of it from then on is a claim."""
        if self._draw.random() < 0.5:
            self._world.clock.move(timedelta(days=1))
        days = await fetch_all(connection(), _UNPAID_DAYS, civil_date(self._world.clock.now()))
        if days:
            day = self._draw.choice(days)
            await self._maybe_cut(self._instruct(day["payee"], day["day"]))

    async def _instruct(self, payee: str, on: date) -> None:
        """A payout as it is posted once all of its day is compared and nothing is left open."""
        async with transaction() as tx:
            await lock_payouts(tx, payee)
            if not await Payout.filter(payee=payee, settled_on=on).using_db(tx).exists():
                owed = await payouts._owed(tx, payee, on, fees())
                await payouts._instruct(self._world.app, tx, payee, on, owed)

    async def _compare(self) -> None:
        """The PSPs' statements of a day that is over come, whatever was heard of its refunds."""
        if self._draw.random() < 0.5:
            self._world.clock.move(timedelta(days=1))
        days = (civil_date(self._world.clock.now()) - self._began_on).days
        if days:
            await self._maybe_cut(self._take(self._draw.randrange(days)))
            await self._check_cases({"missing_here"})

    async def _take(self, day: int) -> None:
        """Compare the PSPs' statements of the history's n-th day."""
        world, on = self._world, self._began_on + timedelta(days=day)
        for psp in world.psps:
            lines = psp.statement(on, fees().psp_bps(psp.name, on) or 0)
            await take(world.app, _statement_of(psp.name), on, lines, Announced())
        told = self._sharing.statement(on)
        await take(world.app, _statement_of(SHARES, Side.SHARING), on, told, Announced())

    async def _check_cases(self, allowed: set[str]) -> None:
        """The PSP tells the truth, so nothing differs but what nobody has told us yet."""
        names = [SHARES, *(psp.name for psp in self._world.psps)]
        cases = await Case.filter(source__in=names, state="open", kind__in=_BREAKS)
        assert {case.kind for case in cases} <= allowed, ("statement", cases[0].kind, cases[0].ref)

    async def _spend_what_is_held(self) -> None:
        """Whatever is in a payer's account cannot leave it twice."""
        payer_id, before = self._draw.choice(self._payers), await self._digest()
        refused = await self._world.overdraw(payer_funds(payer_id))
        assert refused == "payments_balance_guard"
        assert await self._digest() == before

    def _orders(self, state: OrderState) -> list[tuple[FakePsp, UUID]]:
        return [
            (psp, intent_id)
            for psp in self._world.psps
            for intent_id, order in list(psp.orders.items())[self._first_order[psp.name] :]
            if order.state is state
        ]

    async def _rest(self) -> None:
        """The faults end, half of the callbacks never come, time goes by."""
        world = self._world
        for faults in (world.billers.faults, self._payees.faults):
            faults.queued.clear()
        for psp in world.psps:
            psp.faults.queued.clear()
            psp.slow_refunds = psp.refuses_refunds = False
        self._finish_slow_refunds()
        sharing = self._sharing
        sharing.is_slow = sharing.refuses = sharing.closes = False
        sharing.refuses_returns = sharing.is_short = False
        sharing.finish()
        for psp in world.psps:
            psp.callbacks[:] = [told for told in psp.callbacks if self._draw.random() < 0.5]
        await world.call_back()
        await self._ask_again()
        await world.queue.run_for(timedelta(hours=26))
        await self._ask_again()
        await world.queue.run_for(timedelta(hours=1))
        await check_ended(world, self._payers, self._payees)
        for day in range((civil_date(world.clock.now()) - self._began_on).days):
            await self._take(day)
        await self._check_cases(set())

    async def _ask_again(self) -> None:
        """An operator re-runs the dead letters of what the PSP had refused."""
        app, refused = self._world.app, await Refund.filter(state="failed")
        async with transaction() as tx:
            for refund in refused:
                await saga.refund.enqueue(app, tx, refund.id, key=f"{refund.id}:rerun")
            for share in await Share.filter(state="refused"):
                await shares.step.enqueue(app, tx, share.id, key=f"{share.id}:rerun")
            for returned in await ShareReturn.filter(state="failed"):
                await returns.step.enqueue(app, tx, returned.id, key=f"{returned.id}:rerun")

    async def _digest(self) -> str:
        row = await fetch_one(
            connection(), _STATE, self._payers, [str(payer) for payer in self._payers]
        )
        assert row is not None
        return str(row["digest"])


def _statement_of(psp: str, side: Side = Side.PSP) -> Source:
    async def nothing(*_: object) -> None:
        return None

    return Source(psp, side, nothing, lambda file, announced: iter(()))
