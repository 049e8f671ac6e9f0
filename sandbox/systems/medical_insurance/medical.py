"""Medical insurance: of employees with an account, of residents by the year; what was settled."""

from dataclasses import asdict
from datetime import date

from sandbox.population import months
from sandbox.population.careers import HERE
from sandbox.population.people import Person
from sandbox.server.system import City
from sandbox.shared.insurance import (
    Insurance,
    Membership,
    contributions_of,
    describe_member,
    holder,
    iso,
    membership,
)
from sandbox.shared.registry import Record
from sandbox.systems.medical_insurance.settlements import (
    DEDUCTIBLE_FEN,
    FUND_CAP_FEN,
    Book,
    keep_book,
)

MEDICAL = Insurance(
    "M",
    frozenset({"EMPLOYEE", "CIVIL_SERVICE", "FLEXIBLE"}),
    employer_bps=700,
    personal_bps=200,
    begins=date(2000, 1, 1),
    civil_service_begins=date(2000, 1, 1),
    outlasts_work=True,
)
RESIDENT_SINCE = 2017
RESIDENT_FEE_FEN, RESIDENT_SUBSIDY_FEN = 40_000, 67_000
"""What a resident pays for a year, and what the state adds."""


def query(city: City, person: Person) -> Record:
    """Everything about a person's medical insurance but the long lists."""
    member = membership(city, MEDICAL, person)
    book = _book(city, person, member)
    described = _resident(city, person) if member is None else describe_member(city, member)
    year = city.today().year
    settled = book.settled_in(year)
    return described | {
        "scheme": "RESIDENT" if member is None else "EMPLOYEE",
        "coverage": _coverage(city, member),
        "account": None if member is None else {"balance_fen": book.balance_fen},
        "this_year": {
            "year": year,
            "fund_fen": sum(entry.fund_fen for entry in settled),
            "fund_cap_fen": FUND_CAP_FEN,
            "deductible_fen": DEDUCTIBLE_FEN,
            "deductible_used_fen": book.deductible_used_fen,
            "self_pay_fen": sum(entry.self_pay_fen for entry in settled),
        },
    }


def list_contributions(city: City, person: Person) -> list[Record]:
    """An employee's contributions by month, a resident's by year."""
    employee = contributions_of(MEDICAL)(city, person)
    return _resident_contributions(city, person) if employee is None else employee


def list_movements(city: City, person: Person) -> list[Record] | None:
    """The movements of the personal account that are kept."""
    member = membership(city, MEDICAL, person)
    return None if member is None else _book(city, person, member).movements


def list_settlements(city: City, person: Person) -> list[Record]:
    """What hospitals and pharmacies settled with the insurance."""
    book = _book(city, person, membership(city, MEDICAL, person))
    return [asdict(entry) for entry in book.settlements]


def _book(city: City, person: Person, member: Membership | None) -> Book:
    return keep_book(city.settings.seed, person, member, city.today())


def _coverage(city: City, member: Membership | None) -> Record:
    """Whether the fund pays now, since when, and until when where it has stopped."""
    if member is None:
        return {"state": "IN_EFFECT", "since": f"{city.today().year}-01-01", "until": None}
    since, last = min(member.paid_months), member.last_month(member.jobs[-1])
    state, until = "IN_EFFECT", None
    if member.career.end in ("SETTLED_ABROAD", "DECEASED"):
        state, until = "ENDED", member.career.ended_on
    elif member.career.end is None and member.jobs[-1].until is not None:
        state, until = "SUSPENDED", months.last_day(last)
    return {"state": state, "since": since.isoformat(), "until": iso(until)}


def _resident(city: City, person: Person) -> Record:
    years = _resident_years(city, person)
    return {
        "holder": holder(person),
        "enrolments": [
            {
                "enrolment_no": f"R{person.household_no:08d}{person.resident_id[14:17]}",
                "employer_zh": None,
                "employer_code": None,
                "place_code": HERE[0],
                "place_zh": HERE[1],
                "kind": "RESIDENT",
                "state": "ACTIVE",
                "reason": None,
                "since": f"{years[0]}-01-01",
                "until": None,
                "paid_months": 12 * len(years),
                "base_fen": None,
            }
        ],
        "paid_months": 12 * len(years),
        "gaps": [],
        "deceased_on": None,
        "as_of": city.timestamp(),
    }


def _resident_years(city: City, person: Person) -> range:
    this_year = city.today().year
    return range(min(this_year, max(RESIDENT_SINCE, person.born_on.year)), this_year + 1)


def _resident_contributions(city: City, person: Person) -> list[Record]:
    return [
        {
            "record_no": f"{year}01-1",
            "month": f"{year}-01",
            "enrolment_no": f"R{person.household_no:08d}{person.resident_id[14:17]}",
            "employer_zh": None,
            "place_zh": HERE[1],
            "base_fen": None,
            "employer_fen": RESIDENT_SUBSIDY_FEN,
            "personal_fen": RESIDENT_FEE_FEN,
            "state": "PAID",
            "paid_on": f"{year - 1}-11-20",
        }
        for year in _resident_years(city, person)
    ]
