"""The housing fund in GraphQL: a query field and a card of the home screen."""

from dataclasses import dataclass
from typing import Annotated

import strawberry

from core.context.call import Call
from core.context.contributions import home_card
from core.graphql import HomeSection, reading_view, view
from kinds.lookup import lookup_field
from modules.welfare.housing_fund import texts
from modules.welfare.housing_fund.domain import HousingFundAccount
from modules.welfare.housing_fund.lookup import HOUSING_FUND

HousingFund = reading_view(
    "HousingFund",
    "The viewer's housing fund, and how fresh that is.",
    account=Annotated[
        HousingFundAccount, "The account; null where there is none or nothing can be shown."
    ],
)


@view
@dataclass(frozen=True, slots=True, kw_only=True)
class HousingFundSection(HomeSection):
    """The housing-fund card of the home screen."""

    balance_fen: Annotated[int | None, "What is in the account."]


@strawberry.type
class Query:
    """The housing fund's query field."""

    housing_fund = lookup_field(
        HOUSING_FUND,
        returns=HousingFund,
        for_others=True,
        description="The housing fund of the viewer, or of whom they act for.",
    )


@home_card("housing-fund", texts.HOUSING_FUND, identity_level=2)
async def housing_fund_card(call: Call) -> HousingFundSection:
    """The home screen's card."""
    reading = await HOUSING_FUND.read(call)
    return HousingFundSection(
        id="housing-fund",
        title=texts.HOUSING_FUND.say(call.locale),
        **reading.freshness,
        balance_fen=reading.value.balance_fen if reading.value else None,
    )
