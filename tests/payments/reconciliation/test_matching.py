"""A statement against the ledger: every difference is found, none is invented."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from random import Random
from typing import NamedTuple
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from orjson import loads

from core.database import connection, fetch_all, transaction
from core.ids import new_id
from core.money import portion_bps
from payments import settlement
from payments.models import Intent, LeftOrder
from payments.psp.port import OrderState, OrderView, RefundState, RefundView
from payments.reconciliation import cases, service
from payments.reconciliation.domain import BreakKind
from payments.reconciliation.models import Case, CaseNote, Crossing, Statement
from payments.statements import Line
from tests.payments.reconciliation.books import Books, Found, at, check_ledger, found

DAY = date(2026, 11, 22)
NEXT = DAY + timedelta(days=1)
HOUR = timedelta(hours=1)


async def test_a_faithful_day_has_no_cases(books: Books) -> None:
    first = await books.paid(at(DAY, "00:00:00"))
    second = await books.paid(at(DAY, "09:00:00"))
    refund = await books.refunded(second, 360, at(DAY, "10:00:00"), at(DAY, "10:00:30"))
    lines = [await books.line(first), await books.line(second), await books.refund_line(refund)]
    done = await books.told(DAY, lines)
    assert (done.statement.lines, done.statement.matched, done.statement.awaited) == (3, 3, 0)
    assert done.statement.their_paid_fen == done.statement.our_paid_fen == 2 * 3360
    assert done.statement.their_refunded_fen == done.statement.our_refunded_fen == 360
    assert done.statement.hours[9] == [3360, 3360]
    assert await Case.all().count() == 0
    await check_ledger()


class Plan(NamedTuple):
    """One payment of a random day, its refund, and what is wrong with its lines."""

    minute: int
    amount_fen: int
    refund_fen: int
    plant: BreakKind | None
    drops_refund: bool


PLANS = st.builds(
    Plan,
    minute=st.integers(15, 23 * 60),
    amount_fen=st.integers(1, 5_000_000),
    refund_fen=st.integers(0, 5_000_000),
    plant=st.sampled_from([None, *BreakKind]),
    drops_refund=st.booleans(),
)
DAYS = (date(2020, 1, 1) + timedelta(days=3 * n) for n in count())


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(plans=st.lists(PLANS, max_size=6), seed=st.integers())
async def test_what_is_planted_is_found_and_nothing_else(
    books: Books, plans: list[Plan], seed: int
) -> None:
    day, before = next(DAYS), await found()
    lines: list[Line] = []
    planted: Found = set()
    for number, plan in enumerate(plans):
        paid_at = at(day, "00:00:07") + timedelta(minutes=plan.minute)
        line = await books.line(await books.paid(paid_at, plan.amount_fen))
        plant = plan.plant
        if 0 < plan.refund_fen <= plan.amount_fen:
            refund_id = await books.refunded(UUID(line.ref), plan.refund_fen, paid_at, paid_at)
            if plan.drops_refund and plant is BreakKind.REFUND:
                planted.add(("refund", refund_id.hex))
                plant = None
            else:
                lines.append(await books.refund_line(refund_id))
        told, breaks = _plant(plant, line, number, day)
        lines += told
        planted |= breaks
    Random(seed).shuffle(lines)
    for _ in range(2):
        await books.told(day, lines)
        assert await found() - before == planted


def _plant(plant: BreakKind | None, line: Line, number: int, day: date) -> tuple[list[Line], Found]:
    """The lines of one payment with one thing wrong, and what has to be found."""
    stranger = f"STRANGER{day:%Y%m%d}{number}"
    match plant:
        case None:
            return [line], set()
        case BreakKind.MISSING_THERE:
            return [], {(plant, line.ref)}
        case BreakKind.MISSING_HERE:
            extra = line._replace(ref=stranger, order_ref=stranger)
            return [line, extra], {(plant, stranger)}
        case BreakKind.AMOUNT:
            return [line._replace(amount_fen=line.amount_fen + 1)], {(plant, line.ref)}
        case BreakKind.COUPON:
            settled_fen = line.amount_fen - 1
            fee_fen = portion_bps(settled_fen, 60)
            told = line._replace(settled_fen=settled_fen, fee_fen=fee_fen)
            return [told], {(plant, line.ref)}
        case BreakKind.LINE:
            misread = line._replace(wrong="in USD", amount_fen=0, fee_fen=0)
            return [misread], {(plant, line.ref), (BreakKind.MISSING_THERE, line.ref)}
        case BreakKind.FEE:
            return [line._replace(fee_fen=line.fee_fen + 1)], {(plant, line.ref)}
        case BreakKind.DATE:
            return [line._replace(at=line.at - timedelta(days=1))], {(plant, line.ref)}
        case BreakKind.DUPLICATE:
            return [line, line], {(plant, line.ref)}
    unasked = line._replace(is_refund=True, ref=f"UNASKED{line.ref}")
    return [line, unasked], {(plant, unasked.ref)}


async def test_a_payment_at_midnight_may_stand_in_either_days_statement(books: Books) -> None:
    late = await books.paid(at(DAY, "23:59:59"))
    early = await books.paid(at(NEXT, "00:00:00"))
    moved = (await books.line(late))._replace(at=at(NEXT, "00:00:02"))
    before = (await books.line(early))._replace(at=at(DAY, "23:59:58"))
    done = await books.told(DAY, [before])
    assert (done.statement.matched, done.statement.awaited) == (1, 1)
    assert await found() == set()
    await books.told(NEXT, [moved])
    assert await found() == set()
    rows = {row.ref: row.booked_on for row in await Crossing.all()}
    assert rows == {late.hex: NEXT, early.hex: DAY}


async def test_a_payment_at_midnight_that_neither_day_has_is_missing(books: Books) -> None:
    late = await books.paid(at(DAY, "23:59:59"))
    await books.told(NEXT, [])
    assert await found() == set(), "the statement of its own day is not known"
    await books.told(DAY, [])
    assert await found() == {("missing_there", late.hex)}
    for _ in range(2):
        await books.told(DAY, [])
        await books.told(NEXT, [])
    assert await found() == {("missing_there", late.hex)}
    await books.told(DAY, [await books.line(late)])
    assert (await found(), await found(state="cleared")) == (set(), {("missing_there", late.hex)})


async def test_a_payment_at_midnight_in_both_days_is_a_duplicate(books: Books) -> None:
    late = await books.paid(at(DAY, "23:59:59"))
    line = await books.line(late)
    await books.told(DAY, [line])
    await books.told(NEXT, [line])
    await books.told(NEXT, [line])
    assert await found() == {("duplicate", late.hex)}


async def test_a_refund_that_takes_days_may_stand_in_any_of_them(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"))
    refund = await books.refunded(paid, 100, at(DAY, "13:00:00"), at(NEXT, "13:00:00"))
    line, told = await books.line(paid), await books.refund_line(refund)
    await books.told(DAY, [line])
    assert await found() == set()
    await books.told(NEXT, [told._replace(at=at(NEXT, "01:00:00"))])
    assert await found() == set()


async def test_a_payment_in_a_far_days_statement_is_a_date_break(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"))
    later = DAY + timedelta(days=3)
    await books.told(later, [await books.line(paid)])
    assert await found() == {("date", paid.hex)}


async def test_looking_again_changes_nothing_and_what_is_mended_clears(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"))
    line = await books.line(paid)
    wrong = [line._replace(amount_fen=1), line]
    first = await books.told(DAY, wrong)
    assert (first.change.opened, first.change.cleared) == (2, 0)
    before = await Case.all().order_by("id").values()
    again = await books.told(DAY, wrong)
    assert (again.change.opened, again.change.cleared) == (0, 0)
    assert await Case.all().order_by("id").values() == before
    assert await CaseNote.all().count() == 2 and await Statement.all().count() == 1
    mended = await books.told(DAY, [line])
    assert (mended.change.opened, mended.change.cleared) == (0, 2)
    back = await books.told(DAY, wrong)
    assert (back.change.opened, back.change.cleared) == (2, 0)
    trail = [note.event for note in await cases.trail(before[0]["id"])]
    assert trail == ["open", "vanish", "reappear"]


async def test_what_only_they_know_is_asked_for(books: Books) -> None:
    ordered = await books.ordered(at(DAY, "12:00:00"))
    paid = await books.paid(at(DAY, "12:00:00"))
    refund = await books.refunded(paid, 100, at(DAY, "13:00:00"))
    line = await books.line(paid)
    known = line._replace(ref=ordered.id.hex, order_ref=ordered.id.hex)
    back = line._replace(is_refund=True, ref=refund.hex, amount_fen=100, fee_fen=1)
    await connection().execute_query("DELETE FROM pgqueuer")
    await books.told(DAY, [line, known, back])
    assert await found() == {("missing_here", ordered.id.hex)}
    rows = await fetch_all(connection(), "SELECT entrypoint FROM pgqueuer ORDER BY 1")
    assert [row["entrypoint"] for row in rows] == ["payments.check", "payments.refund"]
    assert {case.payee for case in await Case.all()} == {"water"}


async def test_money_for_an_order_that_its_payment_had_left_is_booked_there(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"))
    left_at = at(DAY, "11:50:00")
    await LeftOrder.create(
        id=new_id(), intent_id=paid, psp="alipay", evidence="closed", left_at=left_at
    )
    async with transaction() as tx:
        view = OrderView(paid, OrderState.PAID, "A1", 3360, at(DAY, "12:01:00"))
        assert await settlement.settle(books.app, tx, "alipay", view) == "late"
    line = await books.line(paid)
    await books.told(DAY, [line])
    assert await found() == set()
    there = line._replace(their_ref="A1", at=at(DAY, "12:01:00"))
    faithful = await books.told(DAY, [there], "alipay")
    assert (faithful.statement.matched, await found("alipay")) == (1, set())
    await books.told(DAY, [], "alipay")
    assert await found("alipay") == {("missing_there", paid.hex)}


async def test_deemed_postings_are_confirmed_or_refuted(books: Books) -> None:
    deemed = [await books.paid(at(DAY, "12:00:00"), ref=f"DEEMED-{n}") for n in range(2)]
    line = (await books.line(deemed[0], fee_bps=0))._replace(their_ref="WO-REAL")
    done = await books.told(DAY, [line], "water")
    assert done.confirmed == 1
    assert (await Intent.get(id=deemed[0])).fulfilment_ref == "WO-REAL"
    (case,) = await Case.all()
    assert (case.kind, case.intent_id, case.blocking) == ("missing_there", deemed[1], True)
    for _ in range(2):
        await service.refute(books.app, case.id)
    intent = await Intent.get(id=deemed[1])
    assert (intent.state, intent.refunding_fen) == ("refunding", 3360)
    (_, note) = await cases.trail(case.id)
    assert (note.event, note.resolution, note.actor) == ("resolve", "refunded", "reconciliation")
    queued = await fetch_all(
        connection(), "SELECT payload FROM pgqueuer WHERE entrypoint = 'payments.pay_out'"
    )
    assert [loads(row["payload"]) for row in queued] == [{"on": DAY.isoformat()}]
    await check_ledger()


async def test_a_payee_may_reverse_what_was_refunded_and_nothing_else(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"))
    other = await books.paid(at(DAY, "12:00:00"))
    lines = [await books.line(intent_id, fee_bps=0) for intent_id in (paid, other)]
    await books.refunded(paid, 3360, at(DAY, "13:00:00"))
    reversal = lines[0]._replace(is_refund=True, at=at(DAY, "14:00:00"))
    unasked = lines[1]._replace(is_refund=True)
    await books.told(DAY, [*lines, reversal, unasked], "water")
    assert await found("water") == {("refund", other.hex)}


async def test_a_refused_line_leaves_nothing(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"))
    line = await books.line(paid)

    def lines() -> Iterator[Line]:
        for number in range(5_000):
            yield line._replace(ref=f"STRANGER{number}")
        raise service.StatementRefused("wechatpay", "malformed")

    with pytest.raises(service.StatementRefused):
        await books.told(DAY, lines())
    assert await Case.all().count() == await Statement.all().count() == 0
    async with transaction() as tx:
        assert await fetch_all(tx, "SELECT to_regclass('pg_temp.told') AS told") == [{"told": None}]


async def test_a_refund_told_before_it_is_made_is_no_difference(books: Books) -> None:
    """WeChat Pay lists a refund on the day it is asked for and never updates it
    (pay.weixin.qq.com/docs/merchant/products/bill-download/format-trade.html)."""
    paid = await books.paid(at(DAY, "12:00:00"))
    refund_id = await books.refunded(paid, 360, at(DAY, "18:00:00"))
    line = (await books.line(paid))._replace(
        is_refund=True, ref=refund_id.hex, amount_fen=360, fee_fen=2, at=at(DAY, "18:00:00")
    )
    for _ in range(2):
        await books.told(DAY, [await books.line(paid), line])
        assert await found() == set()
    books.go_to(at(NEXT, "15:00:00"))
    async with transaction() as tx:
        view = RefundView(refund_id, RefundState.SUCCEEDED, "50", 360)
        assert await settlement.apply_refund(books.app, tx, "wechatpay", view) is not None
    for day, lines in ((NEXT, []), (DAY, [await books.line(paid), line])):
        await books.told(day, lines)
        assert await found() == set()
    await books.told(DAY, [await books.line(paid)])
    assert await found() == {("refund", refund_id.hex)}


async def test_a_refund_that_is_under_way_may_be_told_on_any_day_since_it_was_asked_for(
    books: Books,
) -> None:
    """The first request may have been lost: the PSP has it of the day of the second."""
    paid = await books.paid(at(DAY, "12:00:00"))
    refund_id = await books.refunded(paid, 360, at(DAY, "18:00:00"))
    await books.told(DAY, [await books.line(paid)])
    line = (await books.line(paid))._replace(
        is_refund=True, ref=refund_id.hex, amount_fen=360, fee_fen=2, at=at(NEXT, "10:00:00")
    )
    await books.told(NEXT, [line])
    assert await found() == set()
    await books.told(NEXT, [line._replace(at=at(NEXT + timedelta(days=1), "10:00:00"))])
    assert await found() == {("date", refund_id.hex)}


async def test_an_early_told_refund_of_another_amount_is_a_difference(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"))
    refund_id = await books.refunded(paid, 360, at(DAY, "18:00:00"))
    line = (await books.line(paid))._replace(
        is_refund=True, ref=refund_id.hex, amount_fen=361, fee_fen=2, at=at(DAY, "18:00:00")
    )
    await books.told(DAY, [await books.line(paid), line])
    assert await found() == {("amount", refund_id.hex)}
