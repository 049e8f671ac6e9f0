"""A hand-written endpoint for the home screen: Starlette and orjson, nothing general in it."""

from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.home_document import load_home
from core.graphql import HomeSection
from kinds.application.graphql import YourCasesSection
from kinds.application.views import CaseView
from modules.environment.stations.graphql import SpringsAndAirSection
from modules.mobility.violations.graphql import TrafficViolationsSection
from modules.utilities.bills.graphql import BillsDueSection
from modules.welfare.housing_fund.graphql import HousingFundSection
from modules.welfare.overview.graphql import SocialInsuranceSection


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC).isoformat(timespec='milliseconds')[:-6]}Z"


def _case(case: CaseView) -> dict[str, Any]:
    return {
        "id": case.id,
        "no": case.no,
        "title": case.title.zh,
        "stateTitle": case.state_title.zh,
        "turn": case.turn.name,
        "dueOn": case.due_on,
        "daysLeft": case.days_left,
    }


def _own(section: HomeSection) -> dict[str, Any]:
    match section:
        case BillsDueSection():
            return {"total": section.total_fen, "count": section.count}
        case HousingFundSection():
            return {"balance": section.balance_fen}
        case SocialInsuranceSection():
            coverage = section.medical_coverage
            return {
                "pensionMonths": section.pension_months,
                "pensionMonthsMissing": section.pension_months_missing,
                "medicalCoverage": coverage and coverage.name,
                "medicalBalance": section.medical_balance_fen,
            }
        case TrafficViolationsSection():
            return {"unsettledCount": section.unsettled_count, "pointsLeft": section.points_left}
        case SpringsAndAirSection():
            return {
                "lowestAqi": section.lowest_aqi,
                "highestAqi": section.highest_aqi,
                "springsWarnedOf": section.springs_warned_of,
            }
        case YourCasesSection():
            return {
                "waitingForYou": section.waiting_for_you,
                "cases": [_case(case) for case in section.cases],
            }
    return {}


def _section(section: HomeSection) -> dict[str, Any]:
    return {
        "__typename": type(section).__name__,
        "id": section.id,
        "title": section.title,
        "status": section.status.name,
        "asOf": section.as_of and _time(section.as_of),
        "reason": section.reason,
        **_own(section),
    }


async def home(request: Request) -> Response:
    """Read the request, gather the cards, write the answer."""
    orjson.loads(await request.body())
    screen = await load_home()
    data = {"home": {"sections": [_section(section) for section in screen.sections]}}
    return Response(orjson.dumps({"data": data}), media_type="application/json")


def create_app() -> Starlette:
    """One route."""
    return Starlette(routes=[Route("/graphql", home, methods=["POST"])])
