"""Every correction of every kind of case: afterwards the books agree with the other side.

Each row plants one event, has both sides tell of its day, closes its case, has them tell of the
same day again and of the next, pays out, and has the PSP settle what its bills come to: the PSP's
account is at zero, the bank's is what the bank says, the payee has what it is due, the payer's
payment is in the state that is true, and no case is open. Where something is left, the row says so.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

import pytest

from core.database import transaction
from payments import settlement
from payments.bank import entries
from payments.events import Oddity, OddityFound, PaymentRefunded
from payments.ledger import store as ledger
from payments.ledger import verify
from payments.ledger.accounts import (
    BANK,
    MAIN_ACCOUNT,
    Account,
    bank_account,
    payee_payable,
    psp_receivable,
    settled_out,
)
from payments.models import Intent, Refund
from payments.psp.port import RefundState, RefundView
from payments.reconciliation import corrections, costs, handlers, payouts
from payments.reconciliation.domain import CorrectionKind
from payments.reconciliation.models import Case, Statement
from payments.statements import Line, misread
from sandbox.systems.settlement_bank.account import Movement
from tests.payments import bank
from tests.payments.reconciliation.books import PSP, Books, at, check_ledger

DAY = date(2026, 11, 20)
NEXT = DAY + timedelta(days=1)
AFTER = NEXT + timedelta(days=1)
LAST = AFTER + timedelta(days=1)
KIND = CorrectionKind
NOON = at(DAY, "12:00:00")
REFUND_AT = at(DAY, "13:00:00")


@dataclass
class Told:
    """What the two sides tell of DAY, and which payment it is about."""

    intent_id: UUID | None
    psp: list[Line] = field(default_factory=list)
    payee: list[Line] = field(default_factory=list)
    on_next: list[Line] = field(default_factory=list)
    """What the PSP tells of NEXT."""
    bank: list[Movement] = field(default_factory=list)
    """What the bank books on AFTER beside the settlement."""
    bank_first: list[Movement] = field(default_factory=list)
    """What the bank books on DAY."""
    words: list[OddityFound] = field(default_factory=list)
    """What the PSP says at once."""

    def say(self, oddity: Oddity, ref: str, their_ref: str | None, fen: int | None) -> None:
        """Have the PSP say something of the payment."""
        found = OddityFound(oddity, PSP, self.intent_id, "water", ref, their_ref, 1000, fen, DAY)
        self.words.append(found)


Build = Callable[[Books], Awaitable[Told]]


async def _paid(books: Books, amount_fen: int = 1000) -> tuple[UUID, Told]:
    """A payment that both sides tell of."""
    paid = await books.paid(NOON, amount_fen)
    line, mirror = await books.line(paid), await books.line(paid, fee_bps=0)
    return paid, Told(paid, [line], [mirror])


def _change(line: Line, **changes: object) -> Line:
    return line._replace(**changes)  # type: ignore[arg-type]


def _portal(line: Line, fen: int, fee_fen: int) -> Line:
    """A refund made in the PSP's portal."""
    return _change(
        line, is_refund=True, ref="portal-1", their_ref="5030000001", amount_fen=fen,
        fee_fen=fee_fen, at=REFUND_AT,
    )  # fmt: skip


async def _unknown_payment(books: Books) -> Told:
    _, told = await _paid(books)
    stranger = _change(told.psp[0], ref="THEIRS", order_ref="THEIRS", their_ref="T9")
    told.psp.append(stranger)
    return told


async def _never_came(books: Books) -> Told:
    _, told = await _paid(books)
    told.psp.clear()
    return told


async def _not_in_the_payees_file(books: Books) -> Told:
    _, told = await _paid(books)
    told.payee.clear()
    return told


async def _other_amount_in_bill(books: Books) -> Told:
    _, told = await _paid(books)
    told.psp[0] = _change(told.psp[0], amount_fen=990)
    return told


async def _other_refund_amount(books: Books) -> Told:
    paid, told = await _paid(books)
    back = await books.refund_line(await books.refunded(paid, 400, REFUND_AT, REFUND_AT))
    told.psp.append(_change(back, amount_fen=390))
    return told


async def _dear(books: Books) -> Told:
    _, told = await _paid(books)
    told.psp[0] = _change(told.psp[0], fee_fen=9)
    return told


async def _fee_kept_of_a_refund(books: Books) -> Told:
    paid, told = await _paid(books)
    back = await books.refund_line(await books.refunded(paid, 400, REFUND_AT, REFUND_AT))
    told.psp.append(_change(back, fee_fen=0))
    return told


