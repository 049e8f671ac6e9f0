"""The company register, open to all, and the exchange of what authorities know of a company."""

import random
from dataclasses import asdict
from functools import lru_cache

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.companies import Companies, Company
from sandbox.population.people import Population
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply

Values = dict[str, int | float | str]
SOURCES = ("registry", "tax", "invoices", "social_insurance", "housing_fund", "utilities", "court")


class SourceQuery(Body):
    """Which company, for whom, under which consent."""

    uscc: str = Field(min_length=18, max_length=18)
    recipient: str = Field(min_length=1, max_length=64)
    consent_ref: str = Field(min_length=1, max_length=64)


@lru_cache(maxsize=4)
def companies_of(seed: int) -> Companies:
    """The companies of a seed."""
    return Companies(seed, Population(seed))


async def find(request: Request, city: City) -> Response:
    """A company as the register shows it to anybody."""
    company = companies_of(city.settings.seed).by_uscc.get(request.path_params["uscc"])
    if company is None:
        raise Refusal(404, "NO_SUCH_COMPANY")
    return reply(asdict(company) | {"registered_on": company.registered_on.isoformat()})


async def query_source(request: Request, city: City) -> Response:
    """What one source knows of a company."""
    source = request.path_params["source"]
    query = await read_body(request, SourceQuery)
    company = companies_of(city.settings.seed).by_uscc.get(query.uscc)
    if company is None or source not in SOURCES:
        raise Refusal(404, "NO_SUCH_COMPANY")
    values = _values(city, company, source)
    return reply({"has_record": bool(values), "values": values})


def _values(city: City, company: Company, source: str) -> Values:
    draw = random.Random(f"{city.settings.seed}:{source}:{company.uscc}")
    months = (city.today() - company.registered_on).days // 30
    turnover = int(draw.lognormvariate(5.6, 0.8)) * 1_000_000
    heads = 1 + int(draw.lognormvariate(2, 0.7))
    match source:
        case "registry":
            return {"months_registered": months, "registry_changes_24m": draw.randrange(4)}
        case "tax":
            grade = draw.choice((3, 4, 4, 5))
            return {"tax_grade_points": grade, "tax_late_12m": draw.randrange(3)}
        case "invoices":
            return {
                "invoiced_12m_fen": turnover,
                "invoiced_prev_12m_fen": int(turnover * draw.uniform(0.8, 1.2)),
                "top_buyer_share": round(draw.uniform(0.1, 0.6), 2),
            }
        case "social_insurance":
            return {"insured_heads": heads, "insured_heads_prev": max(heads - 1, 1)}
        case "housing_fund":
            return {"fund_arrears_12m": 0}
        case "utilities":
            ratio = round(draw.uniform(0.8, 1.3), 2)
            return {"utility_late_12m": draw.randrange(2), "electricity_ratio": ratio}
    return {}


async def list_history(request: Request, city: City) -> Response:
    """Every company, and the loans of the last two months, for the seeding of a platform."""
    companies = companies_of(city.settings.seed)
    return reply(
        {
            "companies": [
                asdict(company) | {"registered_on": company.registered_on.isoformat()}
                for company in companies.all
            ],
            "loans": [asdict(loan) for loan in companies.loans],
        }
    )


SYSTEMS = (
    System(
        name="company_register",
        title_zh="企业登记系统",
        title_en="Company register",
        operations=(Operation("find", "GET", "/company-register/companies/{uscc}", find),),
        controls=(
            Operation("list_history", "GET", "/_control/company-register/history", list_history),
        ),
    ),
    System(
        name="enterprise_data",
        title_zh="企业数据共享",
        title_en="Exchange of company data",
        operations=(
            Operation(
                "query_source", "POST", "/enterprise-data/sources/{source}/query", query_source
            ),
        ),
    ),
)
