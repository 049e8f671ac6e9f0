"""What the housing fund centre knows of an account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated


@dataclass(frozen=True, slots=True)
class HousingFundDeposit:
    """One month's deposit."""

    month: Annotated[str, 'The month it is for, "YYYY-MM".']
    amount_fen: Annotated[int, "Employer's and own part together."]
    deposited_on: Annotated[date, "When it was paid in."]


@dataclass(frozen=True, slots=True)
class HousingLoan:
    """A loan from the housing fund."""

    contract_no: Annotated[str, "The contract's number."]
    principal_fen: Annotated[int, "What was lent."]
    outstanding_fen: Annotated[int, "What is still owed."]
    annual_rate_bps: Annotated[int, "Interest a year, in basis points."]
    monthly_payment_fen: Annotated[int, "The instalment."]
    next_due_on: Annotated[date, "When the next instalment is due."]


@dataclass(frozen=True, slots=True)
class HousingFundAccount:
    """A housing-fund account."""

    account_no: Annotated[str, "The account's number."]
    employer: Annotated[str, "Who pays in."]
    status: Annotated[str, "The account's state at the centre."]
    balance_fen: Annotated[int, "What is in it."]
    monthly_deposit_fen: Annotated[int, "What is paid in each month."]
    deposits: Annotated[Sequence[HousingFundDeposit], "The last twelve deposits, newest first."]
    loan: Annotated[HousingLoan | None, "The loan, where there is one."]
