"""Fares v1: `fare_attributes.txt` and `fare_rules.txt`.

gtfs.org/documentation/schedule/reference; where it leaves open what a duration counts from, it is
from the first departure to the last arrival (support.google.com/transitpartners/answer/6377425).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.standards.gtfs.fares import FareLeg, Price, cheapest


@dataclass(frozen=True, slots=True)
class FareRule:
    """Of which rides a fare is; what is empty says nothing."""

    route_ref: str = ""
    origin: str = ""
    destination: str = ""
    contains: frozenset[str] = frozenset()
    """All zones through which the rides lead, and no others."""


@dataclass(frozen=True, slots=True)
class LegacyFare:
    """A ticket. `transfers` None: as many as one likes; `duration_s` None: for as long."""

    amount: Decimal
    currency: str
    transfers: int | None
    duration_s: int | None
    agency_ref: str
    rules: Sequence[FareRule]
    """Without any it is of all rides."""


@dataclass(frozen=True, slots=True)
class LegacyTariff:
    """The tickets, with what their rules speak of."""

    fares: Sequence[LegacyFare]
    zones: Mapping[str, str]
    """By stop."""
    agencies: Mapping[str, str]
    """By route."""

    def price(self, legs: Sequence[FareLeg], zone: ZoneInfo) -> Price | None:
        """The cheapest tickets that cover all legs, each those of some one after another."""
        currencies = {fare.currency for fare in self.fares}
        amounts = {currency: self._least(legs, currency) for currency in currencies}
        prices = [
            Price(amount, currency) for currency, amount in amounts.items() if amount is not None
        ]
        return prices[0] if len(prices) == 1 else None

    def _least(self, legs: Sequence[FareLeg], currency: str) -> Decimal | None:
        return cheapest(len(legs), lambda first, last: self._ticket(legs[first:last], currency))

    def _ticket(self, legs: Sequence[FareLeg], currency: str) -> Decimal | None:
        amounts = [
            fare.amount
            for fare in self.fares
            if fare.currency == currency and self._covers(fare, legs)
        ]
        return min(amounts, default=None)

    def _covers(self, fare: LegacyFare, legs: Sequence[FareLeg]) -> bool:
        changes = len(legs) - 1
        if fare.transfers is not None and changes > fare.transfers:
            return False
        took_s = legs[-1].arrives_at - legs[0].departs_at
        if changes and fare.duration_s is not None and took_s > fare.duration_s:
            return False
        if fare.agency_ref and any(
            self.agencies.get(leg.route_ref) != fare.agency_ref for leg in legs
        ):
            return False
        if not fare.rules:
            return True
        origin = self.zones.get(legs[0].stop_refs[0], "")
        destination = self.zones.get(legs[-1].stop_refs[-1], "")
        passed = {self.zones.get(ref, "") for leg in legs for ref in leg.stop_refs}
        rules = [
            rule
            for rule in fare.rules
            if rule.origin in ("", origin)
            and rule.destination in ("", destination)
            and (not rule.contains or rule.contains == passed)
        ]
        return all(any(rule.route_ref in ("", leg.route_ref) for rule in rules) for leg in legs)
