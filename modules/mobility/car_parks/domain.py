"""How many spaces of a car park are free, and how that is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median_low
from typing import Annotated

from core.standards.coordinates import Place
from core.texts import Named
from modules.mobility.parking.domain import Tariff

FRESH = timedelta(minutes=15)
"""A count that is older says nothing of now."""
ESTIMATE_WEEKS_MIN = 3
"""From fewer weeks nothing is estimated."""


class CarParkStatus(StrEnum):
    """OPEN; CLOSED: nobody may drive in, whatever is free."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


class CountSource(StrEnum):
    """How the number of free spaces is known. COUNTED: just now by sensors. ESTIMATED: from the
    same hour of the last weeks, as the sensors are silent or wrong. UNKNOWN: it is not.
    """

    COUNTED = "COUNTED"
    ESTIMATED = "ESTIMATED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Chargers:
    """Chargers for electric cars."""

    total: Annotated[int, "How many there are."]
    free: Annotated[int | None, "How many are free; null where that is not known."]

    def known(self, age: timedelta) -> "Chargers":
        """The same without a number of free ones that is old or cannot be."""
        is_known = self.free is not None and 0 <= self.free <= self.total and age <= FRESH
        return self if is_known else Chargers(self.total, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarPark(Place):
    """A car park, or a street with spaces."""

    car_park_ref: Annotated[str, "The operator's lasting id for it."]
    name: Annotated[Named, "Its name."]
    status: Annotated[CarParkStatus, "Whether one may drive in."]
    total_spaces: Annotated[int, "How many spaces it has."]
    free_spaces: Annotated[int | None, "How many are free; null where it is closed or not known."]
    source: Annotated[CountSource, "How that is known."]
    observed_at: Annotated[datetime, "When the sensors last counted."]
    age_s: Annotated[int, "How long ago that was, in seconds."]
    chargers: Annotated[Chargers, "Chargers for electric cars."]
    tariff: Annotated[Tariff, "What parking costs."]
    stay_cost_fen: Annotated[int | None, "What the stay costs that was asked about."] = None


def count_free(
    status: CarParkStatus, total: int, counted: int, age: timedelta, usual: Sequence[int]
) -> tuple[int | None, CountSource]:
    """How many are free, and how that is known.

    `usual` is what was free at this hour in the last weeks. A count below 0 or above the total is
    the sensor's error, an old one its silence: neither is a number of free spaces.
    """
    if status is CarParkStatus.CLOSED:
        return None, CountSource.UNKNOWN
    if 0 <= counted <= total and age <= FRESH:
        return counted, CountSource.COUNTED
    likely = [free for free in usual if 0 <= free <= total]
    if len(likely) >= ESTIMATE_WEEKS_MIN:
        return median_low(likely), CountSource.ESTIMATED
    return None, CountSource.UNKNOWN


def cost_fen(tariff: Tariff, minutes: int) -> int:
    """What a stay costs: nothing up to the free minutes, then every begun unit of all of it."""
    if minutes <= tariff.free_minutes:
        return 0
    days, rest = divmod(minutes, 24 * 60)
    units_fen = -(-rest // tariff.unit_minutes) * tariff.unit_price_fen
    return days * tariff.daily_cap_fen + min(tariff.daily_cap_fen, units_fen)
