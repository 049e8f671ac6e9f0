"""The small companies of the sandbox city and what they have borrowed, drawn from the seed.

1,700 companies; 735 loans within two months, together just under 100 million yuan, none above ten
million. Codes are valid by GB 32100 and begin with an area of which no company has one (county 99).
"""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from core.ids import organisation_check_character, uscc_check_character
from sandbox.population.people import Population

COMPANIES, LOANS = 1_700, 735
TOTAL_FEN, MOST_FEN, LEAST_FEN = 9_999_000_000, 1_000_000_000, 1_000_000
_STEP_FEN = 100_000
AREA = "370199"
DISTRICTS = (
    *("370102", "370103", "370104", "370105", "370112", "370113", "370114", "370115"),
    *("370116", "370117", "370124", "370126"),
)
INDUSTRIES = ("A", "C", "E", "F", "G", "H", "I", "K", "L", "M", "O", "P")
_TRADES = ("商贸", "机械", "餐饮", "物流", "建材", "信息", "农产", "服装", "电子", "印务")
_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
PRODUCTS = (
    ("city-bank", "city-bank-credit", 300_000_000, 12),
    ("city-bank", "city-bank-mortgage", 1_000_000_000, 36),
    ("rural-bank", "rural-bank-tax", 200_000_000, 12),
    ("rural-bank", "rural-bank-guaranteed", 500_000_000, 24),
)
"""Bank, product, its ceiling in fen, the months of its loans."""


@dataclass(frozen=True)
class Company:
    """A company as the register shows it."""

    uscc: str
    name_zh: str
    representative_zh: str
    district: str
    industry: str
    registered_on: date


@dataclass(frozen=True)
class PastLoan:
    """A loan that a company was paid out. `days_ago` counts from the day of the seeding."""

    number: int
    uscc: str
    bank: str
    product: str
    amount_fen: int
    months: int
    margin_bps: int
    days_ago: int


class Companies:
    """All companies of a seed; the first is the demo owner's."""

    def __init__(self, seed: int, population: Population) -> None:
        self._seed = seed
        self._population = population

    @cached_property
    def all(self) -> tuple[Company, ...]:
        """Every company, by number."""
        return tuple(self._company(number) for number in range(COMPANIES))

    @cached_property
    def by_uscc(self) -> dict[str, Company]:
        """Every company by its code."""
        return {company.uscc: company for company in self.all}

    @cached_property
    def loans(self) -> tuple[PastLoan, ...]:
        """The loans of two months. The demo owner has none yet."""
        draw = random.Random(f"{self._seed}:loans")
        borrowers = draw.sample(range(1, COMPANIES), LOANS)
        chosen = [draw.choice(PRODUCTS) for _ in borrowers]
        amounts = _amounts(draw, [product[2] for product in chosen])
        return tuple(
            PastLoan(
                number=number,
                uscc=self.all[borrower].uscc,
                bank=bank,
                product=product,
                amount_fen=amount,
                months=months,
                margin_bps=draw.randrange(60, 205, 5),
                days_ago=draw.randrange(1, 61),
            )
            for number, (borrower, (bank, product, _, months), amount) in enumerate(
                zip(borrowers, chosen, amounts, strict=True), start=1
            )
        )

    def _company(self, number: int) -> Company:
        draw = random.Random(f"{self._seed}:company:{number}")
        trade, place = draw.choice(_TRADES), draw.choice(DISTRICTS)
        owner = self._population.crowd(number)
        name = owner.name
        if number == 0:
            name = next(p.name for p in self._population.demo if p.key == "sme_owner")
        return Company(
            uscc=uscc_of(number),
            name_zh=f"济南沙盒{number:04d}号{trade}有限公司",
            representative_zh=name,
            district=place,
            industry=draw.choice(INDUSTRIES),
            registered_on=date(2012, 1, 1) + timedelta(days=draw.randrange(4_800)),
        )


def uscc_of(number: int) -> str:
    """The code of a company, both check characters valid."""
    serial = ""
    for _ in range(5):
        number, letter = divmod(number, len(_LETTERS))
        serial = _LETTERS[letter] + serial
    organisation = f"MA3{serial}"
    body = f"91{AREA}{organisation}{organisation_check_character(organisation)}"
    return body + uscc_check_character(body)


def _amounts(draw: random.Random, ceilings: list[int]) -> list[int]:
    """One amount below each ceiling, in whole thousands of yuan, that add up to the total."""
    weights = [draw.lognormvariate(0, 0.9) for _ in ceilings]
    scale = TOTAL_FEN / sum(weights)
    amounts = [
        min(max(int(weight * scale) // _STEP_FEN * _STEP_FEN, LEAST_FEN), ceiling)
        for weight, ceiling in zip(weights, ceilings, strict=True)
    ]
    place = 0
    while (rest := TOTAL_FEN - sum(amounts)) != 0:
        step = _STEP_FEN if rest > 0 else -_STEP_FEN
        if LEAST_FEN <= amounts[place] + step <= ceilings[place]:
            amounts[place] += step
        place = (place + 1) % len(amounts)
    return amounts
