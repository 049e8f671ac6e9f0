"""Cases are closed by postings, by two people: what is posted, refused, and in the books after."""

import asyncio
from datetime import date, timedelta
from uuid import UUID

import asyncpg
import pytest

from core.database import parse_url, transaction
from core.errors import Conflict, NotFound
from core.ids import new_id
from core.processes.embedded import DatabaseUrls
from core.states import IllegalTransition
from payments import settlement
from payments.bank import entries
from payments.events import Oddity, OddityFound
from payments.ledger import store as ledger
from payments.ledger import verify
from payments.ledger.accounts import (
    BANK,
    Account,
    bank_account,
    cost_of,
    difference_with,
    payee_claim,
    payee_payable,
    psp_receivable,
    suspense_of,
)
from payments.models import Intent, Refund
from payments.psp.port import RefundState, RefundView
from payments.reconciliation import corrections, handlers, payouts
from payments.reconciliation.domain import BreakKind, CorrectionKind
from payments.reconciliation.models import Case, Correction
from payments.statements import Line
from tests.payments import bank
from tests.payments.reconciliation.books import CHIEF, CLERK, PSP, Books, at, check_ledger, found
from tests.people import new_key

DAY = date(2026, 11, 20)
NEXT = DAY + timedelta(days=1)
KIND = CorrectionKind


async def _fen(account: Account) -> int:
    return (await ledger.get_balance(account)).balance_fen


async def _sound() -> None:
    await check_ledger()
    assert (await verify.verify()).faults == []


async def _case(kind: str) -> Case:
    return await Case.get(kind=kind, source=PSP)


def test_every_kind_of_case_can_be_closed() -> None:
    assert set(corrections.POSSIBLE) == {*BreakKind, *Oddity}
    assert all(corrections.POSSIBLE.values())


async def test_money_that_never_came_is_taken_back_and_not_paid_out(books: Books) -> None:
    """Resolving such a case in words paid out what no PSP ever had."""
    forged, real = [await books.paid(at(DAY, "12:00:00"), 1000) for _ in range(2)]
    await books.told(DAY, [await books.line(real)])
    await books.told(DAY, [await books.line(i, fee_bps=0) for i in (forged, real)], "water")
    books.go_to(at(NEXT, "10:30:00"))
    case = await _case("missing_there")
    with pytest.raises(Conflict, match="NOT_POSSIBLE"):
        await books.corrected(case.id, KIND.NO_POSTING)
    await books.corrected(case.id, KIND.TAKE_BACK, "no such order at the PSP")
    payout = await payouts.pay_out(books.app, "water", DAY)
    assert (payout.fulfilled_fen, payout.reversed_fen, payout.amount_fen) == (2000, 1000, 1000)
    assert await _fen(psp_receivable(PSP)) == 1000
    with pytest.raises(Conflict, match="TAKEN_BACK"):
        await books.refunded(forged, 1000, at(NEXT, "12:00:00"))
    assert await Refund.all().count() == 0
    assert (await Intent.get(id=forged)).state == "fulfilled"
    assert (await _fen(payee_claim("water")), await _fen(psp_receivable(PSP))) == (0, 1000)
    await _sound()


