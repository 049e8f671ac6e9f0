"""What is asked before a withdrawal, on which consent, and how it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import strawberry

from core.clock import civil_date
from core.context.app import App
from core.deadline import Deadline
from core.graphql import reading_view, view
from core.people.personal_read import Access, Purpose
from kinds.lookup import PersonalLookup, lookup_field
from modules.welfare.housing_fund.upstream import CENTRE
from modules.welfare.withdrawal import texts
from modules.welfare.withdrawal.domain import (
    HousingFundWithdrawal,
    WithdrawalOption,
    WithdrawalReason,
    options_of,
)
from modules.welfare.withdrawal.upstream import find_record

SERVICE = "housing-fund-withdrawal"
PURPOSE = Purpose(
    id="welfare.housing-fund-withdrawal",
    upstream=CENTRE.name,
    fields=("balance", "deposits", "loan", "home", "withdrawals"),
    text=texts.CONSENT,
    text_version="2026-12",
)


@dataclass(frozen=True, slots=True)
class HousingFundOptions:
    """What may be drawn on an account today."""

    account_no: Annotated[str, "The account's number."]
    balance_fen: Annotated[int, "What is in it."]
    withdrawals: Annotated[Sequence[HousingFundWithdrawal], "Earlier ones, newest first."]
    options: Annotated[Sequence[WithdrawalOption], "One for each purpose."]


async def find_options(app: App, deadline: Deadline, access: Access) -> HousingFundOptions | None:
    """The account with its options; None without an account. Raises as the operation does."""
    record = await find_record(app, deadline, access)
    if record is None:
        return None
    options = options_of(record, civil_date(app.clock.now()))
    return HousingFundOptions(record.account_no, record.balance_fen, record.withdrawals, options)


OPTIONS = PersonalLookup(SERVICE, PURPOSE, find_options)
"""A None inside a LIVE reading means that there is no account."""

view(WithdrawalReason, hidden=("text", "values"))
HousingFundWithdrawalOptions = reading_view(
    "HousingFundWithdrawalOptions",
    "What the viewer may draw on the housing fund, and how fresh that is.",
    account=Annotated[
        HousingFundOptions, "The account; null where there is none or nothing can be shown."
    ],
)


@strawberry.type
class Query:
    """The query field of withdrawals."""

    housing_fund_withdrawal_options = lookup_field(
        OPTIONS,
        returns=HousingFundWithdrawalOptions,
        description="For what, and how much, the viewer may draw on the housing fund today.",
    )
