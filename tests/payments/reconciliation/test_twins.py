"""One event of which two cases tell: every order in which the two are closed, opened again, closed.

The rule that the outcomes are held against is said in one line: the last posting stands that some
case of the event still says; of a case closed without a posting nothing is said of the other's.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import product
from uuid import UUID

import pytest

from core.errors import Conflict
from payments.events import Oddity, OddityFound
from payments.ledger import store as ledger
from payments.ledger import verify
from payments.ledger.accounts import difference_with, suspense_of
from payments.models import Intent
from payments.reconciliation import corrections, handlers
from payments.reconciliation.domain import UNSETTLED, CorrectionKind
from payments.reconciliation.models import Case, Correction
from payments.statements import Line
from tests.payments.reconciliation.books import CHIEF, CLERK, PSP, Books, at, check_ledger
from tests.people import new_key

KIND = CorrectionKind
DAY = date(2026, 11, 20)
NOON = at(DAY, "12:00:00")
FEN = 400

WORDS: Mapping[str, tuple[Oddity, int | None]] = {
    "a refund by hand": (Oddity.FOREIGN_REFUND, FEN),
    "a refund by hand before acceptance": (Oddity.FOREIGN_REFUND, FEN),
    "a refund by hand, its amount untold": (Oddity.FOREIGN_REFUND, None),
    "a refund by hand before acceptance, its amount untold": (Oddity.FOREIGN_REFUND, None),
    "a second capture": (Oddity.SECOND_CAPTURE, FEN),
    "another amount": (Oddity.OTHER_AMOUNT, FEN),
}
STEPS = 3


async def _event(books: Books, name: str) -> tuple[Case, Case]:
    """An event of which the PSP tells at once and in its bill: the cases of both."""
    oddity, fen = WORDS[name]
    if oddity is Oddity.OTHER_AMOUNT:
        intent_id = (await books.ordered(NOON, 1000)).id
        lines = [Line(False, intent_id.hex, intent_id.hex, "T9", FEN, 0, NOON)]
    else:
        intent_id = await books.paid(NOON, 1000, fulfilled="before acceptance" not in name)
        line = await books.line(intent_id)
        at_ = at(DAY, "13:00:00")
        more = line._replace(amount_fen=FEN, their_ref="T9", at=at_)
        if oddity is Oddity.FOREIGN_REFUND:
            more = more._replace(is_refund=True, ref=f"portal-{intent_id.hex}"[:64])
        lines = [line, more]
    word = OddityFound(oddity, PSP, intent_id, "water", intent_id.hex, "T9", 1000, fen, DAY)
    await handlers.open_case(books.app, word)
    books.go_to(at(DAY + timedelta(days=1), "10:30:00"))
    await books.told(DAY, lines)
    [said] = await Case.filter(intent_id=intent_id, kind=oddity)
    [told] = await Case.filter(intent_id=intent_id).exclude(kind=oddity)
    return said, told


async def _posted(intent_id: UUID) -> int:
    """What corrections moved of the event beside the PSP's money, and refunds of the payment."""
    sums = [await ledger.get_balance(one(PSP)) for one in (difference_with, suspense_of)]
    refunded_fen: int = (await Intent.get(id=intent_id)).refunded_fen
    return sum(abs(one.balance_fen) for one in sums) + refunded_fen


def _expected(steps: list[tuple[int, KIND]]) -> int:
    """By the rule; what a payer has had stays."""
    last: dict[int, KIND] = {}
    for case_id, kind in steps:
        last[case_id] = kind
    had = any(kind == KIND.BOOK_REFUND for _, kind in steps)
    return FEN if had or any(kind != KIND.NO_POSTING for kind in last.values()) else 0


async def _close(books: Books, case: Case, kind: KIND) -> bool:
    """Close a case, opened again if it is closed; False where that is refused."""
    now = await Case.get(id=case.id)
    if now.state not in UNSETTLED:
        key = new_key()
        await corrections.reopen(books.app, case.id, staff_id=CLERK, note="again", key=key)
    try:
        await books.corrected(case.id, kind)
    except Conflict as refused:
        assert refused.code == "NOT_POSSIBLE"
        waiting = await Correction.get_or_none(case_id=case.id, state="proposed")
        if waiting is not None:
            await corrections.reject(books.app, waiting.id, staff_id=CHIEF)
        return False
    return True


async def _runs(books: Books, name: str) -> list[tuple[tuple[bool, KIND], ...]]:
    said, told = await _event(books, name)
    moves = [
        (is_bill, kind)
        for is_bill, case in ((False, said), (True, told))
        for kind in sorted(corrections.possible(books.app, case))
    ]
    return list(product(moves, repeat=STEPS))


@pytest.mark.parametrize("name", WORDS)
async def test_the_last_posting_that_a_case_still_says_stands(books: Books, name: str) -> None:
    begun_fen = 0
    for run in await _runs(books, name):
        said, told = await _event(books, name)
        assert said.intent_id is not None
        done: list[tuple[int, KIND]] = []
        for is_bill, kind in run:
            case = told if is_bill else said
            if await _close(books, case, kind):
                done.append((case.id, kind))
            fen = await _posted(said.intent_id) - begun_fen
            assert fen == _expected(done), (run, done)
            await _stands(said, told, fen)
        begun_fen = await _posted(said.intent_id)
        begun_fen -= (await Intent.get(id=said.intent_id)).refunded_fen
    await check_ledger()
    assert (await verify.verify()).faults == []


async def _stands(said: Case, told: Case, fen: int) -> None:
    """No closed case of money is without its posting, and no open one but what was refused."""
    for case in (said, told):
        rows = Correction.filter(case_id=case.id, state="approved").order_by("-decided_at", "-id")
        last, state = await rows.first(), (await Case.get(id=case.id)).state
        if state == "resolved" and (last is None or last.kind != KIND.NO_POSTING):
            assert fen == FEN, case.kind


async def test_a_notice_without_an_amount_says_nothing_of_two_refunds(books: Books) -> None:
    """It is of the same event as either; each of them keeps its own posting."""
    intent_id = await books.paid(NOON, 1000, fulfilled=False)
    line = await books.line(intent_id)
    word = OddityFound(
        Oddity.FOREIGN_REFUND, PSP, intent_id, "water", intent_id.hex, "T9", 1000, None, DAY
    )
    await handlers.open_case(books.app, word)
    books.go_to(at(DAY + timedelta(days=1), "10:30:00"))
    more = [
        line._replace(is_refund=True, ref=f"portal-{fen}", their_ref=f"T{fen}", amount_fen=fen)
        for fen in (100, 300)
    ]
    await books.told(DAY, [line, *more])
    for case in await Case.filter(kind="refund").order_by("id"):
        assert await _close(books, case, KIND.WRITE_OFF)
    assert await _close(books, await Case.get(kind=Oddity.FOREIGN_REFUND), KIND.NO_POSTING)
    assert {case.state for case in await Case.all()} == {"resolved"}
    assert await _posted(intent_id) == 400
    await check_ledger()
