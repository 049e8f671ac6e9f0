"""What the ledger has of a loan: it moves by the difference between two of its states."""

from credit.lending.loans.replay import Loan
from credit.lending.terms.money_terms import Part
from payments.api import LoanMovement


def movement(old: Loan, new: Loan) -> LoanMovement:
    """From one state to another. What is still out of a loan that was written off is lost, so what
    comes back of it makes the loss smaller. No state has less out, or more lost, than nothing."""
    return LoanMovement(
        principal_fen=_lent(new) - _lent(old),
        income_fen=_income(new) - _income(old),
        loss_fen=_lost(new) - _lost(old),
    )


def _lent(loan: Loan) -> int:
    """Principal that is left and not covered by what waits for the next bill."""
    return max(loan.principal_fen - loan.ahead_fen, 0)


def _income(loan: Loan) -> int:
    """Paid beside principal. What waits beyond all principal can only be for that."""
    beyond = max(loan.ahead_fen - loan.principal_fen, 0)
    return beyond + sum(fen for part, fen in loan.paid.items() if part is not Part.PRINCIPAL)


def _lost(loan: Loan) -> int:
    return 0 if loan.written_off_on is None else _lent(loan)
