"""Accounts of the housing fund: one per employed person, deposits by month, perhaps a loan."""

import random
from datetime import date

from sandbox.population import months
from sandbox.population.people import DemoPerson, Person
from sandbox.server.system import City
from sandbox.shared.instalments import instalment_fen, outstanding_fen
from sandbox.shared.registry import Record, draw_for

DEPOSIT_DAY = 15
LOAN_DUE_DAY = 20
LOAN_RATE_BPS = 260
WORKING_AGES = range(20, 60)
MONTHS_SHOWN = 12


def account(city: City, person: Person) -> Record | None:
    """The account with its last twelve deposits and loan, or None for who never had one."""
    draw = draw_for(city, "housing-fund", person)
    today = city.today()
    age = person.age_on(today)
    story = person.key if isinstance(person, DemoPerson) else None
    employed, has_loan = draw.random() < 0.7, draw.random() < 0.25
    if age < WORKING_AGES.start or not (employed or story):
        return None
    closed = age >= WORKING_AGES.stop
    monthly_fen = draw.randrange(60_000, 480_000, 200)
    months_paid = 0 if closed else draw.randint(13, 12 * (age - WORKING_AGES.start) + 13)
    loan = story == "parent" or (story is None and has_loan and not closed)
    return {
        "account_no": f"HF{person.resident_id[:2]}{draw.randrange(10**9):09d}",
        "employer": f"沙盒市样例单位第{draw.randint(1, 400)}号",
        "status": "CLOSED" if closed else "ACTIVE",
        "balance_fen": months_paid * monthly_fen,
        "monthly_deposit_fen": 0 if closed else monthly_fen,
        "deposits": [] if closed else _deposits(today, monthly_fen),
        "loan": _loan(draw, today) if loan else None,
        "as_of": city.timestamp(),
    }


def _deposits(today: date, monthly_fen: int) -> list[Record]:
    """The last twelve months' deposits, newest first; a month counts from its deposit day on."""
    return [
        {
            "month": months.text(month),
            "amount_fen": monthly_fen,
            "deposited_on": month.replace(day=DEPOSIT_DAY).isoformat(),
        }
        for month in months.months_back(months.last_month_due(today, DEPOSIT_DAY), MONTHS_SHOWN)
    ]


def _loan(draw: random.Random, today: date) -> Record:
    """A loan repaid in equal monthly instalments, some of them already paid."""
    principal_fen = draw.randrange(20_000_000, 80_000_000, 100_000)
    term = draw.choice((120, 240, 360))
    terms = (principal_fen, LOAN_RATE_BPS, term)
    owed_fen = outstanding_fen(*terms, paid=draw.randint(6, term // 2))
    due = months.months_later(today.replace(day=LOAN_DUE_DAY), today.day > LOAN_DUE_DAY)
    return {
        "contract_no": f"HL{draw.randrange(10**10):010d}",
        "principal_fen": principal_fen,
        "outstanding_fen": owed_fen,
        "annual_rate_bps": LOAN_RATE_BPS,
        "monthly_payment_fen": instalment_fen(*terms),
        "next_due_on": due.isoformat(),
    }
