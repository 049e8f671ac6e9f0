"""Welfare in GraphQL."""

from dataclasses import dataclass
from typing import Annotated

import strawberry

from core.context.call import Call
from core.context.contributions import home_card
from core.graphql import HomeSection, Info, of_service, query, reading_view, view
from core.upstream.readings import Reading
from modules.welfare import service, texts
from modules.welfare.domain import HousingFundAccount

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
    """Welfare's query fields."""

    @query(
        of_service("housing-fund-query", for_others=True),
        description="The housing fund of the viewer, or of whom they act for.",
        returns=HousingFund,
    )
    async def housing_fund(self, info: Info) -> Reading[HousingFundAccount | None]:
        """Needs the consent `welfare.housing-fund`."""
        return await service.HOUSING_FUND.read(info.context)


@home_card("housing-fund", texts.HOUSING_FUND, identity_level=2)
async def housing_fund_card(call: Call) -> HousingFundSection:
    """The home screen's card."""
    reading = await service.HOUSING_FUND.read(call)
    return HousingFundSection(
        id="housing-fund",
        title=texts.HOUSING_FUND.say(call.locale),
        **reading.freshness,
        balance_fen=reading.value.balance_fen if reading.value else None,
    )
