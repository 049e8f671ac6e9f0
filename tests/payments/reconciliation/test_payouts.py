"""What payees are paid: each payment once, nothing while something is open, books in balance."""

import asyncio
from datetime import date, timedelta

import asyncpg
import pytest
from orjson import loads

from core.context.app import App
from core.database import connection, fetch_all, parse_url, transaction
from core.errors import Conflict
from core.processes.embedded import DatabaseUrls
from payments import settlement, store
from payments.ledger import store as ledger
from payments.ledger import verify
from payments.ledger.accounts import fees_from, payee_claim, payee_payable, settled_out
from payments.models import Intent
from payments.reconciliation import jobs, payouts
from payments.reconciliation.domain import CorrectionKind
from payments.reconciliation.fees import fees, read_fees
from payments.reconciliation.models import Case, Payout
from payments.reconciliation.sources import get_sources
from tests.payments.reconciliation.books import PSP, Books, at, check_ledger

DAY = date(2026, 11, 20)
NEXT = DAY + timedelta(days=1)
SOURCES = ("wechatpay", "alipay", "water", "electricity", "gas", "heating")


async def _balances(payee: str = "water") -> tuple[int, int, int]:
    """What is in the payee's account, claimed from it, and settled out."""
    accounts = payee_payable(payee), payee_claim(payee), settled_out(payee)
    found = [(await ledger.get_balance(account)).balance_fen for account in accounts]
    return found[0], found[1], found[2]


async def _reconciled(books: Books, on: date) -> None:
    """Every statement of a day, all of them faithful."""
    intents = [i for i in await Intent.filter(captured_fen__gt=0) if _day(i) == on]
    for source in get_sources(books.app):
        mine = [i for i in intents if source.name in (i.psp, i.payee)]
        bps = 60 if source.name == PSP else 0
        lines = [await books.line(intent.id, fee_bps=bps) for intent in mine]
        await books.told(on, lines, source.name)
    assert await Case.all().count() == 0
    if books.clock.now() < at(on + timedelta(days=1), "10:30:00"):
        books.go_to(at(on + timedelta(days=1), "10:30:00"))


def _day(intent: Intent) -> date:
    assert intent.paid_at is not None
    return (intent.paid_at + timedelta(hours=8)).date()


async def test_a_day_is_paid_out_once(books: Books) -> None:
    for _ in range(3):
        await books.paid(at(DAY, "12:00:00"), 1000)
    await _reconciled(books, DAY)
    done = await asyncio.gather(*(payouts.pay_out(books.app, "water", DAY) for _ in range(20)))
    assert {payout.id for payout in done} == {(await Payout.get()).id}
    assert (done[0].payments, done[0].amount_fen) == (3, 3000)
    assert await _balances() == (0, 0, 3000)
    await check_ledger()
    assert (await verify.verify()).sound


async def test_what_is_refunded_before_is_not_paid_out_and_after_is_claimed(books: Books) -> None:
    early, late = [await books.paid(at(DAY, "12:00:00"), 1000) for _ in range(2)]
    await books.refunded(early, 400, at(NEXT, "09:00:00"))
    await _reconciled(books, DAY)
    first = await payouts.pay_out(books.app, "water", DAY)
    assert (first.fulfilled_fen, first.reversed_fen, first.amount_fen) == (2000, 400, 1600)
    await books.refunded(late, 1000, at(NEXT, "11:00:00"))
    assert await _balances() == (0, 1000, 1600)
    await books.paid(at(NEXT, "12:00:00"), 300)
    await _reconciled(books, NEXT)
    second = await payouts.pay_out(books.app, "water", NEXT)
    assert (second.claimed_fen, second.amount_fen) == (300, 0)
    assert await _balances() == (0, 700, 1600)
    await check_ledger()


