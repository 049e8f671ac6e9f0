"""The product's own home document in the hands of other servers: its cards, in memory.

Every server answers the app's `Home` from the same cards; the answers' checksums must agree.
"""

import hashlib
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import orjson
import strawberry
from strawberry.schema.config import StrawberryConfig

from bff.screens.home import Home, UnavailableSection
from bff.trusted.documents import TrustedOperation, documents_of
from core.graphql import SCALARS, HomeSection
from core.manifest import discover
from core.texts import Named
from core.upstream.readings import Freshness, ReadStatus
from kinds.application.definition import Turn
from kinds.application.graphql import YourCasesSection
from kinds.application.views import CaseView
from modules.environment.stations.graphql import SpringsAndAirSection
from modules.mobility.violations.graphql import TrafficViolationsSection
from modules.utilities.bills.graphql import BillsDueSection
from modules.welfare.housing_fund.graphql import HousingFundSection
from modules.welfare.medical.domain import CoverageState
from modules.welfare.overview.graphql import SocialInsuranceSection

_AT = datetime(2026, 11, 23, 4, 0, 0, 123_000, tzinfo=UTC)
_LIVE: Freshness = {"status": ReadStatus.LIVE, "as_of": _AT, "reason": None}
_CASES = 5


def home() -> TrustedOperation:
    """The operation as apps send it."""
    (operation,) = documents_of(discover()).by_name["home"].operations
    return operation


def _case(number: int) -> CaseView:
    """A case with what the home document asks for; the rest is not looked at."""
    case = object.__new__(CaseView)
    asked = {
        "id": UUID(int=number),
        "no": f"2026112300{number:04}",
        "title": Named("居住证申领", "Residence permit"),
        "state_title": Named("等待补正材料", "Papers wanted"),
        "turn": Turn.CITIZEN,
        "due_on": date(2026, 12, number),
        "days_left": number,
    }
    for name, value in asked.items():
        object.__setattr__(case, name, value)
    return case


SECTIONS: list[HomeSection] = [
    BillsDueSection(id="bills-due", title="待缴账单", total_fen=12_340, count=2, **_LIVE),
    HousingFundSection(id="housing-fund", title="住房公积金", balance_fen=8_765_432, **_LIVE),
    SocialInsuranceSection(
        id="social-insurance",
        title="社会保险",
        pension_months=128,
        pension_months_missing=52,
        medical_coverage=CoverageState.IN_EFFECT,
        medical_balance_fen=321_098,
        **_LIVE,
    ),
    TrafficViolationsSection(
        id="traffic-violations", title="交通违法", unsettled_count=1, points_left=9, **_LIVE
    ),
    SpringsAndAirSection(
        id="springs-and-air",
        title="泉水与空气",
        lowest_aqi=42,
        highest_aqi=87,
        springs_warned_of=0,
        **_LIVE,
    ),
    YourCasesSection(
        id="your-cases",
        title="我的办件",
        waiting_for_you=_CASES,
        cases=[_case(number) for number in range(1, _CASES + 1)],
        **_LIVE,
    ),
    UnavailableSection(
        id="ride-code",
        title="乘车码",
        status=ReadStatus.UNAVAILABLE,
        as_of=None,
        reason="TIMEOUT",
    ),
]


async def load_home() -> Home:
    """The screen, as a resolver gets it."""
    return Home(sections=SECTIONS)


@strawberry.type
class Query:
    """The screen."""

    @strawberry.field
    async def home(self) -> Home:
        """The cards."""
        return await load_home()


def schema(**options: Any) -> strawberry.Schema:
    """The part of the product's schema that the home document asks."""
    types = [type(section) for section in SECTIONS]
    return strawberry.Schema(
        Query, types=types, config=StrawberryConfig(scalar_map=SCALARS), **options
    )


def checksum(body: bytes) -> str:
    """Of a response's data, whatever the order of its keys."""
    data = orjson.loads(body)["data"]
    return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()
