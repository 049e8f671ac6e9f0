"""The bank account: settlements, fees, payouts to accounts; what does not fit is a case."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from typer.testing import CliRunner

from core.context.app import App
from core.database import connection, fetch_all, parse_url
from core.errors import NotFound, StartError
from core.processes.embedded import DatabaseUrls
from core.states import IllegalTransition
from payments.bank import commands, entries, pain, transfers
from payments.bank import jobs as bank_jobs
from payments.bank.domain import end_to_end
from payments.bank.models import BankEntry, BankStatement, Transfer
from payments.finance import finance_of
from payments.ledger import store as ledger
from payments.ledger import verify
from payments.ledger.accounts import (
    BANK,
    MAIN_ACCOUNT,
    Account,
    bank_account,
    cost_of,
    difference_with,
    psp_receivable,
    settled_out,
    suspense_of,
)
from payments.models import Intent
from payments.reconciliation import costs, payouts
from payments.reconciliation.domain import CorrectionKind
from payments.reconciliation.models import Case
from payments.statements import StatementRefused
from sandbox.systems.settlement_bank.account import Movement
from tests.payments import bank
from tests.payments.crash import cut
from tests.payments.reconciliation.books import PSP, Books, at, check_ledger, found

DAY = date(2026, 11, 20)
NEXT = DAY + timedelta(days=1)
AFTER = NEXT + timedelta(days=1)
OURS = bank_account(MAIN_ACCOUNT)


async def _fen(account: Account) -> int:
    return (await ledger.get_balance(account)).balance_fen


async def _sound() -> None:
    await check_ledger()
    assert (await verify.verify()).faults == []


async def _take(books: Books, on: date, opening_fen: int, booked: Sequence[Movement]) -> None:
    await entries.take(books.app, bank.statement(on, opening_fen, booked))


async def _paid_out(books: Books, amount_fen: int = 1000) -> None:
    """A payment of DAY, paid out on NEXT."""
    paid = await books.paid(at(DAY, "12:00:00"), amount_fen)
    await books.told(DAY, [await books.line(paid)])
    await costs.post_fees(books.app, PSP, DAY)
    await books.told(DAY, [await books.line(paid, fee_bps=0)], "water")
    books.go_to(at(NEXT, "10:30:00"))
    await payouts.pay_out(books.app, "water", DAY)


async def _ordered(books: Books, amount_fen: int = 1000) -> Transfer:
    """The same, and ordered."""
    await _paid_out(books, amount_fen)
    assert await transfers.order_due(books.app) is not None
    return await Transfer.get()


async def _to_be_sent() -> list[str]:
    """The numbers of the messages that wait to be sent."""
    rows = await fetch_all(
        connection(), "SELECT payload FROM pgqueuer WHERE entrypoint = 'payments.send_order'"
    )
    return [orjson.loads(row["payload"])["order_ref"] for row in rows]


async def _by_hand(
    books: Books, monkeypatch: pytest.MonkeyPatch, *words: str
) -> tuple[int, str | BaseException]:
    """Run `quancheng bank …` on the test's own App; its exit code, and what it says."""
    loop = asyncio.get_running_loop()

    def in_app(_: str, action: Callable[[App], Coroutine[Any, Any, str]]) -> str:
        return asyncio.run_coroutine_threadsafe(action(books.app), loop).result()

    monkeypatch.setattr(commands, "in_app", in_app)
    done = await asyncio.to_thread(CliRunner().invoke, commands.app, words)
    return done.exit_code, done.exception or done.output.strip()


def _number(transfer: Transfer) -> str:
    return end_to_end(transfer.id, transfer.tries)


