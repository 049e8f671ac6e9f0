"""Queries of welfare."""

from core.people.personal_read import Purpose
from kinds.lookup import PersonalLookup
from modules.welfare import texts
from modules.welfare.upstream import CENTRE, find_account

HOUSING_FUND_PURPOSE = Purpose(
    id="welfare.housing-fund",
    upstream=CENTRE.name,
    fields=("balance", "deposits", "loan"),
    text=texts.HOUSING_FUND_CONSENT,
    text_version="2026-11",
)
HOUSING_FUND = PersonalLookup("housing-fund-query", HOUSING_FUND_PURPOSE, find_account)
"""A None inside a LIVE reading means that there is no account."""
