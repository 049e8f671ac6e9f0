"""Growth against the WHO Child Growth Standards (2006): z-scores and percentiles by the LMS method.

`who_growth.csv` holds the L, M and S of the standard by day of age from birth to 1,856 days, as
WHO publishes them in its expanded tables and uses them in WHO Anthro: weight-for-age in kg, length-
(to 730 days) and then height-for-age in cm, head circumference-for-age in cm; L of the last two is
1. Source: https://www.who.int/tools/child-growth-standards/standards. The method: WHO Child Growth
Standards, Methods and development (2006), chapter 7: of weight, z beyond 3 is measured in steps of
the distance from 2 to 3.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from statistics import NormalDist

from modules.health.programmes.domain import Quantity

_TABLE = Path(__file__).with_name("who_growth.csv")
LAST_DAY = 1856
"""The last day of age that the standard has."""

TERM_DAYS, PRETERM_BELOW_DAYS = 280, 259
"""Forty weeks; born before thirty-seven is preterm (WHO)."""
CORRECTED_UNTIL_DAYS = 731
"""Preterm children are compared by corrected age until their second birthday, as follow-up in China
does (3,188 children, PMC8690708: to corrected 24 months)."""

GROWTH = (Quantity.WEIGHT, Quantity.LENGTH, Quantity.HEAD)


class Sex(StrEnum):
    """The sex that the standard has tables for: MALE or FEMALE."""

    MALE = "MALE"
    FEMALE = "FEMALE"


@dataclass(frozen=True, slots=True)
class Lms:
    """The distribution of one quantity at one day: power, median, coefficient of variation."""

    power: float
    median: float
    variation: float

    def value(self, z: float) -> float:
        """The measurement at a z-score."""
        if self.power != 1 and abs(z) > 3:
            edge, inner = (3, 2) if z > 0 else (-3, -2)
            step = abs(self._value(edge) - self._value(inner))
            return self._value(edge) + (z - edge) * step
        return self._value(z)

    def z(self, value: float) -> float:
        """The z-score of a measurement."""
        z = self._z(value)
        if self.power != 1 and abs(z) > 3:
            edge, inner = (3, 2) if z > 0 else (-3, -2)
            step = abs(self._value(edge) - self._value(inner))
            return edge + (value - self._value(edge)) / step
        return z

    def _value(self, z: float) -> float:
        return float(self.median * (1 + self.power * self.variation * z) ** (1 / self.power))

    def _z(self, value: float) -> float:
        return float((value / self.median) ** self.power - 1) / (self.power * self.variation)


Key = tuple[Sex, Quantity]


@cache
def standard() -> Mapping[Key, tuple[Lms, ...]]:
    """The tables by sex and quantity, a row for each day of age from 0."""
    tables: dict[Key, list[Lms]] = {(sex, quantity): [] for sex in Sex for quantity in GROWTH}
    with _TABLE.open(encoding="ascii", newline="") as stream:
        for row in csv.DictReader(stream):
            for (sex, quantity), days in tables.items():
                name = f"{sex.lower()}_{quantity.lower()}"
                power = float(row.get(f"{name}_l", 1))
                days.append(Lms(power, float(row[f"{name}_m"]), float(row[f"{name}_s"])))
    return {key: tuple(days) for key, days in tables.items()}


def lms_of(sex: Sex, quantity: Quantity, age_days: int) -> Lms | None:
    """The standard at a day of age; None before birth (or term) and after the last day."""
    if not 0 <= age_days <= LAST_DAY:
        return None
    return standard()[sex, quantity][age_days]


def percentile(z: float) -> float:
    """The part of the standard's children, in per cent, who measure less."""
    return 100 * NormalDist().cdf(z)


def compared_age(age_days: int, gestation_days: int | None) -> int:
    """The day of age at which a child is compared with the standard.

    Of a preterm child until the second birthday, the age counted from term; it is negative before.
    """
    if gestation_days is None or gestation_days >= PRETERM_BELOW_DAYS:
        return age_days
    if age_days >= CORRECTED_UNTIL_DAYS:
        return age_days
    return age_days - (TERM_DAYS - gestation_days)
