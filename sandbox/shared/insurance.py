"""Social insurance from careers: enrolments, contributions month by month, gaps, an account."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Literal

from core.money import portion_bps
from sandbox.population import months
from sandbox.population.careers import HERE, WAGE_YEAR, Career, Job, JobKind, career_of
from sandbox.population.people import DemoPerson, Person
from sandbox.server.system import City
from sandbox.shared.documents import INSURANCE, has_id_number, type_of
from sandbox.shared.registry import Absent, Record, not_found

DUE_DAY = 20
"""The day of the month from which the month counts as paid."""
RAISE = Fraction(105, 100)
"""What wages, and with them contribution bases, grow by with each calendar year."""
MADE_UP_MONTHS = 4
"""How late a month that was made up for was paid."""

State = Literal["ACTIVE", "PAUSED", "TRANSFERRED_OUT", "CLOSED", "DECEASED"]
ContributionState = Literal["PAID", "MADE_UP", "UNPAID"]
ABSENT: Absent = not_found("NO_ENROLMENT", "该人员没有参保记录 / not enrolled")


@dataclass(frozen=True)
class Insurance:
    """One of the five: which jobs it covers, since when, and the two parts of a contribution.

    Of FLEXIBLE work all is paid by the person. Months worked before it began count where it deems
    earlier work insured. Where it outlasts work, who has retired stays insured.
    """

    code: str
    covers: frozenset[JobKind]
    employer_bps: int
    personal_bps: int
    begins: date = date(1996, 1, 1)
    civil_service_begins: date = date(2014, 10, 1)
    deems_earlier_work: bool = False
    outlasts_work: bool = False
    is_transferable: bool = True

    def begins_for(self, kind: JobKind) -> date:
        """The first month in which such a job is paid for."""
        return self.civil_service_begins if kind == "CIVIL_SERVICE" else self.begins


@dataclass(frozen=True)
class Contribution:
    """One month of one job."""

    job: Job
    month: date
    base_fen: int
    employer_fen: int
    personal_fen: int
    state: ContributionState
    paid_on: date | None


@dataclass(frozen=True)
class Membership:
    """A person in one insurance: the jobs that it covers, and the newest month that is due."""

    insurance: Insurance
    person: Person
    career: Career
    jobs: tuple[Job, ...]
    newest: date

    def last_month(self, job: Job) -> date:
        """The last month of a job that is due by now."""
        return self.newest if job.until is None else min(job.until, self.newest)

    @cached_property
    def contributions(self) -> dict[Job, list[Contribution]]:
        """What each job brought in, oldest month first."""
        return {job: self._contributions(job) for job in self.jobs}

    def _contributions(self, job: Job) -> list[Contribution]:
        first = max(job.since, self.insurance.begins_for(job.kind))
        amounts: dict[int, tuple[int, int, int]] = {}
        entries = []
        for month in months.span(first, self.last_month(job)):
            if month.year not in amounts:
                amounts[month.year] = _amounts(self.insurance, job, month.year)
            due_on = month.replace(day=DUE_DAY)
            state: ContributionState = "PAID"
            paid_on: date | None = due_on
            if month in job.arrears:
                state, paid_on = "UNPAID", None
            elif month in job.made_up:
                state, paid_on = "MADE_UP", months.months_later(due_on, MADE_UP_MONTHS)
            entries.append(Contribution(job, month, *amounts[month.year], state, paid_on))
        return entries

    @cached_property
    def known_here(self) -> list[Contribution]:
        """What was paid or owed in this city or has been moved to it, oldest month first."""
        jobs = [job for job in self.jobs if job.place == HERE or job.transfer == "COMPLETED"]
        known = [entry for job in jobs for entry in self.contributions[job]]
        return sorted(known, key=lambda entry: (entry.month, entry.job.since))

    @cached_property
    def paid_months(self) -> set[date]:
        """The months that count as paid; one worked in two jobs counts once."""
        return {entry.month for entry in self.known_here if entry.state != "UNPAID"}

    def deemed_months(self) -> set[date]:
        """The months worked before the insurance began."""
        deemed: set[date] = set()
        for job in self.jobs:
            before = months.months_later(self.insurance.begins_for(job.kind), -1)
            deemed |= set(months.span(job.since, min(before, self.last_month(job))))
        return deemed

    def base_fen(self) -> int:
        """The newest contribution base known here, 0 where there is none."""
        return self.known_here[-1].base_fen if self.known_here else 0

    def gaps(self) -> list[Record]:
        """Runs of months without a paid contribution between the first paid and the newest due."""
        if not self.paid_months:
            return []
        last = self.newest
        if self.career.end is not None:
            last = max(self.last_month(job) for job in self.jobs)
        span = months.span(min(self.paid_months), last)
        missing = [month for month in span if month not in self.paid_months]
        owed = {entry.month for entry in self.known_here if entry.state == "UNPAID"}
        return [_gap(run, owed) for run in _runs(missing, owed)]


def membership(city: City, insurance: Insurance, person: Person) -> Membership | None:
    """A person in an insurance, or None for who was never enrolled."""
    return _membership(city.settings.seed, insurance, person, city.today())


@lru_cache(maxsize=512)
def _membership(seed: int, insurance: Insurance, person: Person, today: date) -> Membership | None:
    career = career_of(seed, person, today)
    if career is None:
        return None
    newest = months.last_month_due(today, DUE_DAY)
    jobs = tuple(
        job if insurance.is_transferable else replace(job, transfer=None)
        for job in career.jobs
        if _covers(insurance, job) and job.since <= newest
    )
    return Membership(insurance, person, career, jobs, newest) if jobs else None


def _covers(insurance: Insurance, job: Job) -> bool:
    if job.kind not in insurance.covers:
        return False
    ended_before = job.until is not None and job.until < insurance.begins_for(job.kind)
    return insurance.deems_earlier_work or not ended_before


def _amounts(insurance: Insurance, job: Job, year: int) -> tuple[int, int, int]:
    """The base of a job in a year, and what employer and person pay for each month of it."""
    base_fen = int(job.wage_fen * RAISE ** (year - WAGE_YEAR)) // 100 * 100
    employer_fen = portion_bps(base_fen, insurance.employer_bps)
    personal_fen = portion_bps(base_fen, insurance.personal_bps)
    if job.kind == "FLEXIBLE":
        return base_fen, 0, employer_fen + personal_fen
    return base_fen, employer_fen, personal_fen


def describe_enrolments(member: Membership) -> list[Record]:
    """One entry for each employer and place, newest first."""
    entries = [_enrolment(member, number, job) for number, job in enumerate(member.jobs, 1)]
    return entries[::-1]


def contributions_of(insurance: Insurance) -> Callable[[City, Person], list[Record] | None]:
    """What a page_operation lists of one insurance: the contributions known here."""

    def list_contributions(city: City, person: Person) -> list[Record] | None:
        member = membership(city, insurance, person)
        return None if member is None else _contributions(member)

    return list_contributions


def _contributions(member: Membership) -> list[Record]:
    numbers = {id(job): number for number, job in enumerate(member.jobs, 1)}
    return [
        {
            "record_no": f"{entry.month:%Y%m}-{numbers[id(entry.job)]}",
            "month": months.text(entry.month),
            "enrolment_no": _enrolment_no(member, numbers[id(entry.job)]),
            "employer_zh": entry.job.employer_zh,
            "place_zh": entry.job.place[1],
            "base_fen": entry.base_fen,
            "employer_fen": entry.employer_fen,
            "personal_fen": entry.personal_fen,
            "state": entry.state,
            "paid_on": None if entry.paid_on is None else entry.paid_on.isoformat(),
        }
        for entry in member.known_here
    ]


def describe_member(city: City, member: Membership) -> Record:
    """What all five say: who it is, the enrolments, the months and their gaps."""
    died = member.career.end == "DECEASED"
    return {
        "holder": holder(member.person),
        "enrolments": describe_enrolments(member),
        "paid_months": len(member.paid_months),
        "gaps": member.gaps(),
        "deceased_on": iso(member.career.ended_on if died else None),
        "as_of": city.timestamp(),
    }


def iso(day: date | None) -> str | None:
    """A day as text, or None."""
    return None if day is None else day.isoformat()


def holder(person: Person) -> Record:
    """Name and number as an old core system has them: with 15 digits, with another dot."""
    number, name = person.resident_id, person.name.replace("·", "•")
    if not has_id_number(person):
        return {"name": name, "document_type": type_of(INSURANCE, number), "document_no": number}
    if isinstance(person, DemoPerson) and person.key == "elder":
        number = number[:6] + number[8:17]
    return {"name": name, "resident_id": number}


def _enrolment(member: Membership, number: int, job: Job) -> Record:
    state, reason = _state(member, job)
    entries = member.contributions[job]
    paid = [entry for entry in entries if entry.state != "UNPAID"]
    return {
        "enrolment_no": _enrolment_no(member, number),
        "employer_zh": job.employer_zh,
        "employer_code": job.employer_code,
        "place_code": job.place[0],
        "place_zh": job.place[1],
        "kind": job.kind,
        "state": state,
        "reason": reason,
        "since": job.since.isoformat(),
        "until": iso(None if job.until is None else months.last_day(job.until)),
        "paid_months": len(paid),
        "base_fen": entries[-1].base_fen if entries else None,
    }


def _state(member: Membership, job: Job) -> tuple[State, str | None]:
    """The state of an enrolment, and why it is no longer active."""
    last = job is member.jobs[-1]
    if job.until is None:
        return "ACTIVE", None
    if job.transfer is not None:
        moved = job.transfer == "COMPLETED"
        return ("TRANSFERRED_OUT", "TRANSFERRED") if moved else ("PAUSED", "TRANSFERRING")
    if member.career.end == "DECEASED" and last:
        return "DECEASED", "DECEASED"
    if member.career.end == "RETIRED" and last and member.insurance.outlasts_work:
        return "ACTIVE", "RETIRED"
    if member.career.end is not None and last:
        return "CLOSED", member.career.end
    if last or (job.place != HERE and member.insurance.is_transferable):
        return "PAUSED", "LEFT_EMPLOYER"
    return "CLOSED", "CHANGED_EMPLOYER"


def _enrolment_no(member: Membership, number: int) -> str:
    draw = random.Random(f"enrolment:{member.insurance.code}:{member.person.resident_id}")
    return f"{member.insurance.code}{draw.randrange(10**10):010d}{number:02d}"


def _runs(missing: Iterable[date], owed: set[date]) -> list[list[date]]:
    """Months in a row that are missing for one reason."""
    runs: list[list[date]] = []
    for month in missing:
        newest = runs[-1][-1] if runs else None
        if newest and months.between(newest, month) == 1 and (newest in owed) == (month in owed):
            runs[-1].append(month)
        else:
            runs.append([month])
    return runs


def _gap(run: list[date], owed: set[date]) -> Record:
    return {
        "from_month": months.text(run[0]),
        "to_month": months.text(run[-1]),
        "months": len(run),
        "reason": "ARREARS" if run[0] in owed else "NOT_EMPLOYED",
    }
