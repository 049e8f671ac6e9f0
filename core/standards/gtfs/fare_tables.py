"""Reads the fares of a feed. What is broken is counted and left out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from core.standards.gtfs.fares import Fares, Tariff
from core.standards.gtfs.faults import Faults
from core.standards.gtfs.legacy_fares import FareRule, LegacyFare, LegacyTariff
from core.standards.gtfs.product_fares import (
    JoinRule,
    LegRule,
    ProductTariff,
    Timeframe,
    TransferKind,
    TransferRule,
)
from core.standards.gtfs.tables import Table
from core.standards.gtfs.timetable import DAY_S, Calendar, Stop
from core.standards.gtfs.values import parse_time

FARE_FILES: Mapping[str, Sequence[str]] = {
    "fare_attributes.txt": (
        "fare_id price currency_type transfers transfer_duration agency_id"
    ).split(),
    "fare_rules.txt": "fare_id route_id origin_id destination_id contains_id".split(),
    "fare_products.txt": "fare_product_id rider_category_id amount currency".split(),
    "rider_categories.txt": ("rider_category_id", "is_default_fare_category"),
    "fare_leg_rules.txt": (
        "leg_group_id network_id from_area_id to_area_id from_timeframe_group_id "
        "to_timeframe_group_id fare_product_id rule_priority"
    ).split(),
    "fare_transfer_rules.txt": (
        "from_leg_group_id to_leg_group_id transfer_count duration_limit duration_limit_type "
        "fare_transfer_type fare_product_id"
    ).split(),
    "fare_leg_join_rules.txt": "from_network_id to_network_id from_stop_id to_stop_id".split(),
    "route_networks.txt": ("network_id", "route_id"),
    "stop_areas.txt": ("area_id", "stop_id"),
    "timeframes.txt": ("timeframe_group_id", "start_time", "end_time", "service_id"),
}
_AMOUNT_MAX = Decimal(1_000_000)


def read_fares(
    tables: Mapping[str, Table],
    stops: Sequence[Stop],
    calendars: Sequence[Calendar],
    faults: Faults,
) -> Fares | None:
    """The fares of a feed; None where it has none."""
    routes = tables["routes.txt"]
    tariff: Tariff | None = None
    if "fare_products.txt" in tables and "fare_leg_rules.txt" in tables:
        tariff = _products(tables, stops, calendars, faults)
    if tariff is None and "fare_attributes.txt" in tables:
        tariff = _legacy(tables, stops, faults)
    return None if tariff is None else Fares(tariff, frozenset(routes.texts("route_id")))


def _amount(text: str, table: Table, faults: Faults) -> Decimal | None:
    try:
        amount = Decimal(text)
        fits = 0 <= amount <= _AMOUNT_MAX  # raises for what is not a number, too
    except InvalidOperation:
        fits = False
    if not fits:
        faults.add("invalid_currency_amount", table.name, [text[:20]])
        return None
    return amount


def _legacy(
    tables: Mapping[str, Table], stops: Sequence[Stop], faults: Faults
) -> LegacyTariff | None:
    table, routes = tables["fare_attributes.txt"], tables["routes.txt"]
    rules = _legacy_rules(tables.get("fare_rules.txt"))
    transfers = table.integers("transfers", -1, most=2)
    durations = table.integers("transfer_duration", -1)
    columns = (table.texts(name) for name in ("fare_id", "price", "currency_type", "agency_id"))
    fares = []
    for row, (ref, price, currency, agency) in enumerate(zip(*columns, strict=True)):
        amount = _amount(price, table, faults)
        if amount is not None:
            fares.append(
                LegacyFare(
                    amount,
                    currency,
                    None if transfers[row] < 0 else int(transfers[row]),
                    None if durations[row] < 0 else int(durations[row]),
                    agency,
                    rules.get(ref, ()),
                )
            )
    zones = {stop.ref: stop.zone for stop in stops if stop.zone}
    agencies = dict(zip(routes.texts("route_id"), routes.texts("agency_id"), strict=True))
    return LegacyTariff(fares, zones, agencies) if fares else None


def _legacy_rules(table: Table | None) -> dict[str, list[FareRule]]:
    """By fare; rows that differ in `contains_id` alone are one rule."""
    contains: dict[tuple[str, ...], set[str]] = defaultdict(set)
    if table is not None:
        names = ("fare_id", "route_id", "origin_id", "destination_id", "contains_id")
        for *key, zone in zip(*(table.texts(name) for name in names), strict=True):
            contains[tuple(key)] |= {zone} - {""}
    rules: dict[str, list[FareRule]] = defaultdict(list)
    for (fare, route, origin, destination), zones in contains.items():
        rules[fare].append(FareRule(route, origin, destination, frozenset(zones)))
    return rules


def _products(
    tables: Mapping[str, Table],
    stops: Sequence[Stop],
    calendars: Sequence[Calendar],
    faults: Faults,
) -> ProductTariff | None:
    products, currency = _product_amounts(tables, faults)
    table = tables["fare_leg_rules.txt"]
    names = FARE_FILES["fare_leg_rules.txt"][:-1]
    priorities = table.integers("rule_priority", 0).tolist()
    rows = zip(*(table.texts(name) for name in names), priorities, strict=True)
    leg_rules = [LegRule(*row) for row in rows]
    lost = [rule.product for rule in leg_rules if rule.product not in products]
    faults.add("foreign_key_violation", table.name, [f"fare_product_id={ref}" for ref in lost])
    if not products or not leg_rules:
        return None
    return ProductTariff(
        products=products,
        currency=currency,
        leg_rules=leg_rules,
        has_priority="rule_priority" in table,
        transfer_rules=_transfer_rules(tables.get("fare_transfer_rules.txt")),
        join_rules=_join_rules(tables.get("fare_leg_join_rules.txt")),
        networks=_networks(tables),
        areas=_areas(tables.get("stop_areas.txt"), stops),
        stations={stop.ref: stops[stop.parent].ref for stop in stops if stop.parent >= 0},
        timeframes=_timeframes(tables.get("timeframes.txt"), calendars, faults),
    )


def _product_amounts(tables: Mapping[str, Table], faults: Faults) -> tuple[dict[str, Decimal], str]:
    """The least that each product costs a rider of the default category, and in which currency."""
    table, defaults = tables["fare_products.txt"], {""}
    if categories := tables.get("rider_categories.txt"):
        refs = categories.texts("rider_category_id")
        flags = categories.integers("is_default_fare_category", 0, most=1)
        defaults |= {ref for ref, is_default in zip(refs, flags, strict=True) if is_default}
    names = FARE_FILES["fare_products.txt"]
    amounts: dict[str, Decimal] = {}
    currency = ""
    for ref, category, text, code in zip(*(table.texts(name) for name in names), strict=True):
        amount = _amount(text, table, faults)
        if amount is None or category not in defaults:
            continue
        currency = currency or code
        if code != currency:
            faults.add("invalid_currency", table.name, [f"{ref} {code}"])
            continue
        amounts[ref] = min(amount, amounts.get(ref, amount))
    return amounts, currency


def _transfer_rules(table: Table | None) -> list[TransferRule]:
    if table is None:
        return []
    return [
        TransferRule(
            from_group,
            to_group,
            count,
            duration_s if duration_s >= 0 else None,
            duration_kind,
            TransferKind(kind),
            product,
        )
        for from_group, to_group, count, duration_s, duration_kind, kind, product in zip(
            table.texts("from_leg_group_id"),
            table.texts("to_leg_group_id"),
            table.integers("transfer_count", -1, least=-1).tolist(),
            table.integers("duration_limit", -1).tolist(),
            table.integers("duration_limit_type", 0, most=3).tolist(),
            table.integers("fare_transfer_type", 0, most=2).tolist(),
            table.texts("fare_product_id"),
            strict=True,
        )
    ]


def _join_rules(table: Table | None) -> list[JoinRule]:
    if table is None:
        return []
    names = FARE_FILES["fare_leg_join_rules.txt"]
    return [JoinRule(*row) for row in zip(*(table.texts(name) for name in names), strict=True)]


def _networks(tables: Mapping[str, Table]) -> dict[str, frozenset[str]]:
    """By route: of `route_networks.txt`, or the column of `routes.txt`."""
    table = tables.get("route_networks.txt", tables["routes.txt"])
    return _sets(zip(table.texts("route_id"), table.texts("network_id"), strict=True))


def _areas(table: Table | None, stops: Sequence[Stop]) -> dict[str, frozenset[str]]:
    if table is None:
        return {}
    own = _sets(zip(table.texts("stop_id"), table.texts("area_id"), strict=True))
    areas = {}
    for stop in stops:
        station = stops[stop.parent].ref if stop.parent >= 0 else ""
        # those of a station are of its stops, where these have none of their own
        areas[stop.ref] = own.get(stop.ref) or own.get(station, frozenset())
    return areas


def _sets(pairs: "zip[tuple[str, str]]") -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for ref, member in pairs:
        if ref and member:
            found[ref].add(member)
    return {ref: frozenset(members) for ref, members in found.items()}


def _timeframes(
    table: Table | None, calendars: Sequence[Calendar], faults: Faults
) -> dict[str, list[Timeframe]]:
    frames: dict[str, list[Timeframe]] = defaultdict(list)
    if table is None:
        return frames
    by_ref = {calendar.ref: calendar for calendar in calendars}
    first = table.parsed("start_time", parse_time, 0, object, "invalid_time")
    until = table.parsed("end_time", parse_time, DAY_S, object, "invalid_time")
    services = table.texts("service_id")
    for row, group in enumerate(table.texts("timeframe_group_id")):
        calendar = by_ref.get(services[row])
        if calendar is None:
            faults.add("foreign_key_violation", table.name, [f"service_id={services[row]}"])
        else:
            frames[group].append(Timeframe(first[row], until[row], calendar))
    return frames