async def test_a_refund_and_a_payout_at_once_leave_nothing_out(books: Books) -> None:
    intents = [await books.paid(at(DAY, "12:00:00"), 1000) for _ in range(8)]
    await _reconciled(books, DAY)
    noon = at(NEXT, "12:00:00")
    await asyncio.gather(
        payouts.pay_out(books.app, "water", DAY),
        *(books.refunded(intent_id, 1000, noon) for intent_id in intents),
    )
    left, claimed, settled = await _balances()
    assert left == 0 and settled - claimed == 0
    await check_ledger()


async def test_a_payee_bears_its_fee(books: Books) -> None:
    await books.paid(at(DAY, "12:00:00"), 1999)
    await _reconciled(books, DAY)
    rates = read_fees('[[payee]]\nname = "water"\nfrom = 2026-01-01\nrate_bps = 60')
    payout = await payouts.pay_out(books.app, "water", DAY, rates)
    assert (payout.fee_fen, payout.amount_fen) == (12, 1987)
    assert (await ledger.get_balance(fees_from("water"))).balance_fen == 12
    assert await _balances() == (0, 0, 1987)
    await check_ledger()


async def test_nothing_is_paid_out_before_the_statements_it_stands_in_are_compared(
    books: Books,
) -> None:
    """Another PSP's statement, in which it does not stand, keeps nobody waiting."""
    paid = await books.paid(at(DAY, "12:00:00"))
    books.go_to(at(NEXT, "10:30:00"))
    for source, bps in ((PSP, 60), ("water", 0)):
        await _refused(books.app, "NOT_RECONCILED")
        await books.told(DAY, [await books.line(paid, fee_bps=bps)], source)
    await payouts.pay_out(books.app, "water", DAY)


async def test_what_was_paid_the_day_before_waits_for_that_day_s_statement(books: Books) -> None:
    paid = await books.paid(at(DAY, "23:00:00"), fulfilled=False)
    books.go_to(at(NEXT, "00:30:00"))
    async with transaction() as tx:
        intent = await store.lock_intent(tx, paid)
        assert intent is not None
        await settlement.fulfilled(books.app, tx, intent, "WO1")
    books.go_to(at(NEXT, "10:30:00") + timedelta(days=1))
    await books.told(NEXT, [], PSP)
    await books.told(NEXT, [await books.line(paid, fee_bps=0)], "water")
    with pytest.raises(Conflict, match="NOT_RECONCILED"):
        await payouts.pay_out(books.app, "water", NEXT)
    await books.told(DAY, [await books.line(paid)], PSP)
    assert (await payouts.pay_out(books.app, "water", NEXT)).amount_fen == 3360