async def _coupon(books: Books) -> Told:
    _, told = await _paid(books)
    told.psp[0] = _change(told.psp[0], settled_fen=900, fee_fen=5)
    return told


async def _coupon_comes_back(books: Books) -> Told:
    paid, told = await _paid(books)
    told.psp[0] = _change(told.psp[0], settled_fen=900, fee_fen=5)
    back = await books.refund_line(await books.refunded(paid, 1000, REFUND_AT, REFUND_AT))
    told.psp.append(_change(back, settled_fen=900, fee_fen=5))
    return told


async def _told_of_another_day(books: Books) -> Told:
    _, told = await _paid(books)
    told.psp[0] = _change(told.psp[0], at=at(NEXT, "09:00:00"))
    return told


async def _twice(books: Books) -> Told:
    _, told = await _paid(books)
    told.psp.append(_change(told.psp[0], their_ref="T2"))
    return told


async def _refund_twice(books: Books) -> Told:
    paid, told = await _paid(books)
    back = await books.refund_line(await books.refunded(paid, 400, REFUND_AT, REFUND_AT))
    told.psp += [back, back]
    return told


async def _refund_in_bill_alone(books: Books) -> Told:
    _, told = await _paid(books)
    told.psp.append(_portal(told.psp[0], 400, 2))
    return told


async def _refund_of_a_stranger(books: Books) -> Told:
    _, told = await _paid(books)
    told.psp.append(_change(_portal(told.psp[0], 400, 2), order_ref="THEIRS"))
    return told


async def _refund_not_in_bill(books: Books) -> Told:
    paid, told = await _paid(books)
    await books.refunded(paid, 400, REFUND_AT, REFUND_AT)
    told.bank.append(bank.unknown("B1", -400))  # paid to the payer by hand
    return told


async def _refund_not_in_bill_but_had(books: Books) -> Told:
    told = await _refund_not_in_bill(books)
    told.bank.clear()
    return told


async def _misread(books: Books) -> Told:
    _, told = await _paid(books)
    told.psp.append(misread("x", "y", "another merchant", NOON))
    return told


async def _refused_refund(books: Books, oddity: Oddity) -> Told:
    paid, told = await _paid(books)
    refund_id = await books.refunded(paid, 400, REFUND_AT)
    async with transaction() as tx:
        view = RefundView(refund_id, RefundState.FAILED)
        await settlement.apply_refund(books.app, tx, PSP, view)
    told.say(oddity, refund_id.hex, None, None)
    told.bank.append(bank.unknown("B1", -400))
    return told


async def _refund_refused(books: Books) -> Told:
    return await _refused_refund(books, Oddity.REFUND_REFUSED)


async def _refund_overdue(books: Books) -> Told:
    return await _refused_refund(books, Oddity.REFUND_OVERDUE)


def _says(told: Told, oddity: Oddity, their_ref: str, fen: int | None) -> Told:
    """What a callback tells of the payment."""
    assert told.intent_id is not None
    told.say(oddity, told.intent_id.hex, their_ref, fen)
    return told


async def _second_capture(books: Books) -> Told:
    return _says(await _twice(books), Oddity.SECOND_CAPTURE, "T2", 1000)


async def _foreign_refund(books: Books) -> Told:
    told = await _refund_in_bill_alone(books)
    return _says(told, Oddity.FOREIGN_REFUND, "5030000001", 400)


async def _foreign_refund_of_all(books: Books) -> Told:
    _, told = await _paid(books)
    told.psp.append(_portal(told.psp[0], 1000, 6))
    return _says(told, Oddity.FOREIGN_REFUND, "5030000001", 1000)


async def _foreign_refund_before_acceptance(books: Books) -> Told:
    paid = await books.paid(NOON, 1000, fulfilled=False)
    line = await books.line(paid)
    told = Told(paid, [line, _portal(line, 400, 2)])
    return _says(told, Oddity.FOREIGN_REFUND, "5030000001", 400)


async def _foreign_refund_of_unknown_amount(books: Books) -> Told:
    return _says((await _paid(books))[1], Oddity.FOREIGN_REFUND, "T9", None)


async def _refused_and_made_by_hand(books: Books) -> Told:
    """The PSP refuses our refund, and staff make it in the portal."""
    told = await _refused_refund(books, Oddity.REFUND_REFUSED)
    told.bank.clear()
    told.psp.append(_portal(told.psp[0], 400, 2))
    return told


