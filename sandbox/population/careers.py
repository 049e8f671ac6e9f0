"""Who works where, since when and until when: what all social insurance follows from."""

import random
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from sandbox.population.institutions import SME_COUNT, company, uscc
from sandbox.population.months import months_later
from sandbox.population.people import DemoPerson, Person

JobKind = Literal["EMPLOYEE", "CIVIL_SERVICE", "FLEXIBLE", "PART_TIME"]
"""FLEXIBLE work is one's own, without an employer; a PART_TIME job is a second one."""
Transfer = Literal["COMPLETED", "IN_PROGRESS"]
End = Literal["RETIRED", "SETTLED_ABROAD", "DECEASED"]

HERE, ELSEWHERE = ("990099", "沙盒市"), ("990098", "样例市")
"""Code and name of this city and of another one; neither code was ever given out."""
WAGE_YEAR = 2025
WORKING_PROB, FLEXIBLE_PROB = 0.8, 0.15
RETIREMENT_AGE = 60


@dataclass(frozen=True)
class Job:
    """Months are named by their first day; `until` is the last one worked, None if it goes on.

    `wage_fen` is the monthly wage in money of WAGE_YEAR. `transfer` says how far the insurance of
    a job in another city has been moved here. For months of `arrears` the employer has paid
    nothing in; for those `made_up` it paid late.
    """

    employer_zh: str
    employer_code: str | None
    place: tuple[str, str]
    kind: JobKind
    since: date
    until: date | None
    wage_fen: int
    transfer: Transfer | None = None
    arrears: tuple[date, ...] = ()
    made_up: tuple[date, ...] = ()


@dataclass(frozen=True)
class Career:
    """A person's jobs by their beginning, and how and when it all ended, if it did.

    Who died after retiring has `retired_on` as well.
    """

    jobs: tuple[Job, ...]
    end: End | None = None
    ended_on: date | None = None
    retired_on: date | None = None


@dataclass(frozen=True)
class _DemoJob:
    """A job of a demo person: months as `yyyy-mm`, or so many months before this one."""

    since: str | int
    until: str | int | None
    kind: JobKind = "EMPLOYEE"
    place: tuple[str, str] = HERE
    transfer: Transfer | None = None
    arrears: tuple[int, ...] = ()
    made_up: tuple[str, ...] = ()


@dataclass(frozen=True)
class _DemoCareer:
    """The career of a demo person."""

    jobs: tuple[_DemoJob, ...]
    end: End | None = None
    ended_on: date | None = None
    retired_on: date | None = None


_DEMO_CAREERS = {
    "citizen": _DemoCareer((
        _DemoJob("2010-07", "2016-06", place=ELSEWHERE, transfer="COMPLETED"),
        _DemoJob("2016-06", None),
    )),
    "parent": _DemoCareer((
        _DemoJob("2007-09", "2014-06"), _DemoJob("2014-07", None),
        _DemoJob("2021-03", None, "PART_TIME"),
    )),
    "elder": _DemoCareer(
        (_DemoJob("1968-01", "2003-02"),), "RETIRED", date(2003, 3, 1), date(2003, 3, 1)
    ),
    "sme_owner": _DemoCareer((
        _DemoJob("2004-05", "2012-09"), _DemoJob("2013-12", None, "FLEXIBLE"),
    )),
    "bank_officer": _DemoCareer((_DemoJob("2013-08", None, arrears=(9, 10)),)),
    "grid_worker": _DemoCareer((
        _DemoJob("2016-03", "2019-08", made_up=("2017-05", "2017-06")), _DemoJob("2019-09", None),
    )),
    "department_officer": _DemoCareer((_DemoJob("2005-07", None, "CIVIL_SERVICE"),)),
    "citizen_dotted": _DemoCareer((_DemoJob("2018-07", None),)),
    "citizen_rare": _DemoCareer((_DemoJob("2018-09", 5),)),
    "risk_officer": _DemoCareer((
        _DemoJob("2008-07", "2018-12", place=ELSEWHERE), _DemoJob("2019-02", None),
    )),
    "operator": _DemoCareer((
        _DemoJob("2014-07", 8, place=ELSEWHERE, transfer="IN_PROGRESS"), _DemoJob(6, None),
    )),
    "probe": _DemoCareer((_DemoJob("2010-07", None),)),
    "citizen_abroad": _DemoCareer(
        (_DemoJob("2007-07", "2022-05"),), "SETTLED_ABROAD", date(2022, 6, 17)
    ),
    "citizen_deceased": _DemoCareer(
        (_DemoJob("1961-09", "2001-05"),), "DECEASED", date(2025, 10, 12), date(2001, 6, 1)
    ),
}  # fmt: skip
"""The demo people who ever worked. The child did not."""


def career_of(seed: int, person: Person, today: date) -> Career | None:
    """A person's career, or None for who never worked."""
    if isinstance(person, DemoPerson):
        demo = _DEMO_CAREERS.get(person.key)
        return None if demo is None else _demo_career(seed, person, demo, today)
    return _drawn_career(seed, person, today)


def _demo_career(seed: int, person: Person, demo: _DemoCareer, today: date) -> Career:
    draw = random.Random(f"{seed}:career:{person.resident_id}")
    jobs = tuple(
        replace(
            _job(seed, draw, job.kind, _month(job.since, today)),
            until=None if job.until is None else _month(job.until, today),
            place=job.place,
            transfer=job.transfer,
            arrears=tuple(_month(month, today) for month in job.arrears),
            made_up=tuple(_month(month, today) for month in job.made_up),
        )
        for job in demo.jobs
    )
    return Career(jobs, demo.end, demo.ended_on, demo.retired_on)


def _drawn_career(seed: int, person: Person, today: date) -> Career | None:
    """One to three jobs from about twenty on; a gap of some months between two."""
    draw = random.Random(f"{seed}:career:{person.resident_id}")
    month = months_later(person.born_on.replace(day=1), 12 * draw.randint(18, 24))
    last = months_later(person.born_on.replace(day=1), 12 * RETIREMENT_AGE)
    if month >= today.replace(day=1) or draw.random() >= WORKING_PROB:
        return None
    retired = last <= today
    end = last if retired else today.replace(day=1)
    kind: JobKind = "FLEXIBLE" if draw.random() < FLEXIBLE_PROB else "EMPLOYEE"
    jobs: list[Job] = []
    for remaining in range(draw.randint(1, 3), 0, -1):
        job = _job(seed, draw, kind, month)
        until = months_later(month, draw.randint(12, 150))
        if until >= end or remaining == 1:
            jobs.append(replace(job, until=months_later(end, -1) if retired else None))
            break
        jobs.append(replace(job, until=until))
        month = min(months_later(until, draw.randint(1, 6)), months_later(end, -1))
    return Career(tuple(jobs), "RETIRED", last, last) if retired else Career(tuple(jobs))


def _job(seed: int, draw: random.Random, kind: JobKind, since: date) -> Job:
    """A job of this city that goes on, at a company drawn or as the kind has it."""
    firm = company(seed, draw.randrange(1, SME_COUNT))
    name, code = str(firm["name_zh"]), str(firm["uscc"])
    if kind == "FLEXIBLE":
        name, code = "灵活就业人员", ""
    elif kind == "CIVIL_SERVICE":
        name, code = "沙盒市示范局", uscc(0, "11")
    wage_fen = draw.randrange(300_000, 900_000, 1_000)
    return Job(name, code or None, HERE, kind, since, None, wage_fen)


def _month(when: str | int, today: date) -> date:
    if isinstance(when, str):
        return date.fromisoformat(f"{when}-01")
    return months_later(today.replace(day=1), -when)
