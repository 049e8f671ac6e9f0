"""Pension insurance: months paid and deemed, the personal account, transfers, the pension."""

from dataclasses import dataclass
from datetime import date

from core.money import portion_bps
from sandbox.population import months
from sandbox.population.careers import HERE, Job
from sandbox.population.people import Person
from sandbox.server.system import City
from sandbox.shared.insurance import (
    Contribution,
    Insurance,
    Membership,
    describe_member,
    iso,
    membership,
)
from sandbox.shared.registry import Record, draw_for

PENSION = Insurance(
    "P",
    frozenset({"EMPLOYEE", "CIVIL_SERVICE", "FLEXIBLE"}),
    employer_bps=1600,
    personal_bps=800,
    deems_earlier_work=True,
)
ACCOUNT_BPS = 800
INTEREST_BPS = 262
MONTHS_MIN = 180
DIVISORS = {50: 195, 55: 170, 60: 139}
"""Over how many months an account is paid out, by the age at which the pension begins."""
PENSION_DAY, TRANSFER_DAY, TRANSFER_MONTHS = 10, 15, 3
CADRE_PROB = 0.4


@dataclass(frozen=True)
class Movement:
    """What an account gained or lost on a day, and what it held then."""

    on: date
    kind: str
    amount_fen: int
    balance_fen: int


def query(city: City, person: Person) -> Record | None:
    """Everything about a person's pension insurance but the long lists."""
    member = membership(city, PENSION, person)
    if member is None:
        return None
    movements = _movements(member, city.today())
    return describe_member(city, member) | {
        "deemed_months": len(member.deemed_months()),
        "retirement_category": _category(city, member),
        "account": {
            "balance_fen": movements[-1].balance_fen if movements else 0,
            "updated_on": iso(movements[-1].on if movements else None),
        },
        "transfers": [_transfer(member, job) for job in member.jobs if job.transfer],
        "benefit": _benefit(city, member),
    }


def list_movements(city: City, person: Person) -> list[Record] | None:
    """The movements of a person's account."""
    member = membership(city, PENSION, person)
    if member is None:
        return None
    return [
        {
            "record_no": f"{movement.on:%Y%m%d}-{number:04d}",
            "on": movement.on.isoformat(),
            "kind": movement.kind,
            "amount_fen": movement.amount_fen,
            "balance_fen": movement.balance_fen,
        }
        for number, movement in enumerate(_movements(member, city.today()), 1)
    ]


def _movements(member: Membership, today: date) -> list[Movement]:
    """Contributions and transfers come in, interest at each year's end, pension and rest go out."""
    income = sorted(_income(member))
    if not income:
        return []
    account: list[Movement] = []
    balance_fen = share_fen = 0

    def post(on: date, kind: str, amount_fen: int) -> None:
        nonlocal balance_fen
        if amount_fen and on <= today:
            balance_fen += amount_fen
            account.append(Movement(on, kind, amount_fen, balance_fen))

    month, ended_on, retired_on = income[0][0].replace(day=1), _paid_out_on(member), None
    if member.career.retired_on is not None and _has_pension(member):
        retired_on = member.career.retired_on
    while month <= today and (ended_on is None or month <= ended_on):
        if retired_on is not None and month >= retired_on:
            share_fen = share_fen or balance_fen // _divisor(member, retired_on)
            post(month.replace(day=PENSION_DAY), "PENSION", -min(share_fen, balance_fen))
        while income and income[0][0] < months.months_later(month, 1):
            post(*income.pop(0))
        if month.month == 12:
            post(month.replace(day=31), "INTEREST", portion_bps(balance_fen, INTEREST_BPS))
        month = months.months_later(month, 1)
    if ended_on is not None:
        post(ended_on, "PAYOUT", -balance_fen)
    return account


def _income(member: Membership) -> list[tuple[date, str, int]]:
    posts = []
    for job in member.jobs:
        paid = [entry for entry in member.contributions[job] if entry.paid_on is not None]
        if job.transfer == "COMPLETED":
            posts.append((_transferred_on(job), "TRANSFER_IN", _account_fen(paid)))
        elif job.place == HERE:
            shares = {base: portion_bps(base, ACCOUNT_BPS) for base in {e.base_fen for e in paid}}
            posts += [
                (entry.paid_on, "CONTRIBUTION", shares[entry.base_fen])
                for entry in paid
                if entry.paid_on is not None
            ]
    return posts


def _account_fen(entries: list[Contribution]) -> int:
    return sum(portion_bps(entry.base_fen, ACCOUNT_BPS) for entry in entries)


def _paid_out_on(member: Membership) -> date | None:
    """When what was left went to the person who moved abroad, or to the heirs."""
    return member.career.ended_on if member.career.end in ("SETTLED_ABROAD", "DECEASED") else None


def _transferred_on(job: Job) -> date:
    assert job.until is not None
    return months.months_later(job.until, TRANSFER_MONTHS).replace(day=TRANSFER_DAY)


def _transfer(member: Membership, job: Job) -> Record:
    assert job.until is not None
    paid = [entry for entry in member.contributions[job] if entry.paid_on is not None]
    moved = job.transfer == "COMPLETED"
    return {
        "from_place_code": job.place[0],
        "from_place_zh": job.place[1],
        "to_place_code": HERE[0],
        "to_place_zh": HERE[1],
        "state": job.transfer,
        "months": len(paid),
        "account_fen": _account_fen(paid) if moved else None,
        "applied_on": months.last_day(job.until).isoformat(),
        "completed_on": _transferred_on(job).isoformat() if moved else None,
    }


def _has_pension(member: Membership) -> bool:
    return len(member.paid_months) + len(member.deemed_months()) >= MONTHS_MIN


def _divisor(member: Membership, retired_on: date) -> int:
    return DIVISORS[min(60, member.person.age_on(retired_on) // 5 * 5)]


def _benefit(city: City, member: Membership) -> Record | None:
    """The pension, or None for who has not retired or has too few months for one."""
    retired_on, ended = member.career.retired_on, member.career.end == "DECEASED"
    if retired_on is None or not _has_pension(member):
        return None
    return {
        "state": "ENDED" if ended else "PAYING",
        "monthly_fen": draw_for(city, "pension", member.person).randrange(220_000, 520_000),
        "since": retired_on.isoformat(),
        "until": iso(member.career.ended_on if ended else None),
    }


def _category(city: City, member: Membership) -> str:
    """What the retirement age depends on: MALE, FEMALE_CADRE (55) or FEMALE_WORKER (50)."""
    if member.person.is_male:
        return "MALE"
    retired_on = member.career.retired_on
    cadre = draw_for(city, "cadre", member.person).random() < CADRE_PROB
    if any(job.kind == "CIVIL_SERVICE" for job in member.jobs):
        cadre = True
    if retired_on is not None:
        cadre = member.person.age_on(retired_on) >= 55
    return "FEMALE_CADRE" if cadre else "FEMALE_WORKER"
