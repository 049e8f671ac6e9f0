"""What lenders have out with borrowers through the city, in the ledger.

Money between a bank and its borrower does not pass through the city's accounts: these entries are
the memorandum by which both sides' books are compared. A correction is the difference.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.database import Transaction
from payments.ledger import store
from payments.ledger.accounts import Account, Side, lender_funds, loan_income, loan_loss, loans_of
from payments.ledger.postings import Leg, Posting


@dataclass(frozen=True, slots=True)
class LoanMovement:
    """By how much totals of a lender change, in fen, up or down. `principal_fen`: lent and not
    repaid. `income_fen`: interest, penalty and costs received. `loss_fen`: written off and not
    repaid since."""

    principal_fen: int = 0
    income_fen: int = 0
    loss_fen: int = 0


async def book_loan(
    tx: Transaction, lender: str, key: str, movement: LoanMovement, at: datetime
) -> UUID | None:
    """Post a movement of a lender's loans once; None where nothing moves.

    A second posting of one key raises IntegrityError `payments_journal_key_key`, more principal
    back than is out `payments_balance_guard`; both spoil `tx`.
    """
    lent, income, lost = movement.principal_fen, movement.income_fen, movement.loss_fen
    legs = [
        *_debited(loans_of(lender), lent - lost),
        *_debited(lender_funds(lender), income - lent),
        *_debited(loan_income(lender), -income),
        *_debited(loan_loss(lender), lost),
    ]
    if not legs:
        return None
    return await store.post(tx, Posting("loan", f"loan:{key}", legs), at)


def _debited(account: Account, amount_fen: int) -> list[Leg]:
    """One leg at most for each account: what comes back of a lost loan leaves no account between
    below nothing. Below zero it is credited."""
    if not amount_fen:
        return []
    return [Leg(account, Side.DEBIT if amount_fen > 0 else Side.CREDIT, abs(amount_fen))]
