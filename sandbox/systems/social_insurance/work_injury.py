"""Work-injury insurance: enrolled by each employer, recognised injuries, what was paid for them."""

from dataclasses import dataclass
from datetime import date, timedelta

from core.money import portion_bps
from sandbox.population import months
from sandbox.population.people import DemoPerson, Person
from sandbox.server.system import City
from sandbox.shared.insurance import (
    Insurance,
    Membership,
    describe_member,
    iso,
    membership,
)
from sandbox.shared.registry import Record, draw_for

WORK_INJURY = Insurance(
    "I",
    frozenset({"EMPLOYEE", "CIVIL_SERVICE", "PART_TIME"}),
    employer_bps=40,
    personal_bps=0,
    begins=date(2004, 1, 1),
    is_transferable=False,
)
LUMP_SUM_MONTHS = {7: 13, 8: 11, 9: 9, 10: 7}
"""Months of wage for a disability grade (Regulation on Work-Injury Insurance, article 37)."""
MEDICAL_BPS = 8000
INJURY_PROB = 0.03


@dataclass(frozen=True)
class _Injury:
    """An injury so many months ago: how it was decided, and the disability grade."""

    months_ago: int
    result: str
    grade: int | None = None


_DEMO_INJURIES = {
    "grid_worker": _Injury(14, "RECOGNISED", 10),
    "parent": _Injury(30, "NOT_RECOGNISED"),
    "bank_officer": _Injury(1, "IN_REVIEW"),
}


def query(city: City, person: Person) -> Record | None:
    """Everything about a person's work-injury insurance but the contributions."""
    member = membership(city, WORK_INJURY, person)
    if member is None:
        return None
    injury = _injury(city, member)
    return describe_member(city, member) | {
        "recognitions": [] if injury is None else [_recognition(city, member, injury)],
        "benefits": [] if injury is None else _benefits(city, member, injury),
    }


def _injury(city: City, member: Membership) -> _Injury | None:
    if isinstance(member.person, DemoPerson):
        return _DEMO_INJURIES.get(member.person.key)
    draw = draw_for(city, "work-injury", member.person)
    happened, ago, grade = draw.random() < INJURY_PROB, draw.randint(6, 60), draw.randint(7, 10)
    at_work = months.months_later(city.today().replace(day=1), -ago) in member.paid_months
    return _Injury(ago, "RECOGNISED", grade) if happened and at_work else None


def _injured_on(city: City, injury: _Injury) -> date:
    return months.months_later(city.today().replace(day=1), -injury.months_ago) + timedelta(8)


def _number(city: City, member: Membership, kind: str) -> str:
    return f"{kind}{draw_for(city, kind, member.person).randrange(10**10):010d}"


def _recognition(city: City, member: Membership, injury: _Injury) -> Record:
    injured_on = _injured_on(city, injury)
    decided = injury.result != "IN_REVIEW"
    return {
        "recognition_no": _number(city, member, "GR"),
        "employer_zh": member.jobs[-1].employer_zh,
        "injured_on": injured_on.isoformat(),
        "applied_on": (injured_on + timedelta(10)).isoformat(),
        "result": injury.result,
        "decided_on": iso(injured_on + timedelta(50) if decided else None),
        "disability_grade": injury.grade,
    }


def _benefits(city: City, member: Membership, injury: _Injury) -> list[Record]:
    if injury.result != "RECOGNISED" or injury.grade is None:
        return []
    injured_on, base_fen = _injured_on(city, injury), member.base_fen()
    lump_sum_fen = base_fen * LUMP_SUM_MONTHS[injury.grade]
    paid = (
        ("MEDICAL", portion_bps(base_fen, MEDICAL_BPS), injured_on + timedelta(60)),
        ("DISABILITY_LUMP_SUM", lump_sum_fen, injured_on + timedelta(95)),
    )
    return [
        {
            "benefit_no": f"{_number(city, member, 'GB')}-{number}",
            "recognition_no": _number(city, member, "GR"),
            "kind": kind,
            "amount_fen": amount_fen,
            "paid_on": on.isoformat(),
        }
        for number, (kind, amount_fen, on) in reversed(list(enumerate(paid, 1)))
    ]