async def test_a_difference_is_written_off_and_its_payee_paid(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"), 1000)
    line = await books.line(paid)
    await books.told(DAY, [line._replace(amount_fen=990, settled_fen=None)])
    await books.told(DAY, [await books.line(paid, fee_bps=0)], "water")
    books.go_to(at(NEXT, "10:30:00"))
    await books.corrected((await _case("amount")).id, KIND.WRITE_OFF)
    assert await _fen(difference_with(PSP)) == 10
    assert await _fen(psp_receivable(PSP)) == 990
    assert (await payouts.pay_out(books.app, "water", DAY)).amount_fen == 1000
    await _sound()


async def test_fees_and_coupons_are_costs(books: Books) -> None:
    first, second = [await books.paid(at(DAY, "12:00:00"), 1000) for _ in range(2)]
    dear = (await books.line(first))._replace(fee_fen=9)
    coupon = (await books.line(second))._replace(settled_fen=900, fee_fen=5)
    await books.told(DAY, [dear, coupon])
    await books.corrected((await _case("fee")).id, KIND.COST)
    await books.corrected((await _case("coupon")).id, KIND.COST)
    assert await _fen(cost_of(PSP)) == 3 + 100
    await _sound()


async def test_money_that_nobody_here_knows_is_kept_apart(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"), 1000)
    line = await books.line(paid)
    await books.told(DAY, [line, line._replace(ref="THEIRS", order_ref="THEIRS")])
    await books.corrected((await _case("missing_here")).id, KIND.SUSPENSE)
    assert await _fen(suspense_of(PSP)) == 1000
    assert await _fen(psp_receivable(PSP)) == 2000
    await _sound()


async def _oddity(books: Books, oddity: Oddity, intent_id: UUID, ref: str, fen: int) -> Case:
    found = OddityFound(oddity, PSP, intent_id, "water", ref, "T1", 1000, fen, DAY)
    await handlers.open_case(books.app, found)
    return await _case(oddity)


async def test_a_refund_made_at_the_psp_by_hand_is_booked(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"), 1000)
    case = await _oddity(books, Oddity.FOREIGN_REFUND, paid, paid.hex, 400)
    await books.corrected(case.id, KIND.BOOK_REFUND, "returned in the portal")
    intent = await Intent.get(id=paid)
    assert (intent.state, intent.refunded_fen) == ("partly_refunded", 400)
    assert await _fen(payee_payable("water")) == 600
    await _sound()


async def _made_in_portal(books: Books, fen: int) -> tuple[UUID, Line]:
    """A payment, and what the bill tells of a refund that staff make in the PSP's portal."""
    paid = await books.paid(at(DAY, "12:00:00"), 1000)
    line = await books.line(paid)
    portal = Line(True, "portal-1", paid.hex, "T1", fen, 2, at(DAY, "13:00:00"))
    books.go_to(at(NEXT, "10:30:00"))
    await books.told(DAY, [line, portal])
    return paid, portal


async def test_a_refund_made_by_hand_is_booked_once_by_two_at_a_time(books: Books) -> None:
    """The callback and the bill each had a case, and each booked it."""
    paid = await books.paid(at(DAY, "12:00:00"), 1000)
    word = await _oddity(books, Oddity.FOREIGN_REFUND, paid, paid.hex, 400)
    portal = Line(True, "portal-1", paid.hex, "T1", 400, 2, at(DAY, "13:00:00"))
    await books.told(DAY, [await books.line(paid), portal])
    made = [
        await books.proposed(id, KIND.BOOK_REFUND) for id in (word.id, (await _case("refund")).id)
    ]
    done = await asyncio.gather(
        *(corrections.approve(books.app, one.id, staff_id=CHIEF) for one in made),
        return_exceptions=True,
    )
    [refused] = [one for one in done if isinstance(one, BaseException)]
    assert isinstance(refused, Conflict) and refused.code == "NOT_POSSIBLE"
    assert (await Intent.get(id=paid)).refunded_fen == 400
    assert (await _fen(psp_receivable(PSP)), await _fen(payee_payable("water"))) == (600, 600)
    assert {case.state for case in await Case.all()} == {"resolved"}
    await _sound()


async def test_a_refund_that_can_be_booked_is_not_written_off(books: Books) -> None:
    """Its payer would have the money and a payment that says it is not returned."""
    paid, _ = await _made_in_portal(books, 400)
    with pytest.raises(Conflict, match="NOT_POSSIBLE"):
        await books.corrected((await _case("refund")).id, KIND.WRITE_OFF)
    assert (await Intent.get(id=paid)).refunded_fen == 0
    assert (await _case("refund")).state == "open"
    assert await _fen(difference_with(PSP)) == 0


async def test_a_second_refund_by_hand_is_a_case_of_its_own(books: Books) -> None:
    paid, portal = await _made_in_portal(books, 400)
    await books.corrected((await _case("refund")).id, KIND.BOOK_REFUND)
    second = portal._replace(ref="portal-2", their_ref="T2", at=at(NEXT, "09:00:00"))
    books.go_to(at(NEXT, "23:00:00"))
    await books.told(NEXT, [second])
    assert await found() == {("refund", "portal-2")}
    await books.corrected((await Case.get(ref="portal-2")).id, KIND.BOOK_REFUND)
    assert (await Intent.get(id=paid)).refunded_fen == 800
    assert await _fen(psp_receivable(PSP)) == 200
    await _sound()


async def test_money_a_payee_has_not_booked_goes_back_once_the_psp_has_it(books: Books) -> None:
    """Nobody had said that the money came: there was nothing to give back."""
    paid = await books.paid(at(DAY, "12:00:00"), 1000)
    await books.told(DAY, [])
    await books.told(DAY, [], "water")
    case = await Case.get(kind="missing_there", source="water")
    with pytest.raises(Conflict, match="NOT_POSSIBLE"):
        await books.corrected(case.id, KIND.TAKE_BACK)
    assert (await Intent.get(id=paid)).state == "fulfilled"
    await books.told(DAY, [await books.line(paid)])
    proposal = await Correction.get(case_id=case.id)
    await corrections.approve(books.app, proposal.id, staff_id=CHIEF)
    refund = await Refund.get(intent_id=paid)
    assert (refund.state, refund.amount_fen, refund.reason) == (
        "requested", 1000, "NOT_BOOKED_BY_PAYEE",
    )  # fmt: skip
    assert (await Intent.get(id=paid)).state == "refunding"
    assert (await _fen(psp_receivable(PSP)), await _fen(payee_payable("water"))) == (1000, 0)
    await _sound()


async def test_an_outflow_is_no_suspense_where_nothing_is_kept(books: Books) -> None:
    await entries.take(books.app, bank.statement(DAY, 0, [bank.unknown("U1", -30)]))
    case = await Case.get(kind="bank_entry")
    with pytest.raises(Conflict, match="NOT_POSSIBLE"):
        await books.corrected(case.id, KIND.SUSPENSE)
    assert (await _fen(bank_account("main")), await _fen(suspense_of(BANK))) == (0, 0)


async def test_a_refund_that_the_psp_refuses_is_paid_from_the_bank(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"), 1000)
    refund_id = await books.refunded(paid, 1000, at(DAY, "13:00:00"))
    case = await _oddity(books, Oddity.REFUND_REFUSED, paid, refund_id.hex, 0)
    with pytest.raises(Conflict, match="NOT_POSSIBLE"):  # the PSP may still make it
        await books.corrected(case.id, KIND.BANK_REFUND)
    async with transaction() as tx:
        view = RefundView(refund_id, RefundState.FAILED)
        await settlement.apply_refund(books.app, tx, PSP, view)
    proposal = await Correction.get(case_id=case.id)
    await corrections.approve(books.app, proposal.id, staff_id=CHIEF)
    assert (await Refund.get(id=refund_id)).state == "succeeded"
    assert (await Intent.get(id=paid)).state == "refunded"
    assert await _fen(suspense_of(BANK)) == 1000  # until the bank has booked the transfer
    assert await _fen(bank_account("main")) == 0
    assert await _fen(psp_receivable(PSP)) == 1000
    await _sound()


async def test_two_people_close_a_case(books: Books, database: DatabaseUrls) -> None:
    await books.paid(at(DAY, "12:00:00"), 1000)
    await books.told(DAY, [])
    case = await _case("missing_there")
    made = await books.proposed(case.id, KIND.WRITE_OFF, key="the-one-key")
    again = await books.proposed(case.id, KIND.WRITE_OFF, key="the-one-key")
    assert again.id == made.id
    with pytest.raises(Conflict, match="PROPOSED_ALREADY"):
        await books.proposed(case.id, KIND.TAKE_BACK, by=CHIEF)
    with pytest.raises(Conflict, match="SECOND_PERSON"):
        await corrections.approve(books.app, made.id, staff_id=CLERK)
    assert await _fen(difference_with(PSP)) == 0
    assert (await Case.get(id=case.id)).state == "open"
    raw = await asyncpg.connect(**parse_url(database.app))
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await raw.execute(
                """UPDATE payments_correction
                      SET state = 'approved', decided_by = proposed_by, decided_at = now()"""
            )
        for statement in (
            "UPDATE payments_correction SET proposed_by = gen_random_uuid()",
            "DELETE FROM payments_correction",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await raw.execute(statement)
    finally:
        await raw.close()
    await corrections.reject(books.app, made.id, staff_id=CHIEF)
    assert (await Case.get(id=case.id)).state == "open"
    with pytest.raises(IllegalTransition):
        await corrections.approve(books.app, made.id, staff_id=CHIEF)
    await books.corrected(case.id, KIND.WRITE_OFF)
    assert await _fen(difference_with(PSP)) == 1000
    with pytest.raises(Conflict, match="NOT_POSSIBLE"):
        await books.corrected(case.id, KIND.WRITE_OFF)
    with pytest.raises(NotFound):
        await corrections.approve(books.app, new_id(), staff_id=CHIEF)
    assert await _fen(difference_with(PSP)) == 1000
    await _sound()


async def _reopened(books: Books, case_id: int, key: str = "") -> None:
    note, key = "it was another", key or new_key()
    await corrections.reopen(books.app, case_id, staff_id=CLERK, note=note, key=key)


async def test_a_case_closed_wrongly_is_opened_again_and_not_posted_twice(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"), 1000)
    line = await books.line(paid)
    await books.told(DAY, [line._replace(amount_fen=990, settled_fen=None)])
    case = await _case("amount")
    await books.corrected(case.id, KIND.WRITE_OFF)
    await _reopened(books, case.id, "reopen-0001")
    assert (await Case.get(id=case.id)).state == "open"
    await books.corrected(case.id, KIND.WRITE_OFF)
    assert (await _fen(difference_with(PSP)), await _fen(psp_receivable(PSP))) == (10, 990)
    await _reopened(books, case.id, "reopen-0001")
    assert (await Case.get(id=case.id)).state == "resolved", "sent late again it opens nothing"
    await _sound()


async def test_another_correction_takes_the_place_of_the_first(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"), 1000)
    await books.told(DAY, [])
    case = await _case("missing_there")
    await books.corrected(case.id, KIND.WRITE_OFF)
    await _reopened(books, case.id)
    await books.corrected(case.id, KIND.TAKE_BACK)
    assert (await _fen(difference_with(PSP)), await _fen(psp_receivable(PSP))) == (0, 0)
    assert await _fen(payee_payable("water")) == 0
    await _reopened(books, case.id)
    with pytest.raises(Conflict, match="NOT_POSSIBLE"):  # the payee has given it back
        await books.corrected(case.id, KIND.WRITE_OFF)
    assert (await Intent.get(id=paid)).kept_fen == 1000
    await _sound()


async def test_what_was_approved_twice_is_undone_once(books: Books) -> None:
    """The second time nothing was posted: there was nothing to be undone of it."""
    await books.paid(at(DAY, "12:00:00"), 1000)
    await books.told(DAY, [])
    case = await _case("missing_there")
    await books.corrected(case.id, KIND.WRITE_OFF)
    for kind in (KIND.WRITE_OFF, KIND.TAKE_BACK):
        await _reopened(books, case.id)
        await books.corrected(case.id, kind)
    assert (await _fen(difference_with(PSP)), await _fen(psp_receivable(PSP))) == (0, 0)
    assert await _fen(payee_payable("water")) == 0
    await _sound()


async def test_a_booked_refund_stands_however_often_its_case_is_opened(books: Books) -> None:
    paid, _ = await _made_in_portal(books, 400)
    case = await _case("refund")
    await books.corrected(case.id, KIND.BOOK_REFUND)
    await _reopened(books, case.id)
    with pytest.raises(Conflict, match="NOT_POSSIBLE"):
        await books.corrected(case.id, KIND.WRITE_OFF)
    await corrections.reject(books.app, (await Correction.get(state="proposed")).id, staff_id=CHIEF)
    await books.corrected(case.id, KIND.BOOK_REFUND)
    assert (await Case.get(id=case.id)).state == "resolved"
    assert (await Intent.get(id=paid)).refunded_fen == 400
    assert await _fen(psp_receivable(PSP)) == 600
    await _sound()
