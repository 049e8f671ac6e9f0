"""Lending: schedules a second, a back-dated payment in a long loan, a month end of many loans.

Pure computation: no database, no network. `LENDING_CASES` and `LENDING_LOANS` make runs smaller.
"""

import os
import random
import resource
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

from core.city import Calendar
from credit.lending.loans.events import Disbursed, LoanEvent, Repaid
from credit.lending.loans.portfolio import Account, sum_books
from credit.lending.loans.replay import replay
from credit.lending.terms.days import months_later
from credit.lending.terms.money_terms import DayCount, RepaymentForm, Terms
from credit.lending.terms.schedule import build

Row = dict[str, Any]
CASES = int(os.environ.get("LENDING_CASES", "1000000"))
LOANS = int(os.environ.get("LENDING_LOANS", "100000"))
LONG_EVENTS = 2_400
START = date(2026, 1, 31)
NO_HOLIDAYS = Calendar(frozenset(), frozenset(), frozenset())


def loan_schedules() -> Row:
    """Random schedules built and checked: principal to the fen, nothing negative, as many rows."""
    draw = random.Random(20260101)
    began = time.process_time()
    rows = 0
    for _ in range(CASES):
        terms, principal = _drawn(draw)
        built = build(terms, principal, START)
        rows += len(built)
        if sum(row.principal_fen for row in built) != principal or built[-1].balance_fen:
            raise AssertionError(f"principal is lost: {terms} {principal}")
        if len(built) != terms.instalments or min(row.interest_fen for row in built) < 0:
            raise AssertionError(f"rows are wrong: {terms} {principal}")
    seconds = time.process_time() - began
    return _row(
        "loan_schedules", CASES / seconds, "schedules a core-second", None, "none is published",
        {"cases": CASES, "rows": rows, "seconds": round(seconds, 1)},
    )  # fmt: skip


def loan_replay() -> Row:
    """A payment told late, in a loan of 2,400 events: the whole loan is replayed."""
    terms = Terms(RepaymentForm.EQUAL_INSTALMENT, DayCount.ACT_365, 60_000, 360,
                  months_later(START, 1, 31), 31)  # fmt: skip
    events: list[LoanEvent] = [Disbursed("d", START, 100_000_000_00)]
    events += [
        Repaid(f"r{n}", START + timedelta(days=4 * n + 1), 10_000_00) for n in range(LONG_EVENTS)
    ]
    as_of = START + timedelta(days=4 * LONG_EVENTS)
    late = Repaid("late", START + timedelta(days=40), 5_000_00)
    seconds = []
    for _ in range(5):
        began = time.process_time()
        replay(terms, [*events, late], as_of)
        seconds.append(time.process_time() - began)
    return _row(
        "loan_replay", min(seconds), "seconds", 350.0,
        "frappe/lending#1384: one loan with 2,394 accruals, as its maintainers report",
        {"events": len(events) + 1, "aim_s": 0.5},
    )  # fmt: skip


def loan_month_end() -> Row:
    """The books of many loans on one day, each replayed, in flat memory."""
    began, before = time.process_time(), _memory_mb()
    (book,) = sum_books(_accounts(), date(2026, 6, 15), NO_HOLIDAYS)
    seconds = time.process_time() - began
    if book.loans != LOANS or not book.accrued_fen:
        raise AssertionError("loans are missing")
    return _row(
        "loan_month_end", seconds, "seconds", None, "none is published",
        {"loans": LOANS, "aim_s_for_100000": 60, "grew_mb": round(_memory_mb() - before, 1)},
    )  # fmt: skip


def _accounts() -> Iterator[Account]:
    draw = random.Random(7)
    for number in range(LOANS):
        rate, first = draw.randrange(30_000, 90_000), months_later(START, 1, 31)
        terms = Terms(RepaymentForm.EQUAL_INSTALMENT, DayCount.ACT_360, rate, 12, first, 31)
        principal = draw.randrange(1_000_000, 100_000_000)
        rows = build(terms, principal, START)
        events: list[LoanEvent] = [Disbursed(f"d{number}", START, principal)]
        events += [Repaid(f"r{row.number}", row.due_on, row.due_fen) for row in rows[:4]]
        yield "bank", "product", terms, events


def _drawn(draw: random.Random) -> tuple[Terms, int]:
    form = draw.choice(list(RepaymentForm))
    count = 1 if form is RepaymentForm.BULLET else draw.randint(1, 36)
    first = months_later(START, draw.randint(1, 3), 31)
    days = draw.choice(list(DayCount))
    return Terms(form, days, draw.randint(0, 240_000), count, first, 31), draw.randint(1, 10**9)


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _row(
    name: str, ours: float, unit: str, peer_value: float | None, peer: str, conditions: Row
) -> Row:
    ratio = None if peer_value is None else round(ours / peer_value, 5)
    return {
        "name": name,
        "ours": round(ours, 4),
        "peer": peer,
        "peer_value": peer_value,
        "ratio": ratio,
        "unit": unit,
        "conditions": {"threads": 1} | conditions,
    }


ROWS: dict[str, Callable[[], Row]] = {
    "loan_schedules": loan_schedules,
    "loan_replay": loan_replay,
    "loan_month_end": loan_month_end,
}
