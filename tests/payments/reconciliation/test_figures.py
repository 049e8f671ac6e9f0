"""A day's statement taken again with other figures: open cases follow, decided ones are open again.

Whatever two statements of one day say, and whatever was posted after the first, the books agree
with the second to the fen once the cases that it leaves open are closed.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import count, product
from random import Random
from typing import NamedTuple
from uuid import UUID

import pytest

from core.database import connection, fetch_all
from core.errors import Conflict
from payments.events import Oddity, OddityFound
from payments.ledger import store as ledger
from payments.ledger import verify
from payments.ledger.accounts import difference_with, psp_receivable
from payments.models import Intent, Refund
from payments.reconciliation import cases, corrections, costs, handlers, service
from payments.reconciliation.domain import UNSETTLED, CorrectionKind
from payments.reconciliation.models import Case, CaseNote, Correction, Statement
from payments.reconciliation.standing import Figures
from payments.statements import Line
from tests.payments.reconciliation.books import CHIEF, CLERK, PSP, Books, at, check_ledger

KIND = CorrectionKind
DAYS = (date(2026, 9, 5) + timedelta(days=n) for n in count())
"""Each used once: no statement is looked at after three months."""


class Told(NamedTuple):
    """The faithful lines of a day: a payment, and one with a refund."""

    paid: Line
    other: Line
    back: Line


def _line(line: Line, **changes: object) -> Line:
    return line._replace(**changes)  # type: ignore[arg-type]


def _stranger(told: Told, fen: int) -> Line:
    return _line(told.paid, ref="THEIRS", order_ref="THEIRS", amount_fen=fen)


def _portal(told: Told, fen: int) -> Line:
    return _line(told.back, ref="portal-1", order_ref=told.paid.ref, their_ref="T1", amount_fen=fen)


BILLS: dict[str, Callable[[Told], Sequence[Line]]] = {
    "faithful": lambda t: t,
    "amount 990": lambda t: (_line(t.paid, amount_fen=990), t.other, t.back),
    "amount 980": lambda t: (_line(t.paid, amount_fen=980), t.other, t.back),
    "fee 9": lambda t: (_line(t.paid, fee_fen=9), t.other, t.back),
    "fee 11": lambda t: (_line(t.paid, fee_fen=11), t.other, t.back),
    "coupon 900": lambda t: (_line(t.paid, settled_fen=900, fee_fen=5), t.other, t.back),
    "coupon 800": lambda t: (_line(t.paid, settled_fen=800, fee_fen=5), t.other, t.back),
    "not there": lambda t: (t.other, t.back),
    "refund not there": lambda t: (t.paid, t.other),
    "refund of 390": lambda t: (t.paid, t.other, _line(t.back, amount_fen=390)),
    "refund of 380": lambda t: (t.paid, t.other, _line(t.back, amount_fen=380)),
    "stranger 500": lambda t: (*t, _stranger(t, 500)),
    "stranger 300": lambda t: (*t, _stranger(t, 300)),
    "twice": lambda t: (*t, _line(t.paid, their_ref="T2")),
    "twice, of 700": lambda t: (*t, _line(t.paid, their_ref="T2", amount_fen=700)),
    "by hand 400": lambda t: (*t, _portal(t, 400)),
    "by hand 300": lambda t: (*t, _portal(t, 300)),
}
"""What a bill of one day may say."""
_FINAL = frozenset({KIND.TAKE_BACK, KIND.BANK_REFUND, KIND.BOOK_REFUND})


def _drawn(first: str) -> Sequence[str]:
    """Second bills of a day: a faithful one, one of the same kind with other figures, another."""
    same = [bill for bill in BILLS if bill[:6] == first[:6] and bill != first]
    other = Random(first).choice([bill for bill in BILLS if bill[:6] != first[:6]])
    return ["faithful", *same, other]


async def _day(books: Books) -> tuple[date, Told]:
    on = next(DAYS)
    paid = await books.paid(at(on, "12:00:00"), 1000)
    other = await books.paid(at(on, "12:30:00"), 2000)
    back = await books.refunded(other, 400, at(on, "13:00:00"), at(on, "13:00:05"))
    books.go_to(at(on + timedelta(days=1), "10:30:00"))
    return on, Told(await books.line(paid), await books.line(other), await books.refund_line(back))


async def _tell(books: Books, on: date, lines: Sequence[Line]) -> None:
    await books.told(on, lines)
    await costs.post_fees(books.app, PSP, on)


async def _fen() -> int:
    return (await ledger.get_balance(psp_receivable(PSP))).balance_fen


async def _said(on: date) -> int:
    row = await Statement.get(source=PSP, booked_on=on)
    return row.their_paid_fen - row.their_refunded_fen - row.their_fee_fen


async def _close(books: Books, on: date, *, prefers_final: bool) -> None:
    """Close what is open of a day, each by the first correction that is taken."""
    for case in await Case.filter(booked_on=on, state__in=UNSETTLED).order_by("id"):
        fitting = corrections.possible(books.app, case) - {KIND.NO_POSTING}
        for kind in sorted(fitting, key=lambda kind: (kind in _FINAL) != prefers_final):
            try:
                await books.corrected(case.id, kind)
                break
            except Conflict as refused:
                assert refused.code == "NOT_POSSIBLE"
                waiting = await Correction.get(case_id=case.id, state="proposed")
                await corrections.reject(books.app, waiting.id, staff_id=CHIEF)
        else:
            pytest.fail(f"no way to close {case.kind} {case.our_fen} {case.their_fen}")


async def _follow(books: Books, first: str, second: str, *, closes: bool, final: bool) -> None:
    on, told = await _day(books)
    begun_fen = await _fen() - 1000 - 2000 + 400
    for n, bill in enumerate((first, second, second, first)):
        await _tell(books, on, BILLS[bill](told))
        if closes or n > 0:
            await _close(books, on, prefers_final=final)
            assert await _fen() - begun_fen == await _said(on), (first, second, n, closes, final)


@pytest.mark.parametrize("first", BILLS)
async def test_the_books_follow_the_newest_statement(books: Books, first: str) -> None:
    for second in _drawn(first):
        await _follow(books, first, second, closes=True, final=False)
    await _follow(books, first, second, closes=True, final=True)
    await _follow(books, first, second, closes=False, final=False)
    await check_ledger()
    assert (await verify.verify()).faults == []


async def _amount_case(books: Books) -> tuple[date, Line, Case]:
    """A payment that the bill has with 990 fen instead of 1,000."""
    on, told = await _day(books)
    await _tell(books, on, BILLS["amount 990"](told))
    [case] = await Case.all()
    return on, told.paid, case


async def _journals() -> list[dict[str, str]]:
    return await fetch_all(connection(), "SELECT key FROM payments_journal WHERE kind = 'correct'")


async def _again(books: Books, on: date, line: Line, fen: int) -> None:
    other, back = [await books.line(i) for i in await _others(line)], []
    for refund in await Refund.all():
        back.append(await books.refund_line(refund.id))
    await _tell(books, on, [_line(line, amount_fen=fen), *other, *back])


async def _others(line: Line) -> list[UUID]:
    return [intent.id for intent in await Intent.all() if intent.id.hex != line.ref]


async def test_nothing_is_decided_on_figures_that_were_not_seen(books: Books) -> None:
    on, line, case = await _amount_case(books)
    seen = Figures.of(case)
    made = await books.proposed(case.id, KIND.WRITE_OFF)
    await _again(books, on, line, 980)
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            await corrections.approve(books.app, made.id, staff_id=CHIEF)
        assert refused.value.code == "FIGURES_CHANGED"
    await corrections.reject(books.app, made.id, staff_id=CHIEF)
    with pytest.raises(Conflict) as refused:
        await corrections.propose(
            books.app,
            case.id,
            KIND.WRITE_OFF,
            seen=seen,
            staff_id=CLERK,
            note="old",
            key="the-key-1",
        )
    assert refused.value.code == "FIGURES_CHANGED"
    assert await Correction.filter(state="proposed").count() == 0
    assert await _journals() == []
    assert (await Case.get(id=case.id)).state == "open"
    await books.corrected(case.id, KIND.WRITE_OFF)
    assert (await ledger.get_balance(difference_with(PSP))).balance_fen == 20


async def test_what_is_proposed_is_approved_if_the_figures_are_again_what_they_were(
    books: Books,
) -> None:
    on, line, case = await _amount_case(books)
    made = await books.proposed(case.id, KIND.WRITE_OFF)
    for fen in (980, 990):
        await _again(books, on, line, fen)
    assert (await corrections.approve(books.app, made.id, staff_id=CHIEF)).state == "approved"
    assert (await ledger.get_balance(difference_with(PSP))).balance_fen == 10


async def test_a_case_s_trail_tells_what_its_figures_were(books: Books) -> None:
    on, line, case = await _amount_case(books)
    await _again(books, on, line, 980)
    await service.take_up(books.app, case.id, actor="clerk", note="mine")
    await _again(books, on, line, 970)
    assert (await Case.get(id=case.id)).state == "investigating"
    await books.corrected(case.id, KIND.WRITE_OFF)
    for _ in range(2):  # the same again changes nothing
        await _again(books, on, line, 960)
    notes = await CaseNote.filter(case_id=case.id).order_by("id")
    assert [(note.event, note.note) for note in notes] == [
        ("open", ""),
        ("change", "ours 1000 -> 1000 fen, theirs 990 -> 980 fen"),
        ("take", "mine"),
        ("change", "ours 1000 -> 1000 fen, theirs 980 -> 970 fen"),
        ("resolve", "checked"),
        ("reopen", "ours 1000 -> 1000 fen, theirs 970 -> 960 fen"),
    ]
    decided = await Correction.get(case_id=case.id)
    assert (decided.our_fen, decided.their_fen) == (1000, 970)
    assert (await Case.get(id=case.id)).closed_at is None
    assert await cases.is_blocked(connection(), "water", on)


async def test_an_open_case_ends_when_the_newest_statement_agrees(books: Books) -> None:
    on, line, case = await _amount_case(books)
    made = await books.proposed(case.id, KIND.WRITE_OFF)
    await _again(books, on, line, 1000)
    assert (await Case.get(id=case.id)).state == "cleared"
    with pytest.raises(Conflict) as refused:
        await corrections.approve(books.app, made.id, staff_id=CHIEF)
    assert refused.value.code == "NOT_POSSIBLE"
    await _again(books, on, line, 980)
    back = await Case.get(id=case.id)
    assert (back.state, back.their_fen) == ("open", 980)
    assert await _journals() == []


async def test_a_payee_s_case_closed_in_words_is_open_again_with_other_figures(
    books: Books,
) -> None:
    on, told = await _day(books)
    mirror = [line._replace(fee_fen=0) for line in (told.paid, told.other)]
    for fen, state in ((990, "open"), (990, "resolved"), (980, "open"), (1000, "cleared")):
        await books.told(on, [_line(mirror[0], amount_fen=fen), mirror[1]], "water")
        [case] = await Case.filter(kind="amount")
        assert (case.state, case.their_fen) == (state, min(fen, 990) if fen < 1000 else 980)
        if fen == 990 and state == "open":
            await books.corrected(case.id, KIND.NO_POSTING)


@pytest.mark.parametrize("fen", [300, 500])
@pytest.mark.parametrize("posts_first", [True, False])
async def test_a_bill_that_tells_another_amount_than_the_word_is_a_case(
    books: Books, fen: int, posts_first: bool
) -> None:
    """The word's posting is not taken for the bill's."""
    on, told = await _day(books)
    begun_fen = await _fen() - 1000 - 2000 + 400
    paid = UUID(told.paid.ref)
    word = OddityFound(Oddity.FOREIGN_REFUND, PSP, paid, "water", paid.hex, "T1", 1000, 400, on)
    await handlers.open_case(books.app, word)
    [said] = await Case.all()
    if posts_first:
        await books.corrected(said.id, KIND.BOOK_REFUND)
    for _ in range(2):
        await _tell(books, on, [*told, _portal(told, fen)])
        if not posts_first and said.state == "open":  # which closes the word's case, too
            await books.corrected((await Case.get(kind="refund")).id, KIND.BOOK_REFUND)
            await said.refresh_from_db()
        await _close(books, on, prefers_final=True)
        assert await _fen() - begun_fen == await _said(on)
    assert {case.state for case in await Case.all()} == {"resolved"}
    assert (await Intent.get(id=paid)).refunded_fen == (400 if posts_first else fen)
    await check_ledger()


@pytest.mark.soak
@pytest.mark.parametrize("first", BILLS)
async def test_the_books_follow_every_other_statement(books: Books, first: str) -> None:
    for second, closes, final in product(BILLS, (True, False), (True, False)):
        await _follow(books, first, second, closes=closes, final=final)
    await check_ledger()
    assert (await verify.verify()).faults == []
