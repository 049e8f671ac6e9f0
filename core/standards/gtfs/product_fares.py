"""Fares v2: products, rules of legs and rules of transfers.

gtfs.org/documentation/schedule/reference: the sections of `fare_leg_rules.txt`,
`fare_leg_join_rules.txt` and `fare_transfer_rules.txt`. What is for a rider category other than the
default one is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from core.standards.gtfs.fares import FareLeg, Price
from core.standards.gtfs.timetable import Calendar


class TransferKind(IntEnum):
    """What is paid for two legs and the transfer between them (`fare_transfer_type`)."""

    FIRST_AND_TRANSFER = 0
    ALL = 1
    TRANSFER_ONLY = 2


@dataclass(frozen=True, slots=True)
class LegRule:
    """Of which legs a product is; `group` names the leg in the rules of transfers."""

    group: str
    network: str
    from_area: str
    to_area: str
    from_timeframe: str
    to_timeframe: str
    product: str
    priority: int


@dataclass(frozen=True, slots=True)
class TransferRule:
    """What a transfer costs; `count` -1: it may be made as often as one likes."""

    from_group: str
    to_group: str
    count: int
    duration_s: int | None
    duration_kind: int
    kind: TransferKind
    product: str


@dataclass(frozen=True, slots=True)
class JoinRule:
    """Two legs that count as one."""

    from_network: str
    to_network: str
    from_stop: str
    to_stop: str


@dataclass(frozen=True, slots=True)
class Timeframe:
    """A part of the days of a service; seconds since midnight."""

    first_s: int
    until_s: int
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class _Chain:
    """Where one stands in a journey: the group of the leg before, and what was paid for it."""

    group: str
    paid: Decimal
    began: FareLeg
    transfers: int = 0


@dataclass(frozen=True, slots=True)
class ProductTariff:
    """The products with their rules, and what these speak of."""

    products: Mapping[str, Decimal]
    currency: str
    leg_rules: Sequence[LegRule]
    has_priority: bool
    """Whether the file has the column: without it, an empty field means all that no other rule
    names."""
    transfer_rules: Sequence[TransferRule]
    join_rules: Sequence[JoinRule]
    networks: Mapping[str, frozenset[str]]
    """By route."""
    areas: Mapping[str, frozenset[str]]
    """By stop, those of its station included."""
    stations: Mapping[str, str]
    """By stop."""
    timeframes: Mapping[str, Sequence[Timeframe]]

    def price(self, legs: Sequence[FareLeg], zone: ZoneInfo) -> Price | None:
        """The least of all choices among the products that fit each leg."""
        joined = self._joined(legs)
        options = [self._options(leg, zone) for leg in joined]
        if not all(options):
            return None
        amount = min(
            self._rest(joined, options, 1, _Chain(group, self.products[product], joined[0]))
            + self.products[product]
            for group, product in options[0]
        )
        return Price(amount, self.currency)

    def _rest(
        self,
        legs: Sequence[FareLeg],
        options: Sequence[Sequence[tuple[str, str]]],
        number: int,
        before: _Chain,
    ) -> Decimal:
        """The least that the legs from `number` on add."""
        if number == len(legs):
            return Decimal()
        sums = []
        for group, product in options[number]:
            own = self.products[product]
            alone = _Chain(group, own, legs[number])
            sums.append(own + self._rest(legs, options, number + 1, alone))
            for rule in self._transfers(before, group, legs[number - 1], legs[number]):
                transfer = self.products.get(rule.product, Decimal())
                added = {
                    TransferKind.FIRST_AND_TRANSFER: transfer,
                    TransferKind.ALL: transfer + own,
                    TransferKind.TRANSFER_ONLY: transfer - before.paid,
                }[rule.kind]
                paid = max(added, Decimal()) if rule.kind is not TransferKind.ALL else own
                chain = replace(before, group=group, paid=paid, transfers=before.transfers + 1)
                sums.append(added + self._rest(legs, options, number + 1, chain))
        return min(sums)

    def _transfers(
        self, before: _Chain, group: str, here: FareLeg, there: FareLeg
    ) -> list[TransferRule]:
        """The rules that hold between the leg before and one of a group."""
        exact = [
            rule
            for rule in self.transfer_rules
            if (rule.from_group, rule.to_group) == (before.group, group)
        ]
        named_from = {rule.from_group for rule in self.transfer_rules}
        named_to = {rule.to_group for rule in self.transfer_rules}
        others = [
            rule
            for rule in self.transfer_rules
            if _empty_or(rule.from_group, before.group, named_from)
            and _empty_or(rule.to_group, group, named_to)
        ]
        return [
            rule
            for rule in exact or others
            if (before.group != group or rule.count == -1 or before.transfers < rule.count)
            and _in_time(rule, before.began, here, there)
        ]

    def _options(self, leg: FareLeg, zone: ZoneInfo) -> list[tuple[str, str]]:
        """The group and product of each rule that fits a leg, without repetition."""
        networks = self.networks.get(leg.route_ref, frozenset())
        start, end = (self.areas.get(leg.stop_refs[n], frozenset()) for n in (0, -1))
        departs, arrives = (
            self._frames(moment, zone) for moment in (leg.departs_at, leg.arrives_at)
        )
        others = self._others(networks, start, end)
        fitting = [
            rule
            for rule in self.leg_rules
            if rule.product in self.products
            and (rule.network in networks if rule.network else others[0])
            and (rule.from_area in start if rule.from_area else others[1])
            and (rule.to_area in end if rule.to_area else others[2])
            and rule.from_timeframe in ("", *departs)
            and rule.to_timeframe in ("", *arrives)
        ]
        if self.has_priority and fitting:
            highest = max(rule.priority for rule in fitting)
            fitting = [rule for rule in fitting if rule.priority == highest]
        return list(dict.fromkeys((rule.group, rule.product) for rule in fitting))

    def _others(
        self, networks: frozenset[str], start: frozenset[str], end: frozenset[str]
    ) -> tuple[bool, bool, bool]:
        """Whether an empty network, area of departure and area of arrival are of a leg: without
        priorities that is where no rule names the leg's own."""
        if self.has_priority:
            return True, True, True
        return (
            networks.isdisjoint(rule.network for rule in self.leg_rules),
            start.isdisjoint(rule.from_area for rule in self.leg_rules),
            end.isdisjoint(rule.to_area for rule in self.leg_rules),
        )

    def _frames(self, moment: int, zone: ZoneInfo) -> list[str]:
        at = datetime.fromtimestamp(moment, zone)
        second = at.hour * 3600 + at.minute * 60 + at.second
        return [
            group
            for group, frames in self.timeframes.items()
            if any(
                frame.first_s <= second < frame.until_s and frame.calendar.runs_on(at.date())
                for frame in frames
            )
        ]

    def _joined(self, legs: Sequence[FareLeg]) -> list[FareLeg]:
        joined = [legs[0]]
        for before, leg in pairwise(legs):
            if any(self._joins(rule, before, leg) for rule in self.join_rules):
                last = joined.pop()
                stops = [*last.stop_refs, *leg.stop_refs]
                leg = replace(last, stop_refs=stops, arrives_at=leg.arrives_at)
            joined.append(leg)
        return joined

    def _joins(self, rule: JoinRule, before: FareLeg, leg: FareLeg) -> bool:
        here, there = before.stop_refs[-1], leg.stop_refs[0]
        return (
            rule.from_network in self.networks.get(before.route_ref, ())
            and rule.to_network in self.networks.get(leg.route_ref, ())
            and rule.from_stop in ("", here, self.stations.get(here))
            and rule.to_stop in ("", there, self.stations.get(there))
        )


def _empty_or(value: str, group: str, named: set[str]) -> bool:
    """Whether a rule's field is of a group: an empty one is of all that no rule names."""
    return value == group if value else group not in named


def _in_time(rule: TransferRule, began: FareLeg, here: FareLeg, there: FareLeg) -> bool:
    """Whether a transfer is within its duration, which counts from the first leg of the chain."""
    if rule.duration_s is None:
        return True
    first = began.departs_at if rule.duration_kind in (0, 1) else here.arrives_at
    last = there.arrives_at if rule.duration_kind in (0, 3) else there.departs_at
    return last - first <= rule.duration_s
