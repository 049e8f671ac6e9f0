"""Loans in the ledger: lent once, moved by differences, never below nothing."""

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import IntegrityError, transaction, violated
from core.ids import new_id
from payments.api import LoanMovement, book_loan
from payments.ledger.accounts import lender_funds, loan_income, loan_loss, loans_of
from payments.ledger.store import get_balance
from payments.ledger.verify import verify


async def test_what_is_lent_repaid_and_lost_stands_in_the_ledger(
    app: App, clock: ManualClock
) -> None:
    now, bank = clock.now(), "city-bank"
    movements = (
        LoanMovement(principal_fen=100_000),
        LoanMovement(principal_fen=-40_000, income_fen=1_500),
        LoanMovement(principal_fen=1_000, income_fen=-1_000),  # a late payment moves the parts
        LoanMovement(loss_fen=61_000),
        LoanMovement(),
    )
    for number, movement in enumerate(movements):
        async with transaction() as tx:
            await book_loan(tx, bank, f"one:{number}", movement, now)
    accounts = (loans_of, lender_funds, loan_income, loan_loss)
    balances = [(await get_balance(account(bank))).balance_fen for account in accounts]
    assert balances == [0, 60_500, 500, 61_000]
    assert (await verify()).sound


async def test_a_key_is_booked_once_and_no_more_comes_back_than_is_out(
    app: App, clock: ManualClock
) -> None:
    key, now = new_id().hex, clock.now()
    async with transaction() as tx:
        await book_loan(tx, "b", key, LoanMovement(principal_fen=5), now)
    for again, constraint in (
        (LoanMovement(principal_fen=5), "payments_journal_key_key"),
        (LoanMovement(principal_fen=-6), "payments_balance_guard"),
    ):
        with pytest.raises(IntegrityError) as refused:
            async with transaction() as tx:
                name = key if again.principal_fen > 0 else f"{key}:2"
                await book_loan(tx, "b", name, again, now)
        assert violated(refused.value) == constraint
    assert (await get_balance(loans_of("b"))).balance_fen == 5
