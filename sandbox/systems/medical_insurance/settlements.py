"""Visits and what each cost: the fund's part, the account's, one's own; the account meanwhile."""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

from core.money import portion_bps
from sandbox.population import months
from sandbox.population.careers import ELSEWHERE, HERE
from sandbox.population.institutions import HOSPITALS
from sandbox.population.people import Person
from sandbox.shared.insurance import DUE_DAY, Membership
from sandbox.shared.registry import Record

KEPT_SINCE = date(2022, 1, 1)
"""From when on movements and settlements are kept; what an account held then is carried forward."""
VISIT_PROB, ELSEWHERE_PROB = 0.2, 0.1
DEDUCTIBLE_FEN, FUND_CAP_FEN = 70_000, 40_000_000
OUTPATIENT_BPS, INPATIENT_BPS = 6000, 8500
RETIREE_MONTHLY_FEN = 12_500
OPENING_MAX_FEN = 600_000
MOVEMENT_KINDS = ("OPENING_BALANCE", "CONTRIBUTION", "ALLOTMENT", "SPENDING", "PAYOUT")
"""In the order in which they stand within a day."""
_PHARMACIES = ("沙盒大药房示范店", "样例堂药店")


@dataclass(frozen=True)
class Settlement:
    """What one visit cost; the three parts make the total."""

    record_no: str
    settled_on: str
    kind: str
    institution_zh: str
    place_zh: str
    total_fen: int
    fund_fen: int
    account_fen: int
    self_pay_fen: int


@dataclass
class Book:
    """The account and the settlements of one person, written month by month."""

    balance_fen: int = 0
    deductible_used_fen: int = 0
    movements: list[Record] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)

    def post(self, on: date, kind: str, amount_fen: int) -> None:
        """Move the account, unless by nothing."""
        if amount_fen == 0:
            return
        self.balance_fen += amount_fen
        number = f"{on:%Y%m%d}-{MOVEMENT_KINDS.index(kind)}"
        self.movements.append(
            {
                "record_no": number, "on": on.isoformat(), "kind": kind,
                "amount_fen": amount_fen, "balance_fen": self.balance_fen,
            }
        )  # fmt: skip

    def settled_in(self, year: int) -> list[Settlement]:
        """The settlements of a year."""
        return [entry for entry in self.settlements if entry.settled_on.startswith(str(year))]


def keep_book(seed: int, person: Person, member: Membership | None, today: date) -> Book:
    """A person's book up to today; `member` is None for a resident, who has no account."""
    book = Book()
    draw = random.Random(f"{seed}:medical:{person.resident_id}")
    opening_fen = draw.randrange(OPENING_MAX_FEN)
    ended_on = None if member is None else member.career.ended_on
    if member is not None and member.career.end == "RETIRED":
        ended_on = None
    if ended_on is not None and ended_on < KEPT_SINCE:
        return book
    if member is not None and min(member.paid_months, default=today) < KEPT_SINCE:
        book.post(KEPT_SINCE, "OPENING_BALANCE", opening_fen)
    for month in months.span(KEPT_SINCE, today):
        if month.month == 1:
            book.deductible_used_fen = 0
        if ended_on is None or month < ended_on.replace(day=1):
            _live_through(book, seed, person, member, month, today)
    if ended_on is not None:
        book.post(ended_on, "PAYOUT", -book.balance_fen)
    return book


def _live_through(
    book: Book, seed: int, person: Person, member: Membership | None, month: date, today: date
) -> None:
    """A month: what the account gets, then perhaps a visit, if the insurance is in effect."""
    if member is not None:
        due_on, income_fen = month.replace(day=DUE_DAY), _income_fen(member, month)
        if income_fen == 0:
            return
        if due_on <= today:
            kind = "ALLOTMENT" if member.career.end is not None else "CONTRIBUTION"
            book.post(due_on, kind, income_fen)
    draw = random.Random(f"{seed}:visit:{person.resident_id}:{month}")
    on = month + timedelta(days=draw.randrange(DUE_DAY, 28))
    if draw.random() < VISIT_PROB and on <= today and on >= person.born_on:
        _settle(book, draw, on, has_account=member is not None)


def _income_fen(member: Membership, month: date) -> int:
    """What the account gets for a month, 0 where nothing was paid for it."""
    if member.career.retired_on is not None and month >= member.career.retired_on:
        return RETIREE_MONTHLY_FEN
    paid = [e for e in member.known_here if e.month == month and e.state != "UNPAID"]
    return sum(portion_bps(entry.base_fen, 200) for entry in paid)


def _settle(book: Book, draw: random.Random, on: date, *, has_account: bool) -> None:
    kind = draw.choices(("PHARMACY", "OUTPATIENT", "INPATIENT"), (5, 4, 1))[0]
    place = ELSEWHERE if draw.random() < ELSEWHERE_PROB else HERE
    total_fen = draw.randrange(3_000, 60_000)
    institution = draw.choice(_PHARMACIES)
    if kind != "PHARMACY":
        institution = draw.choice(HOSPITALS)[1] if place == HERE else "样例市示范医院"
    fund_fen = 0
    if kind == "OUTPATIENT":
        deductible_fen = min(total_fen, DEDUCTIBLE_FEN - book.deductible_used_fen)
        book.deductible_used_fen += deductible_fen
        fund_fen = portion_bps(total_fen - deductible_fen, OUTPATIENT_BPS)
    elif kind == "INPATIENT":
        total_fen *= 30
        fund_fen = portion_bps(max(0, total_fen - DEDUCTIBLE_FEN), INPATIENT_BPS)
    account_fen = min(book.balance_fen, total_fen - fund_fen) if has_account else 0
    self_pay_fen = total_fen - fund_fen - account_fen
    book.settlements.append(
        Settlement(
            f"{on:%Y%m%d}-1", on.isoformat(), kind, institution, place[1],
            total_fen, fund_fen, account_fen, self_pay_fen,
        )
    )  # fmt: skip
    book.post(on, "SPENDING", -account_fen)
