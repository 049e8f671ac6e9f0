"""Random histories: a short slice in every run, ten thousand in `make soak`.

HISTORY_SEED and HISTORY_COUNT choose others: a failing seed reproduces its history.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from asyncpg import CheckViolationError

from core.context.app import App
from core.ids import new_id
from core.manifest import Manifest
from modules.utilities.bills import store as bills
from payments import limits, saga, settlement, shares
from payments.domain import Side
from payments.ledger.verify import verify
from payments.psp.port import RefundState, RefundView
from payments.psp.sharing import ShareState, ShareView
from payments.reconciliation import bookings
from tests.payments import payees
from tests.payments.histories import History
from tests.payments.payees import FakePayees
from tests.payments.world import World

_FIRST = int(os.environ.get("HISTORY_SEED", "1"))
_COUNT = int(os.environ.get("HISTORY_COUNT", "10000"))
_BATCH = 50
"""Histories that share a database: later ones run among the rows of earlier ones."""


@pytest.fixture
def wings() -> tuple[Manifest, ...]:
    """What bills do not have: two ways of posting, an own merchant."""
    return (payees.WING,)


@pytest.fixture(autouse=True)
def sharing(shared: int) -> int:
    """The city has a share of what the own merchant takes."""
    return shared


_SHARED = (
    *("start_elsewhere", "pay", "call_back") * 3, *("work",) * 6,
    *("wait", "wait", "work", "work") * 2, *("refund", "work", "finish_shares", "work") * 2,
)  # fmt: skip
"""Steps that lead to shares and their returns, which chance brings about too seldom."""


def _first_of(seed: int) -> Sequence[str]:
    return () if seed % 5 else _SHARED


@pytest.mark.parametrize("seed", range(1, 11))
async def test_a_history_keeps_the_books(world: World, others: FakePayees, seed: int) -> None:
    await History(world, others, seed, _first_of(seed)).run()
    assert (await verify()).sound


@pytest.mark.soak
@pytest.mark.parametrize("first", range(_FIRST, _FIRST + _COUNT, _BATCH))
async def test_ten_thousand_histories_keep_the_books(
    world: World, others: FakePayees, first: int
) -> None:
    seeds, started_s = range(first, min(first + _BATCH, _FIRST + _COUNT)), time.monotonic()
    for seed in seeds:
        try:
            await History(world, others, seed, _first_of(seed)).run()
        except BaseException as error:
            error.add_note(f"reproduce with HISTORY_SEED={seed} HISTORY_COUNT=1")
            raise
    assert (await verify()).sound
    print(f"{len(seeds) / (time.monotonic() - started_s):.1f} histories/s")


Defect = Callable[[pytest.MonkeyPatch], None]


def _forget_to_give_back(patch: pytest.MonkeyPatch) -> None:
    async def give_back(*_: object) -> None:
        """Counts nothing back."""

    patch.setattr(limits, "give_back", give_back)


def _settle_twice(patch: pytest.MonkeyPatch) -> None:
    """A callback told again captures again, under a key of its own."""
    settle, post = settlement.settle, settlement._post

    async def careless(app: App, tx: Any, psp: str, view: Any) -> settlement.Settled:
        outcome = await settle(app, tx, psp, view)
        if outcome is settlement.Settled.KNOWN:
            intent = await settlement.store.lock_intent(tx, view.intent_id)
            assert intent is not None
            legs = settlement.transfer(
                debit=settlement.psp_receivable(psp),
                credit=settlement.payer_funds(intent.payer_id),
                amount_fen=intent.amount_fen,
            )
            await post(tx, "settle", intent, new_id(), legs, app.clock.now())
        return outcome

    patch.setattr(settlement, "settle", careless)


def _refund_under_a_new_number(patch: pytest.MonkeyPatch) -> None:
    """A refund whose reply was lost is asked for again as another one."""
    ask = saga._ask_refund

    async def careless(app: App, intent: Any, refund: Any, attempt: int) -> RefundView:
        if not attempt:
            return await ask(app, intent, refund, attempt)
        psp, order = saga.get_psp(app, intent.psp, intent.merchant), _order_of(intent, refund)
        view = await psp.refund(order, saga.Deadline.after(1))
        return replace(view, refund_id=refund.id)

    patch.setattr(saga, "_ask_refund", careless)


def _order_of(intent: Any, refund: Any) -> saga.RefundOrder:
    return saga.RefundOrder(
        new_id(), intent.id, min(refund.amount_fen, 1), intent.captured_fen, refund.reason
    )


def _take_unknown_for_refused(patch: pytest.MonkeyPatch) -> None:
    """A payee that may have booked is taken for one that has not, and the payer gets it all."""
    judge = saga.judge

    def careless(posting: Any, outcome: Any, paid: Any, now: Any) -> Any:
        judged = judge(posting, outcome, paid, now)
        return saga.Refused("GAVE_UP") if isinstance(judged, saga.Unknown) else judged

    patch.setattr(saga, "judge", careless)


def _succeed_while_under_way(patch: pytest.MonkeyPatch) -> None:
    """A refund that the PSP is still working on is told as done."""
    apply, early = settlement.apply_refund, {RefundState.PROCESSING: RefundState.SUCCEEDED}

    async def careless(app: App, tx: Any, psp: str, view: RefundView) -> Any:
        return await apply(app, tx, psp, replace(view, state=early.get(view.state, view.state)))

    patch.setattr(settlement, "apply_refund", careless)


def _await_what_is_heard(patch: pytest.MonkeyPatch) -> None:
    """A refund that the statement tells of before we have heard of it is taken for a break."""
    strays = bookings.STRAYS[Side.PSP]
    kept = tuple(query for query in strays if bookings.PSP_OPEN_REFUNDS not in query)
    patch.setitem(bookings.STRAYS, Side.PSP, kept)


def _forget_what_is_paid(patch: pytest.MonkeyPatch) -> None:
    """What is open of a bill does not fall with its parts."""
    note = bills.note_bills

    async def careless(tx: Any, kind: Any, told: Sequence[Any], enquiry: Any) -> Any:
        forgotten = [replace(bill, total_fen=bill.total_fen + bill.paid_fen) for bill in told]
        return await note(tx, kind, forgotten, enquiry)

    patch.setattr(bills, "note_bills", careless)


def _share_while_under_way(patch: pytest.MonkeyPatch) -> None:
    """A share that the PSP is still working on is booked."""
    apply, early = shares.apply, {ShareState.PROCESSING: ShareState.SUCCEEDED}

    async def careless(app: App, tx: Any, share_id: Any, view: ShareView) -> Any:
        return await apply(
            app, tx, share_id, replace(view, state=early.get(view.state, view.state))
        )

    patch.setattr(shares, "apply", careless)


DEFECTS: Mapping[str, Defect] = {
    "limits not given back": _forget_to_give_back,
    "settled twice": _settle_twice,
    "refunded under a new number": _refund_under_a_new_number,
    "unknown taken for refused": _take_unknown_for_refused,
    "refund told too early": _succeed_while_under_way,
    "statement before the refund": _await_what_is_heard,
    "parts beyond what is open": _forget_what_is_paid,
    "shared too early": _share_while_under_way,
}


MEANT: Mapping[str, str] = {
    "limits not given back": "limits",
    "settled twice": "does not agree with its journals",
    "refunded under a new number": "returned",
    "unknown taken for refused": "payee told",
    "refund told too early": "returned",
    "statement before the refund": "statement",
    "parts beyond what is open": "parts",
    "shared too early": "shares",
}
"""The invariant that is there for a defect; the database itself refuses some in the statement."""

_REFUND = ("start", "pay", "call_back", "work", "work", "refund", "work", "work")
FIRST: Mapping[str, Sequence[str]] = {
    "unknown taken for refused": ("start", "pay", "call_back", "lose_reply", "work", "work"),
    "refunded under a new number": (*_REFUND[:6], "lose_reply", "work", "work"),
    "refund told too early": _REFUND,
    "statement before the refund": (*_REFUND, "compare", "compare"),
    "parts beyond what is open": (
        "start_part",
        *_REFUND[1:5],
        "start_part",
        *_REFUND[1:5],
        "start",
    ),
    "shared too early": _SHARED,
}
"""Steps that lead to where a defect matters, where chance goes there too seldom."""


@pytest.mark.parametrize("defect", DEFECTS)
async def test_a_planted_defect_is_found(
    world: World, others: FakePayees, monkeypatch: pytest.MonkeyPatch, defect: str
) -> None:
    """What the histories are for: each of these loses or invents money, and none goes unseen."""
    DEFECTS[defect](monkeypatch)
    with pytest.raises((AssertionError, CheckViolationError), match=MEANT[defect]):
        for seed in range(1, 61):
            await History(world, others, seed, FIRST.get(defect, ())).run()
