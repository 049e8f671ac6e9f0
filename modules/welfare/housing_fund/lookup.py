"""What is asked about somebody's housing fund, and on which consent."""

from core.people.personal_read import Purpose
from kinds.lookup import PersonalLookup
from modules.welfare.housing_fund import texts
from modules.welfare.housing_fund.upstream import CENTRE, find_account

PURPOSE = Purpose(
    id="welfare.housing-fund",
    upstream=CENTRE.name,
    fields=("balance", "deposits", "loan"),
    text=texts.HOUSING_FUND_CONSENT,
    text_version="2026-12",
)
HOUSING_FUND = PersonalLookup("housing-fund-query", PURPOSE, find_account)
"""A None inside a LIVE reading means that there is no account."""
