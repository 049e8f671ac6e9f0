"""What a utility charges: tiers of monthly usage, and the late fee of an overdue bill."""

from dataclasses import dataclass
from datetime import date
from typing import TypedDict

from core.money import multiply

LATE_FEE_DAILY = "0.0005"
FEN_PER_YUAN = 100


@dataclass(frozen=True)
class Tier:
    """A price for usage up to a bound (None: without bound); yuan per unit as exact text."""

    upto: int | None
    unit_price_yuan: str


@dataclass(frozen=True)
class Utility:
    """One utility: what it is called, measures and charges."""

    kind: str
    title_zh: str
    title_en: str
    usage_unit: str
    usage_min: int
    usage_max: int
    tiers: tuple[Tier, ...]
    least_part_fen: int | None = None
    """It takes its bills in parts of so much at least; None: only whole."""


class ChargedTier(TypedDict):
    """A tier as a bill shows it."""

    upto: int | None
    unit_price_yuan: str
    usage: int
    amount_fen: int


def charge(utility: Utility, usage: int) -> list[ChargedTier]:
    """The tiers that this much usage touches, each rounded to a fen by itself."""
    charged: list[ChargedTier] = []
    reached = 0
    for tier in utility.tiers:
        within = (usage if tier.upto is None else min(usage, tier.upto)) - reached
        if within <= 0 and charged:
            break
        amount_fen = multiply(within * FEN_PER_YUAN, tier.unit_price_yuan)
        charged.append(
            ChargedTier(
                upto=tier.upto,
                unit_price_yuan=tier.unit_price_yuan,
                usage=within,
                amount_fen=amount_fen,
            )
        )
        reached += within
    return charged


def late_fee_fen(amount_fen: int, due_on: date, day: date) -> int:
    """The late fee as of a day: half a thousandth of the amount for each day past due."""
    days = max(0, (day - due_on).days)
    return multiply(amount_fen * days, LATE_FEE_DAILY)
