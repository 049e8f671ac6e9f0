"""What a journey costs by the fares of its feeds.

A feed has its fares as `fare_attributes.txt` (the reference calls them legacy or v1), or as
`fare_products.txt` (v2), which counts where it has both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Protocol
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Price:
    """An amount in a currency (ISO 4217), in its main unit."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class FareLeg:
    """A ride with one vehicle; moments are Unix seconds."""

    route_ref: str
    stop_refs: Sequence[str]
    """Every stop from where one gets on to where one gets off."""
    departs_at: int
    arrives_at: int

    def without(self, prefix: str) -> "FareLeg":
        """The same in the feed's own ids."""
        stops = [ref.removeprefix(prefix) for ref in self.stop_refs]
        return replace(self, route_ref=self.route_ref.removeprefix(prefix), stop_refs=stops)


class Tariff(Protocol):
    """One of the two ways to price."""

    def price(self, legs: Sequence[FareLeg], zone: ZoneInfo) -> Price | None:
        """The least that legs cost together; None where no rule says it."""


@dataclass(frozen=True, slots=True)
class Fares:
    """The fares of one feed, from one day to another; `prefix` stands before its ids."""

    tariff: Tariff
    routes: frozenset[str]
    prefix: str = ""
    first_day: date = date.min
    last_day: date = date.max

    def covers(self, leg: FareLeg, day: date) -> bool:
        """Whether a ride on a day is this feed's."""
        own = leg.route_ref.startswith(self.prefix) and (
            leg.route_ref.removeprefix(self.prefix) in self.routes
        )
        return own and self.first_day <= day <= self.last_day


def price_of(fares: Sequence[Fares], legs: Sequence[FareLeg], zone: ZoneInfo) -> Price | None:
    """The least that a journey costs; None where it is not known of any part.

    Rides of one feed one after another are priced together. Amounts of several currencies are not
    added.
    """

    def feed_of(leg: FareLeg) -> int | None:
        day = datetime.fromtimestamp(leg.departs_at, zone).date()
        return next((n for n, one in enumerate(fares) if one.covers(leg, day)), None)

    prices: list[Price] = []
    for number, group in groupby(legs, feed_of):
        if number is None:
            return None
        feed = fares[number]
        price = feed.tariff.price([leg.without(feed.prefix) for leg in group], zone)
        if price is None:
            return None
        prices.append(price)
    if len({price.currency for price in prices}) != 1:
        return None
    return Price(sum((price.amount for price in prices), Decimal()), prices[0].currency)


def cheapest(count: int, price: Callable[[int, int], Decimal | None]) -> Decimal | None:
    """The least sum over all ways to cut `count` legs into parts, each of a price from its first
    leg to before its last; None where there is no way."""
    best: list[Decimal | None] = [Decimal()]
    for last in range(1, count + 1):
        sums = [
            before + part
            for first in range(last)
            if (before := best[first]) is not None and (part := price(first, last)) is not None
        ]
        best.append(min(sums, default=None))
    return best[count]
