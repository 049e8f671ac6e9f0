"""What the city holds for the citizen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Deposit:
    """One month's deposit; `month` is "YYYY-MM"."""

    month: str
    amount_fen: int
    deposited_on: date


@dataclass(frozen=True, slots=True)
class HousingLoan:
    """A loan from the fund and its next instalment."""

    contract_no: str
    principal_fen: int
    outstanding_fen: int
    annual_rate_bps: int
    monthly_payment_fen: int
    next_due_on: date


@dataclass(frozen=True, slots=True)
class HousingFundAccount:
    """A housing-fund account, the last twelve deposits newest first."""

    account_no: str
    employer: str
    status: str
    balance_fen: int
    monthly_deposit_fen: int
    deposits: Sequence[Deposit]
    loan: HousingLoan | None
