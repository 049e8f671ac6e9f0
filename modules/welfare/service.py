"""Queries of welfare."""

from core.context.call import Call
from core.people.personal_read import Access, Purpose, personal_read
from core.upstream.readings import Reading
from modules.welfare import texts
from modules.welfare.domain import HousingFundAccount
from modules.welfare.upstream import HousingFund

HOUSING_FUND = Purpose(
    id="welfare.housing-fund",
    upstream="housing_fund",
    fields=("balance", "deposits", "loan"),
    text=texts.HOUSING_FUND_CONSENT,
    text_version="2026-11",
)


async def read_housing_fund(call: Call) -> Reading[HousingFundAccount | None]:
    """The viewer's housing-fund account; a None inside a LIVE reading means there is none.

    Raises LoginRequired below level 2 and Forbidden without consent.
    """

    async def fetch(access: Access) -> HousingFundAccount | None:
        return await call.app.upstream(HousingFund).find_account(access, call.deadline)

    return await personal_read(
        call, service="housing-fund-query", purpose=HOUSING_FUND, fetch=fetch
    )