async def _other_amount(books: Books) -> Told:
    """It took another amount than was ordered: the payment is not paid."""
    intent = await books.ordered(NOON, 1000)
    line = Line(False, intent.id.hex, intent.id.hex, f"42{intent.id.hex}", 990, 6, NOON)
    return _says(Told(intent.id, [line]), Oddity.OTHER_AMOUNT, line.their_ref, 990)


def _of_nothing(oddity: Oddity) -> Build:
    async def build(books: Books) -> Told:
        return _says((await _paid(books))[1], oddity, "T9", 1000)

    return build


async def _bank_pays_in(books: Books) -> Told:
    told = (await _paid(books))[1]
    told.bank_first.append(bank.unknown("U1", 700))
    return told


async def _bank_takes(books: Books) -> Told:
    told = (await _paid(books))[1]
    told.bank_first.append(bank.unknown("U1", -30))
    return told


async def _payee_has_more(books: Books) -> Told:
    _, told = await _paid(books)
    told.payee.append(_change(told.payee[0], ref="W9", order_ref="W9"))
    return told


async def _payee_has_another_amount(books: Books) -> Told:
    _, told = await _paid(books)
    told.payee[0] = _change(told.payee[0], amount_fen=990)
    return told


async def _payee_has_it_twice(books: Books) -> Told:
    _, told = await _paid(books)
    told.payee *= 2
    return told


async def _payee_reverses(books: Books) -> Told:
    _, told = await _paid(books)
    back = _change(told.payee[0], is_refund=True, amount_fen=400, at=REFUND_AT)
    told.payee.append(back)
    return told


@dataclass(frozen=True)
class Row:
    """A kind of case closed by a correction: what is true then."""

    kind: str
    correction: KIND
    build: Build
    payout_fen: int = 1000
    state: str | None = "fulfilled"
    source: str = PSP
    then: Sequence[tuple[str, KIND]] = ()
    """What is opened by the bank or the bill meanwhile, and closed."""
    left_fen: int = 0
    """What the PSP's account is left with, and why."""
    why: str = ""


ROWS = [
    Row("missing_here", KIND.SUSPENSE, _unknown_payment),
    Row("missing_there", KIND.WRITE_OFF, _never_came),
    Row("missing_there", KIND.TAKE_BACK, _never_came, 0, why="nothing can be refunded of it"),
    Row("amount", KIND.WRITE_OFF, _other_amount_in_bill),
    Row("amount", KIND.WRITE_OFF, _other_refund_amount, 600, "partly_refunded"),
    Row("fee", KIND.COST, _dear),
    Row("fee", KIND.COST, _fee_kept_of_a_refund, 600, "partly_refunded"),
    Row("coupon", KIND.COST, _coupon),
    Row("date", KIND.NO_POSTING, _told_of_another_day),
    Row("duplicate", KIND.SUSPENSE, _twice),
    Row("duplicate", KIND.WRITE_OFF, _refund_twice, 600, "partly_refunded"),
    Row(
        "duplicate", KIND.NO_POSTING, _twice, left_fen=-1000,
        why="here the PSP pays what its bill comes to: the money was there, and SUSPENSE is right; "
        "where it does not, that is a case `settlement`",
    ),
    Row("refund", KIND.BOOK_REFUND, _refund_in_bill_alone, 600, "partly_refunded"),
    Row("refund", KIND.BOOK_REFUND, _refused_and_made_by_hand, 600, "partly_refunded"),
    Row("refund", KIND.WRITE_OFF, _refund_of_a_stranger),
    Row("refund", KIND.WRITE_OFF, _refund_not_in_bill_but_had, 600, "partly_refunded"),
    Row(
        "refund", KIND.BANK_REFUND, _refund_not_in_bill, 600, "partly_refunded",
        then=[("bank_entry", KIND.SUSPENSE)],
    ),
    Row("line", KIND.NO_POSTING, _misread),
    Row(
        "refund_refused", KIND.BANK_REFUND, _refund_refused, 600, "partly_refunded",
        then=[("bank_entry", KIND.SUSPENSE)],
    ),
    Row(
        "refund_overdue", KIND.BANK_REFUND, _refund_overdue, 600, "partly_refunded",
        then=[("bank_entry", KIND.SUSPENSE)],
    ),
    Row("second_capture", KIND.SUSPENSE, _second_capture),
    Row("duplicate", KIND.SUSPENSE, _second_capture),
    Row("foreign_refund", KIND.BOOK_REFUND, _foreign_refund, 600, "partly_refunded"),
    Row("refund", KIND.BOOK_REFUND, _foreign_refund, 600, "partly_refunded"),
    Row("foreign_refund", KIND.BOOK_REFUND, _foreign_refund_of_all, 0, "refunded"),
    Row("refund", KIND.BOOK_REFUND, _foreign_refund_of_all, 0, "refunded"),
    Row("foreign_refund", KIND.WRITE_OFF, _foreign_refund_before_acceptance, 0, "paid"),
    Row("foreign_refund", KIND.NO_POSTING, _foreign_refund_of_unknown_amount),
    Row("other_amount", KIND.SUSPENSE, _other_amount, 0, "awaiting"),
    Row(
        "other_amount", KIND.NO_POSTING, _other_amount, 0, "awaiting",
        then=[("missing_here", KIND.SUSPENSE)],
        why="the bill has the money, whatever the PSP said",
    ),
    Row("other_currency", KIND.NO_POSTING, _of_nothing(Oddity.OTHER_CURRENCY)),
    Row("other_time", KIND.NO_POSTING, _of_nothing(Oddity.OTHER_TIME)),
    Row("coupon", KIND.COST, _coupon_comes_back, 0, "refunded"),
    Row("bank_entry", KIND.SUSPENSE, _bank_pays_in, source=BANK),
    Row("bank_entry", KIND.COST, _bank_takes, source=BANK),
    Row("bank_entry", KIND.WRITE_OFF, _bank_takes, source=BANK),
    Row("missing_here", KIND.NO_POSTING, _payee_has_more, source="water"),
    Row("missing_there", KIND.NO_POSTING, _not_in_the_payees_file, source="water"),
    Row("missing_there", KIND.TAKE_BACK, _not_in_the_payees_file, 0, "refunded", "water"),
    Row("amount", KIND.NO_POSTING, _payee_has_another_amount, source="water"),
    Row("duplicate", KIND.NO_POSTING, _payee_has_it_twice, source="water"),
    Row("refund", KIND.NO_POSTING, _payee_reverses, source="water"),
    Row("refund", KIND.TAKE_BACK, _payee_reverses, 600, "partly_refunded", "water"),
]  # fmt: skip