async def test_a_day_that_is_not_over_is_not_paid_out(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"))
    for source, bps in ((PSP, 60), ("water", 0)):
        await books.told(DAY, [await books.line(paid, fee_bps=bps)], source)
    await _refused(books.app, "NOT_RECONCILED")
    books.go_to(at(NEXT, "00:00:00"))
    await payouts.pay_out(books.app, "water", DAY)


async def test_an_open_difference_keeps_the_payout_back_until_it_is_resolved(books: Books) -> None:
    await books.paid(at(DAY, "12:00:00"))
    await books.paid(at(DAY, "12:00:00"), payee="gas")
    await _reconciled(books, DAY)
    await books.told(DAY, [], "water")
    (case,) = await Case.all()
    await _refused(books.app, "OPEN_BREAKS")
    assert (await payouts.pay_out(books.app, "gas", DAY)).amount_fen == 3360
    with pytest.raises(Conflict, match="NOTE_MISSING"):
        await books.corrected(case.id, CorrectionKind.NO_POSTING, " ")
    await books.corrected(case.id, CorrectionKind.NO_POSTING, "booked by hand")
    assert (await payouts.pay_out(books.app, "water", DAY)).amount_fen == 3360
    await check_ledger()


async def test_a_case_that_is_closed_while_payouts_run_has_them_tried_again(books: Books) -> None:
    """The trigger was dropped for the run that had refused the payee already."""
    paid = [await books.paid(at(DAY, "12:00:00")) for _ in range(2)]
    await books.told(DAY, [])
    await books.told(DAY, [await books.line(i, fee_bps=0) for i in paid], "water")
    books.go_to(at(NEXT, "10:30:00"))
    first, last = await Case.filter(source=PSP).order_by("id")
    await books.corrected(first.id, CorrectionKind.WRITE_OFF)
    await connection().execute_query(
        "UPDATE pgqueuer SET status = 'picked' WHERE entrypoint = 'payments.pay_out'"
    )
    await jobs.pay_out(books.app, DAY)
    assert await Payout.all().count() == 0
    await books.corrected(last.id, CorrectionKind.WRITE_OFF)
    waiting = await fetch_all(
        connection(),
        """SELECT payload FROM pgqueuer
            WHERE entrypoint = 'payments.pay_out' AND status = 'queued'""",
    )
    assert [loads(row["payload"]) for row in waiting] == [{"on": DAY.isoformat()}]
    await jobs.pay_out(books.app, DAY)
    assert (await Payout.get()).amount_fen == 2 * 3360


async def _refused(app: App, code: str) -> None:
    before = await _balances()
    with pytest.raises(Conflict, match=code):
        await payouts.pay_out(app, "water", DAY)
    assert await _balances() == before
    assert await Payout.filter(payee="water").count() == 0


async def test_the_database_keeps_payouts_and_trails_as_they_are(
    books: Books, database: DatabaseUrls
) -> None:
    await books.paid(at(DAY, "12:00:00"))
    await _reconciled(books, DAY)
    await payouts.pay_out(books.app, "water", DAY)
    await books.told(DAY, [], "water")
    raw = await asyncpg.connect(**parse_url(database.app))
    try:
        for table in ("payments_payout", "payments_case_note"):
            for change in ("DELETE FROM", "TRUNCATE"):
                with pytest.raises(asyncpg.PostgresError):
                    await raw.execute(f"{change} {table}")
        with pytest.raises(asyncpg.PostgresError):
            await raw.execute("UPDATE payments_payout SET amount_fen = 0")
        with pytest.raises(asyncpg.CheckViolationError):
            await raw.execute("UPDATE payments_case SET state = 'reborn'")
        with pytest.raises(asyncpg.UniqueViolationError):
            await raw.execute(
                """INSERT INTO payments_case (source, booked_on, kind, is_refund, ref, blocking,
                                              crossing, state, opened_at)
                   SELECT source, booked_on, kind, is_refund, ref, blocking, crossing, 'open',
                          opened_at FROM payments_case"""
            )
    finally:
        await raw.close()


def test_the_newest_fee_of_a_day_holds() -> None:
    rates = read_fees(
        """
        [[psp]]
        name = "wechatpay"
        from = 2026-01-01
        rate_bps = 60
        [[psp]]
        name = "wechatpay"
        from = 2026-06-01
        rate_bps = 38
        [[payee]]
        name = "*"
        from = 2026-01-01
        rate_bps = 10
        """
    )
    assert rates.psp_bps("wechatpay", date(2025, 12, 31)) is None
    assert rates.psp_bps("wechatpay", date(2026, 5, 31)) == 60
    assert rates.psp_bps("wechatpay", date(2026, 6, 1)) == 38
    assert rates.payee_bps("water", date(2026, 6, 1)) == 10
    assert rates.payee_bps("water", date(2025, 6, 1)) == 0
    assert fees().psp_bps("wechatpay", DAY) == 60


@pytest.mark.parametrize("row", ["rate_bps = 0.6", "rate_bps = -1", "rate_bps = 10000", ""])
def test_a_fee_that_makes_no_sense_is_refused(row: str) -> None:
    with pytest.raises(ValueError):
        read_fees(f'[[psp]]\nname = "wechatpay"\nfrom = 2026-01-01\n{row}')
