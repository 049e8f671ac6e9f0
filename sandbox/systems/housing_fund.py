"""The housing fund centre: one account per employed person, deposits by month, perhaps a loan."""

import random
from datetime import date
from fractions import Fraction

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from core.money import portion_bps
from sandbox.population.people import DemoPerson, Person
from sandbox.server.system import SHANGHAI, City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply

DEPOSIT_DAY = 15
LOAN_DUE_DAY = 20
LOAN_RATE_BPS = 260
WORKING_AGES = range(20, 60)
MONTHS_SHOWN = 12


class Query(Body):
    """Whose account, and the citizen's consent under which it is read."""

    resident_id: str = Field(min_length=1, max_length=32)
    consent_ref: str = Field(min_length=1, max_length=64)


async def query_account(request: Request, city: City) -> Response:
    """The account with its last twelve deposits and loan; 404 NO_ACCOUNT."""
    query = await read_body(request, Query)
    person = city.population.find(query.resident_id)
    account = None if person is None else _account(city, person)
    if account is None:
        raise Refusal(404, "NO_ACCOUNT", "该人员没有住房公积金账户 / no housing fund account")
    return reply(account)


def _account(city: City, person: Person) -> dict[str, object] | None:
    draw = random.Random(f"{city.settings.seed}:housing-fund:{person.resident_id}")
    today = city.today()
    age = person.age_on(today)
    story = person.key if isinstance(person, DemoPerson) else None
    employed, has_loan = draw.random() < 0.7, draw.random() < 0.25
    if age < WORKING_AGES.start or not (employed or story):
        return None
    closed = age >= WORKING_AGES.stop
    monthly_fen = draw.randrange(60_000, 480_000, 200)
    months = 0 if closed else draw.randint(13, 12 * (age - WORKING_AGES.start) + 13)
    deposits = [] if closed else _deposits(today, monthly_fen)
    loan = story == "parent" or (story is None and has_loan and not closed)
    return {
        "account_no": f"HF{person.resident_id[:2]}{draw.randrange(10**9):09d}",
        "employer": f"沙盒市样例单位第{draw.randint(1, 400)}号",
        "status": "CLOSED" if closed else "ACTIVE",
        "balance_fen": months * monthly_fen,
        "monthly_deposit_fen": 0 if closed else monthly_fen,
        "deposits": deposits,
        "loan": _loan(draw, today) if loan else None,
        "as_of": city.now().astimezone(SHANGHAI).isoformat(timespec="seconds"),
    }


def _deposits(today: date, monthly_fen: int) -> list[dict[str, object]]:
    """The last twelve months' deposits, newest first; a month counts from its deposit day on."""
    newest = today.year * 12 + today.month - 1 - (today.day < DEPOSIT_DAY)
    months = [divmod(newest - back, 12) for back in range(MONTHS_SHOWN)]
    return [
        {
            "month": f"{year}-{month + 1:02d}",
            "amount_fen": monthly_fen,
            "deposited_on": date(year, month + 1, DEPOSIT_DAY).isoformat(),
        }
        for year, month in months
    ]


def _loan(draw: random.Random, today: date) -> dict[str, object]:
    """A loan repaid in equal monthly instalments, some of them already paid."""
    principal_fen = draw.randrange(20_000_000, 80_000_000, 100_000)
    term = draw.choice((120, 240, 360))
    monthly_fen = _instalment(principal_fen, LOAN_RATE_BPS, term)
    outstanding_fen = principal_fen
    for _ in range(draw.randint(6, term // 2)):
        interest_fen = portion_bps(outstanding_fen, LOAN_RATE_BPS) // 12
        outstanding_fen -= monthly_fen - interest_fen
    due = today.year * 12 + today.month - 1 + (today.day > LOAN_DUE_DAY)
    return {
        "contract_no": f"HL{draw.randrange(10**10):010d}",
        "principal_fen": principal_fen,
        "outstanding_fen": outstanding_fen,
        "annual_rate_bps": LOAN_RATE_BPS,
        "monthly_payment_fen": monthly_fen,
        "next_due_on": date(due // 12, due % 12 + 1, LOAN_DUE_DAY).isoformat(),
    }


def _instalment(principal_fen: int, annual_rate_bps: int, months: int) -> int:
    """The equal monthly instalment (等额本息), rounded up to a fen so that the term suffices."""
    growth = (1 + Fraction(annual_rate_bps, 120_000)) ** months
    exact = principal_fen * Fraction(annual_rate_bps, 120_000) * growth / (growth - 1)
    return -int(-exact // 1)


SYSTEMS = (
    System(
        name="housing_fund",
        title_zh="住房公积金中心",
        title_en="Housing fund centre",
        operations=(
            Operation("query_account", "POST", "/housing-fund/accounts/query", query_account),
        ),
    ),
)