_SAID_FIRST = ("foreign_refund", "second_capture", "other_amount")

ELSEWHERE = {
    ("settlement", KIND.WRITE_OFF): "test_bank: a settlement that is short",
    ("settlement", KIND.NO_POSTING): "the PSP owes the rest, which stays in its account",
    ("payout_refused", KIND.NO_POSTING): "test_bank: the transfer is renewed",
    ("payout_returned", KIND.NO_POSTING): "test_bank: the transfer is renewed",
    ("claim_overdue", KIND.WRITE_OFF): "test_claims",
    ("share_refused", KIND.NO_POSTING): "test_sharing: the share is asked for again",
    ("share_closed", KIND.NO_POSTING): "test_sharing: the payee has all",
    ("share_overdue", KIND.NO_POSTING): "test_sharing: the share is asked for again",
    ("return_refused", KIND.NO_POSTING): "test_sharing: the refund goes its way without it",
}
"""What this table has not, and where it is seen to instead."""


def test_every_correction_of_every_kind_is_seen_to() -> None:
    here = {(row.kind, row.correction) for row in ROWS if row.source not in ("water",)}
    there = {(kind, one) for kind, all_ in corrections.POSSIBLE.items() for one in all_}
    assert here | ELSEWHERE.keys() == {(str(kind), one) for kind, one in there}
    assert not here & ELSEWHERE.keys()


async def _fen(account: Account) -> int:
    return (await ledger.get_balance(account)).balance_fen


async def _compared(books: Books, on: date, psp: Sequence[Line], payee: Sequence[Line]) -> None:
    await books.told(on, psp)
    await costs.post_fees(books.app, PSP, on)
    await books.told(on, payee, "water")


async def _settled(books: Books, opening_fen: int, booked: Sequence[Movement]) -> int:
    """The PSP settles what its bills come to, as the bank's statement of AFTER."""
    rows = await Statement.filter(source=PSP)
    fen = sum(s.their_paid_fen - s.their_refunded_fen - s.their_fee_fen for s in rows)
    all_ = [*([bank.settled("S1", fen)] if fen else []), *booked]
    books.go_to(at(LAST, "09:00:00"))
    await entries.take(books.app, bank.statement(AFTER, opening_fen, all_))
    return opening_fen + sum(one.amount_fen for one in all_)


async def _end_refunds(books: Books, told: Told) -> None:
    """What the PSP has been asked for is made, and told of."""
    for refund in await Refund.filter(intent_id=told.intent_id, state="requested"):
        async with transaction() as tx:
            view = RefundView(refund.id, RefundState.SUCCEEDED, "50")
            await settlement.apply_refund(books.app, tx, PSP, view)
        told.on_next.append(await books.refund_line(refund.id))


