"""The housing fund centre; see docs/upstreams/housing-fund.md."""

from core.standards.document_codes import HOUSING_FUND
from core.upstream.operation import System, json_of
from kinds.lookup import record_operation
from modules.welfare.housing_fund.domain import HousingFundAccount

CENTRE = System("housing_fund", documents=HOUSING_FUND)

find_account = record_operation(
    CENTRE, "find_account", "/accounts/query", json_of(HousingFundAccount).or_none(404)
)