async def test_a_psp_settles_net_of_its_fee_and_nothing_is_left(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"), 1000)
    await books.told(DAY, [await books.line(paid)])
    assert [await costs.post_fees(books.app, PSP, DAY) for _ in range(2)] == [6, 0]
    assert (await _fen(psp_receivable(PSP)), await _fen(cost_of(PSP))) == (994, 6)
    books.go_to(at(AFTER, "09:00:00"))
    await _take(books, NEXT, 0, [bank.settled("S1", 994)])
    assert (await _fen(psp_receivable(PSP)), await _fen(OURS)) == (0, 994)
    entry = await BankEntry.get()
    assert (entry.kind, entry.target, entry.through_on) == ("settlement", PSP, DAY)
    assert await Case.all().count() == 0
    await _sound()


async def test_a_fee_that_is_not_as_agreed_is_posted_once_its_case_is_closed(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"), 1000)
    await books.told(DAY, [(await books.line(paid))._replace(fee_fen=9)])
    assert await costs.post_fees(books.app, PSP, DAY) == 6
    await books.corrected((await Case.get(kind="fee")).id, CorrectionKind.COST)
    assert await costs.post_fees(books.app, PSP, DAY) == 0
    assert (await _fen(psp_receivable(PSP)), await _fen(cost_of(PSP))) == (991, 9)
    await _sound()


async def test_a_fee_that_is_told_otherwise_later_is_put_right(books: Books) -> None:
    paid = await books.paid(at(DAY, "12:00:00"), 1000)
    line = await books.line(paid)
    await books.told(DAY, [])
    assert await costs.post_fees(books.app, PSP, DAY) == 0
    await books.told(DAY, [line])
    assert await costs.post_fees(books.app, PSP, DAY) == 6
    await books.told(DAY, [])
    assert await costs.post_fees(books.app, PSP, DAY) == -6
    assert await _fen(cost_of(PSP)) == 0
    await _sound()


async def test_a_settlement_of_several_days_and_one_that_is_short(books: Books) -> None:
    for on in (DAY, NEXT):
        paid = await books.paid(at(on, "12:00:00"), 1000)
        await books.told(on, [await books.line(paid)])
    books.go_to(at(AFTER, "10:00:00"))
    await _take(books, AFTER, 0, [bank.settled("S1", 1988)])
    assert (await BankEntry.get()).through_on == NEXT and await found() == set()
    paid = await books.paid(at(AFTER, "12:00:00"), 1000)
    await books.told(AFTER, [await books.line(paid)])
    on = AFTER + timedelta(days=1)
    books.go_to(at(on, "10:00:00"))
    await _take(books, on, 1988, [bank.settled("S2", 990)])
    case = await Case.get(kind="settlement")
    assert (case.source, case.our_fen, case.their_fen) == (PSP, 994, 990)
    await books.corrected(case.id, CorrectionKind.WRITE_OFF)
    assert await _fen(difference_with(PSP)) == 4
    await _sound()


async def test_a_payout_is_paid_when_the_bank_books_it(books: Books) -> None:
    transfer = await _ordered(books)
    assert (transfer.state, transfer.amount_fen, transfer.tries) == ("ordered", 1000, 1)
    await _take(
        books, NEXT, 0, [bank.settled("S1", 994), bank.paid("P1", -1000, _number(transfer))]
    )
    assert (await Transfer.get()).state == "paid"
    assert (await _fen(settled_out("water")), await _fen(OURS)) == (0, -6)
    assert await transfers.order_due(books.app) is None
    await _sound()


async def test_what_is_ordered_is_sent_wherever_the_process_dies(books: Books) -> None:
    await _paid_out(books)
    for waits in itertools.count():
        was_cut = await cut(bank_jobs.order_transfers(books.app), waits)
        transfer = await Transfer.first()
        is_ordered = transfer is not None and transfer.state == "ordered"
        assert await _to_be_sent() == ([transfer.order_ref] if transfer and is_ordered else [])
        if not was_cut:
            break
    assert waits > 3 and is_ordered
    await bank_jobs.order_transfers(books.app)
    assert len(await _to_be_sent()) == 1


async def test_a_message_is_written_by_hand_as_often_as_it_is_asked_for(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await _by_hand(books, monkeypatch, "order") == (0, "nothing is due")
    await _paid_out(books)
    gone, file = tmp_path / "gone/order.xml", tmp_path / "order.xml"
    code, refusal = await _by_hand(books, monkeypatch, "order", "--out", str(gone))
    transfer = await Transfer.get()
    assert (code, transfer.state) == (1, "ordered") and transfer.order_ref is not None
    assert isinstance(refusal, StartError) and f"--again {transfer.order_ref}" in str(refusal)
    again = ("order", "--again", transfer.order_ref)
    for _ in range(2):
        told = await _by_hand(books, monkeypatch, *again, "--out", str(file))
        assert told == (0, f"ordered: {transfer.order_ref}")
        assert file.read_bytes() == await transfers.read_message(transfer.order_ref)
    assert (await _to_be_sent(), (await Transfer.get()).tries) == ([], 1)
    assert await _by_hand(books, monkeypatch, *again) == (0, f"ordered: {transfer.order_ref}")
    assert await _to_be_sent() == [transfer.order_ref]
    code, refusal = await _by_hand(books, monkeypatch, "order", "--again", "mine")
    assert (code, type(refusal)) == (1, NotFound)


async def test_without_an_address_of_the_bank_nothing_is_ordered_but_to_a_file(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _paid_out(books)
    monkeypatch.setattr(books.app.upstreams, "_addresses", {})
    code, refusal = await _by_hand(books, monkeypatch, "order")
    assert (code, str(refusal)) == (1, "the bank has no address: write the message with --out")
    await bank_jobs.order_transfers(books.app)
    assert (await Transfer.all().count(), await _to_be_sent()) == (0, [])


async def test_a_payout_that_comes_back_is_owed_again_and_ordered_anew(books: Books) -> None:
    first = await _ordered(books)
    booked = [bank.settled("S1", 994), bank.paid("P1", -1000, _number(first))]
    await _take(books, NEXT, 0, booked)
    await _take(books, AFTER, -6, [bank.returned("R1", 1000, _number(first))])
    transfer = await Transfer.get()
    assert (transfer.state, transfer.reason) == ("returned", "AC01")
    assert (await _fen(settled_out("water")), await _fen(OURS)) == (1000, 994)
    assert await found(BANK) == {("payout_returned", _number(first))}
    await transfers.renew(books.app, transfer.id)
    with pytest.raises(IllegalTransition):
        await transfers.renew(books.app, transfer.id)
    assert await transfers.order_due(books.app) is not None
    second = await Transfer.get()
    assert (second.tries, _number(second) != _number(first)) == (2, True)
    on = AFTER + timedelta(days=1)
    await _take(books, on, 994, [bank.paid("P2", -1000, _number(second))])
    assert ((await Transfer.get()).state, await _fen(settled_out("water"))) == ("paid", 0)
    await _sound()


async def test_a_renewal_that_is_sent_again_orders_nothing_anew(books: Books, call: Any) -> None:
    transfer = await _ordered(books)
    clerk = call(level=1)
    for tries in (1, 2):
        assert (await Transfer.get()).tries == tries
        order_ref = (await Transfer.get()).order_ref
        assert order_ref is not None
        refusal = pain.Answer(order_ref, "RJCT", "AC01 no such account", {})
        assert await transfers.take_answer(books.app, refusal) == 1
        for _ in range(2):
            state = (await transfers.renew_by_key(clerk, transfer.id, "renew-01")).state
            assert state == ("due" if tries == 1 else "refused"), "the first time alone"
        await transfers.order_due(books.app)
    assert (await Transfer.get()).tries == 2
    assert (await transfers.renew_by_key(clerk, transfer.id, "renew-02")).state == "due"


async def test_a_payout_that_the_bank_refuses_is_a_case_and_an_old_answer_does_nothing(
    books: Books,
) -> None:
    transfer = await _ordered(books)
    assert transfer.order_ref is not None
    refusal = pain.Answer(transfer.order_ref, "RJCT", "AC01 no such account", {})
    assert [await transfers.take_answer(books.app, refusal) for _ in range(2)] == [1, 0]
    assert (await Transfer.get()).state == "refused"
    assert await found(BANK) == {("payout_refused", _number(transfer))}
    assert await _fen(settled_out("water")) == 1000
    await transfers.renew(books.app, transfer.id)
    await transfers.order_due(books.app)
    assert await transfers.take_answer(books.app, refusal) == 0
    assert (await Transfer.get()).state == "ordered"


async def test_a_message_is_the_same_each_time_it_is_written(books: Books) -> None:
    transfer = await _ordered(books)
    assert transfer.order_ref is not None
    written = {await transfers.read_message(transfer.order_ref) for _ in range(2)}
    assert len(written) == 1
    assert _number(transfer).encode() in written.pop()


async def test_what_nobody_can_explain_is_a_case_and_is_posted_by_two_people(books: Books) -> None:
    booked = [bank.charged("C1", -50), bank.unknown("U1", 700), bank.unknown("U2", -30)]
    await _take(books, DAY, 10_000, booked)
    assert (await _fen(OURS), await _fen(cost_of(BANK))) == (-50, 50)
    cases = {case.their_fen: case.id for case in await Case.filter(source=BANK)}
    assert cases.keys() == {10_000, 700, -30}
    await books.corrected(cases[10_000], CorrectionKind.SUSPENSE)
    await books.corrected(cases[700], CorrectionKind.SUSPENSE)
    await books.corrected(cases[-30], CorrectionKind.COST)
    assert await _fen(suspense_of(BANK)) == 10_700
    assert (await _fen(OURS), await _fen(cost_of(BANK))) == (10_620, 80)
    await _sound()


async def test_what_is_like_a_payout_and_is_none_is_not_taken_for_it(books: Books) -> None:
    transfer = await _ordered(books)
    number = _number(transfer)
    wrong = [
        bank.paid("P1", -999, number),
        bank.paid("P2", -1000, f"{number}1"),
        bank.returned("P3", 1000, number),
        bank.paid("P4", -1000, "NOTPROVIDED"),
    ]
    await _take(books, NEXT, 0, wrong)
    assert {row.kind for row in await BankEntry.all()} == {"unexplained"}
    assert ((await Transfer.get()).state, await _fen(settled_out("water"))) == ("ordered", 1000)


async def test_a_statement_is_taken_once_and_in_order(books: Books) -> None:
    await _take(books, DAY, 0, [bank.unknown("U1", 700)])
    await _take(books, DAY, 0, [bank.unknown("U1", 700)])
    assert await BankEntry.all().count() == 1
    foreign = bank.statement(NEXT, 700, []).replace(finance_of(books.app).own.number.encode(), b"9")
    for body, reason in (
        (bank.statement(AFTER, 701, []), "gap"),
        (bank.statement(DAY - timedelta(days=1), 700, []), "gap"),
        (foreign, "account"),
        (b"<nothing/>", "malformed"),
    ):
        with pytest.raises(StatementRefused) as refused:
            await entries.take(books.app, body)
        assert refused.value.reason == reason
    assert await BankEntry.all().count() == 1
    await _take(books, NEXT, 700, [])


async def test_bookings_of_one_number_and_amount_are_each_taken(books: Books) -> None:
    """Banks number charges NOTPROVIDED, twice on one day and again on the next."""
    charge, nameless = bank.charged("NOTPROVIDED", -50), bank.charged("", -7)
    await _take(books, DAY, 0, [charge, charge, nameless, nameless])
    await _take(books, NEXT, -114, [charge, bank.unknown("", 3), bank.unknown("", 3)])
    assert (await _fen(OURS), await _fen(cost_of(BANK))) == (-164, 164)
    assert await BankEntry.filter(ref="NOTPROVIDED", amount_fen=-50).count() == 3
    cases = await Case.filter(kind="bank_entry")
    assert [(case.their_ref, case.their_fen) for case in cases] == [(None, 3)] * 2
    before = await BankEntry.all().count()
    await _take(books, NEXT, -114, [charge, bank.unknown("", 3), bank.unknown("", 3)])
    assert await BankEntry.all().count() == before == 7
    await _sound()


async def test_a_booking_of_nothing_is_no_booking(books: Books) -> None:
    await _take(books, DAY, 0, [bank.charged("C1", 0), bank.charged("C2", -50)])
    assert [entry.ref for entry in await BankEntry.all()] == ["C2"]
    await _take(books, NEXT, -50, [bank.charged("C1", 0)])
    assert (await BankStatement.get(booked_on=NEXT)).entries == 0
    await _sound()


async def test_the_database_refuses_a_booking_without_its_journal(
    books: Books, database: DatabaseUrls
) -> None:
    await _take(books, DAY, 0, [bank.charged("C1", -50)])
    connection = await asyncpg.connect(**parse_url(database.app))
    try:
        for column, value in (("amount_fen", "-51"), ("account", "'other'")):
            with pytest.raises(asyncpg.CheckViolationError, match="does not agree"):
                await connection.execute(
                    f"""INSERT INTO payments_bank_entry
                        SELECT (jsonb_populate_record(e, jsonb_build_object(
                          'id', gen_random_uuid(), 'ref', 'mine', '{column}', {value}))).*
                          FROM payments_bank_entry e"""
                )
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("UPDATE payments_bank_entry SET amount_fen = 1")
    finally:
        await connection.close()


async def test_a_message_is_sent_again_to_the_byte(books: Books) -> None:
    """Also once a part of it is settled, or a payee has another account: the bank knows it by its
    number, and another message under the same number is none that it has answered."""
    for amount_fen, payee in ((1000, "water"), (700, "gas")):
        paid = await books.paid(at(DAY, "12:00:00"), amount_fen, payee=payee)
        await books.told(DAY, [await books.line(paid, fee_bps=0)], payee)
    await books.told(DAY, [await books.line(i.id) for i in await Intent.all()])
    books.go_to(at(NEXT, "10:30:00"))
    for payee in ("water", "gas"):
        await payouts.pay_out(books.app, payee, DAY)
    order_ref = await transfers.order_due(books.app)
    assert order_ref is not None
    written = await transfers.read_message(order_ref)
    assert b"10.00" in written and b"7.00" in written

    finance = finance_of(books.app)
    elsewhere = replace(finance.payees["gas"], number="3700100000000009999")
    changed = replace(finance, payees={**finance.payees, "gas": elsewhere})
    books.app._once["payments.finance"] = changed
    water = await Transfer.get(payee="water")
    books.go_to(at(AFTER, "09:00:00"))
    await _take(books, NEXT, 5000, [bank.paid("P1", -1000, _number(water))])
    assert await transfers.read_message(order_ref) == written
    gas = await Transfer.get(payee="gas")
    await _take(books, AFTER, 4000, [bank.paid("P2", -700, _number(gas))])
    with pytest.raises(NotFound):
        await transfers.read_message(order_ref)
    with pytest.raises(NotFound):
        await transfers.send_again(books.app, order_ref)
    await transfers.send(books.app, order_ref)  # nothing: the bank would be asked in vain
