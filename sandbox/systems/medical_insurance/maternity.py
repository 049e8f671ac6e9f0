"""Maternity insurance: months paid by the employer, allowances and how far each has come."""

from dataclasses import dataclass
from datetime import date, timedelta

from sandbox.population import months
from sandbox.population.people import DemoPerson, Person
from sandbox.server.system import City
from sandbox.shared.insurance import Insurance, Membership, describe_member, iso, membership
from sandbox.shared.registry import Record, draw_for

MATERNITY = Insurance(
    "B",
    frozenset({"EMPLOYEE", "CIVIL_SERVICE"}),
    employer_bps=100,
    personal_bps=0,
    begins=date(2000, 1, 1),
    civil_service_begins=date(2000, 1, 1),
)
LEAVE_DAYS = 158
PRENATAL_FEN = 200_000
BIRTH_AGES = range(24, 40)
BIRTH_PROB = 0.15


@dataclass(frozen=True)
class _Birth:
    """A birth so many months ago, and how far the allowances for it have come."""

    months_ago: int
    state: str
    reason: str | None = None


_DEMO_BIRTHS = {
    "citizen_dotted": _Birth(14, "PAID"),
    "bank_officer": _Birth(3, "APPROVED"),
    "operator": _Birth(2, "IN_REVIEW"),
    "department_officer": _Birth(40, "REFUSED", "LATE_APPLICATION"),
}


def query(city: City, person: Person) -> Record | None:
    """Everything about a person's maternity insurance but the contributions."""
    member = membership(city, MATERNITY, person)
    if member is None:
        return None
    birth = _birth(city, member)
    return describe_member(city, member) | {
        "allowances": [] if birth is None else _allowances(city, member, birth)
    }


def _birth(city: City, member: Membership) -> _Birth | None:
    if isinstance(member.person, DemoPerson):
        return _DEMO_BIRTHS.get(member.person.key)
    draw = draw_for(city, "maternity", member.person)
    gave_birth, ago = draw.random() < BIRTH_PROB, draw.randint(8, 40)
    month = months.months_later(city.today().replace(day=1), -ago)
    if member.person.is_male or month not in member.paid_months or not gave_birth:
        return None
    return _Birth(ago, "PAID") if member.person.age_on(month) in BIRTH_AGES else None


def _allowances(city: City, member: Membership, birth: _Birth) -> list[Record]:
    born_on = months.months_later(city.today().replace(day=1), -birth.months_ago) + timedelta(4)
    number = draw_for(city, "allowance", member.person).randrange(10**10)
    leave_fen = member.base_fen() * LEAVE_DAYS // 30
    paid_on = born_on + timedelta(75) if birth.state == "PAID" else None
    return [
        {
            "allowance_no": f"MA{number:010d}-{place}",
            "kind": kind,
            "event": "BIRTH",
            "event_on": born_on.isoformat(),
            "days": days,
            "amount_fen": amount_fen if birth.state != "REFUSED" else 0,
            "state": birth.state,
            "reason": birth.reason,
            "applied_on": (born_on + timedelta(21)).isoformat(),
            "paid_on": iso(paid_on),
        }
        for place, (kind, days, amount_fen) in enumerate(
            (("ALLOWANCE", LEAVE_DAYS, leave_fen), ("PRENATAL_CARE", None, PRENATAL_FEN)), 1
        )
    ]
