"""A loan repaid in equal monthly instalments (等额本息): what each is, what is still owed."""

from fractions import Fraction

from core.money import portion_bps


def instalment_fen(principal_fen: int, annual_rate_bps: int, term: int) -> int:
    """The equal instalment over so many months, rounded up to a fen so that the term suffices."""
    rate = Fraction(annual_rate_bps, 120_000)
    growth = (1 + rate) ** term
    return -int(-principal_fen * rate * growth / (growth - 1) // 1)


def outstanding_fen(principal_fen: int, annual_rate_bps: int, term: int, paid: int) -> int:
    """What is owed after so many instalments were paid."""
    monthly_fen, owed_fen = instalment_fen(principal_fen, annual_rate_bps, term), principal_fen
    for _ in range(paid):
        owed_fen -= monthly_fen - portion_bps(owed_fen, annual_rate_bps) // 12
    return owed_fen