async def _say(books: Books, told: Told) -> None:
    for found in told.words:
        await handlers.open_case(books.app, found)


async def _close(books: Books, row: Row) -> None:
    open_ = await Case.filter(kind=row.kind, source=row.source, state="open")
    assert open_
    for case in open_:
        assert row.correction in corrections.possible(books.app, case)
        await books.corrected(case.id, row.correction)
    for refund in await Refund.filter(state="succeeded"):
        intent = await Intent.get(id=refund.intent_id)
        news = intent.id, intent.payer_id, intent.kind, intent.subject_ref
        event = PaymentRefunded(*news, refund.id, refund.amount_fen)
        await handlers.clear_case(books.app, event)


async def _close_more(books: Books, row: Row) -> None:
    """What the bill or the bank has opened since, and what it is closed by."""
    for kind, correction in row.then:
        for case in await Case.filter(kind=kind, state="open"):
            await books.corrected(case.id, correction)


async def _live_on(books: Books, row: Row, told: Told, opening_fen: int) -> int:
    """Both sides tell of the day again and of the next, the payee is paid out, the PSP settles.
    Returns what the bank then says."""
    await _end_refunds(books, told)
    await _compared(books, DAY, told.psp, told.payee)
    await _close_more(books, row)
    assert {case.kind for case in await Case.filter(state="open")} == set()
    if await payouts.list_payees(DAY):
        payout = await payouts.pay_out(books.app, "water", DAY)
        assert payout.amount_fen == row.payout_fen
    books.go_to(at(AFTER, "10:30:00"))
    await _compared(books, NEXT, told.on_next, [])
    closing_fen = await _settled(books, opening_fen, told.bank)
    await _close_more(books, row)
    return closing_fen


async def _check(row: Row, told: Told, closing_fen: int) -> None:
    assert {(c.kind, c.our_fen, c.their_fen) for c in await Case.filter(state="open")} == set()
    assert await _fen(psp_receivable(PSP)) == row.left_fen
    assert await _fen(bank_account(MAIN_ACCOUNT)) == closing_fen
    assert await _fen(payee_payable("water")) == 0
    assert await _fen(settled_out("water")) == row.payout_fen * (row.state not in _NOT_PASSED_ON)
    if told.intent_id is not None:
        assert (await Intent.get(id=told.intent_id)).state == row.state
    await check_ledger()
    assert (await verify.verify()).faults == []


_NOT_PASSED_ON = ("paid", "awaiting")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.source}-{row.kind}-{row.correction}")
async def test_what_is_corrected_agrees_and_stays_so(books: Books, row: Row) -> None:
    told = await row.build(books)
    await _say(books, told)
    books.go_to(at(NEXT, "10:30:00"))
    await _compared(books, DAY, told.psp, told.payee)
    opening_fen = sum(one.amount_fen for one in told.bank_first)
    if told.bank_first:
        await entries.take(books.app, bank.statement(DAY, 0, told.bank_first))
    await _close(books, row)
    await _check(row, told, await _live_on(books, row, told, opening_fen))


WORDS = [row for row in ROWS if row.kind in _SAID_FIRST and row.correction != KIND.NO_POSTING]


@pytest.mark.parametrize("row", WORDS, ids=lambda row: f"{row.kind}-{row.correction}")
async def test_what_is_closed_before_the_bill_tells_of_it_is_not_opened(
    books: Books, row: Row
) -> None:
    told = await row.build(books)
    await _say(books, told)
    books.go_to(at(DAY, "23:00:00"))
    await _close(books, row)
    books.go_to(at(NEXT, "10:30:00"))
    await _compared(books, DAY, told.psp, told.payee)
    assert await Case.all().count() == 1
    await _check(row, told, await _live_on(books, row, told, 0))


@pytest.mark.parametrize("row", WORDS, ids=lambda row: f"{row.kind}-{row.correction}")
async def test_a_word_that_comes_after_the_bill_opens_nothing(books: Books, row: Row) -> None:
    told = await row.build(books)
    books.go_to(at(NEXT, "10:30:00"))
    await _compared(books, DAY, told.psp, told.payee)
    [case] = await Case.all()
    await _say(books, told)
    await books.corrected(case.id, row.correction)
    await _say(books, told)
    assert await Case.all().count() == 1
    await _check(row, told, await _live_on(books, row, told, 0))
