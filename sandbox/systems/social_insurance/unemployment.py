"""Unemployment insurance: months paid, for how long there is a benefit, what was paid of it."""

from sandbox.population import months
from sandbox.population.people import Person
from sandbox.server.system import City
from sandbox.shared.insurance import (
    Insurance,
    Membership,
    describe_member,
    iso,
    membership,
)
from sandbox.shared.registry import Record

UNEMPLOYMENT = Insurance("U", frozenset({"EMPLOYEE"}), employer_bps=70, personal_bps=30)
ENTITLEMENT = ((120, 24), (60, 18), (12, 12))
"""From so many paid months on, the most months of benefit (Social Insurance Law, article 46)."""
BENEFIT_FEN = 198_000
BENEFIT_DAY = 25
WAITING_MONTHS = 2
"""The first benefit is that of the second month after the last one worked."""


def query(city: City, person: Person) -> Record | None:
    """Everything about a person's unemployment insurance but the contributions."""
    member = membership(city, UNEMPLOYMENT, person)
    if member is None:
        return None
    benefits = _benefits(city, member)
    months_max = _months_max(member)
    state = "NOT_CLAIMED"
    if benefits:
        state = "EXHAUSTED" if len(benefits) == months_max else "CLAIMING"
    return describe_member(city, member) | {
        "entitlement": {
            "state": state,
            "months_max": months_max,
            "months_used": len(benefits),
            "monthly_fen": BENEFIT_FEN if months_max else 0,
            "claimed_on": iso(months.last_day(member.jobs[-1].until or member.newest))
            if benefits
            else None,
        },
        "benefits": benefits,
    }


def _months_max(member: Membership) -> int:
    paid = len(member.paid_months)
    return next((most for least, most in ENTITLEMENT if paid >= least), 0)


def _benefits(city: City, member: Membership) -> list[Record]:
    """The benefits since the last job ended, newest first; none after other ends of work."""
    until = member.jobs[-1].until
    if until is None or member.career.end is not None or member.jobs[-1] != member.career.jobs[-1]:
        return []
    newest = months.last_month_due(city.today(), BENEFIT_DAY)
    first = months.months_later(until, WAITING_MONTHS)
    count = min(_months_max(member), max(0, months.between(first, newest) + 1))
    return [
        {
            "month": months.text(month),
            "amount_fen": BENEFIT_FEN,
            "paid_on": month.replace(day=BENEFIT_DAY).isoformat(),
        }
        for month in months.months_back(months.months_later(first, count - 1), count)
    ]
