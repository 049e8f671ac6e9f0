"""Welfare in GraphQL."""

from datetime import date, datetime

import strawberry

from core.context.call import Call
from core.graphql import Fen, HomeSection, Info, service_query
from core.upstream.readings import Reading, ReadStatus
from modules.welfare import domain, service, texts


@strawberry.type(description="One month's deposit.")
class HousingFundDeposit:
    """A deposit."""

    month: str = strawberry.field(description='The month it is for, "YYYY-MM".')
    amount: Fen = strawberry.field(description="Employer's and own part together.")
    deposited_on: date = strawberry.field(description="When it was paid in.")


@strawberry.type(description="A loan from the housing fund.")
class HousingLoan:
    """A loan."""

    contract_no: str = strawberry.field(description="The contract's number.")
    principal: Fen = strawberry.field(description="What was lent.")
    outstanding: Fen = strawberry.field(description="What is still owed.")
    annual_rate_bps: int = strawberry.field(description="Interest a year, in basis points.")
    monthly_payment: Fen = strawberry.field(description="The instalment.")
    next_due_on: date = strawberry.field(description="When the next instalment is due.")


@strawberry.type(description="A housing-fund account.")
class HousingFundAccount:
    """An account."""

    account_no: str = strawberry.field(description="The account's number.")
    employer: str = strawberry.field(description="Who pays in.")
    status: str = strawberry.field(description="The account's state at the centre.")
    balance: Fen = strawberry.field(description="What is in it.")
    monthly_deposit: Fen = strawberry.field(description="What is paid in each month.")
    deposits: list[HousingFundDeposit] = strawberry.field(
        description="The last twelve deposits, newest first."
    )
    loan: HousingLoan | None = strawberry.field(description="The loan, where there is one.")


@strawberry.type(description="The viewer's housing fund, and how fresh that is.")
class HousingFund:
    """What housingFund answers."""

    status: ReadStatus = strawberry.field(description="Where the answer comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    account: HousingFundAccount | None = strawberry.field(
        description="The account; null where there is none or nothing can be shown."
    )


@strawberry.type(description="The housing-fund card of the home screen.")
class HousingFundSection(HomeSection):
    """The card."""

    balance: Fen | None = strawberry.field(description="What is in the account.")


@strawberry.type
class Query:
    """Welfare's query fields."""

    @service_query(
        "housing-fund-query",
        description="The housing fund of the viewer, or of whom they act for.",
        for_others=True,
    )
    async def housing_fund(self, info: Info) -> HousingFund:
        """Needs the consent `welfare.housing-fund`."""
        reading = await service.read_housing_fund(info.context)
        return HousingFund(
            status=reading.status,
            as_of=reading.as_of,
            reason=reading.reason,
            account=_account(reading.value) if reading.value else None,
        )


async def housing_fund_card(call: Call) -> HousingFundSection:
    """The home screen's card."""
    reading: Reading[domain.HousingFundAccount | None] = await service.read_housing_fund(call)
    return HousingFundSection(
        id="housing-fund",
        title=texts.HOUSING_FUND.say(call.locale),
        status=reading.status,
        as_of=reading.as_of,
        reason=reading.reason,
        balance=Fen(reading.value.balance_fen) if reading.value else None,
    )


def _account(account: domain.HousingFundAccount) -> HousingFundAccount:
    return HousingFundAccount(
        account_no=account.account_no,
        employer=account.employer,
        status=account.status,
        balance=Fen(account.balance_fen),
        monthly_deposit=Fen(account.monthly_deposit_fen),
        deposits=[
            HousingFundDeposit(
                month=deposit.month,
                amount=Fen(deposit.amount_fen),
                deposited_on=deposit.deposited_on,
            )
            for deposit in account.deposits
        ],
        loan=_loan(account.loan) if account.loan else None,
    )


def _loan(loan: domain.HousingLoan) -> HousingLoan:
    return HousingLoan(
        contract_no=loan.contract_no,
        principal=Fen(loan.principal_fen),
        outstanding=Fen(loan.outstanding_fen),
        annual_rate_bps=loan.annual_rate_bps,
        monthly_payment=Fen(loan.monthly_payment_fen),
        next_due_on=loan.next_due_on,
    )
