"""Fares: the standard's own examples (gtfs.org/documentation/schedule/examples), and Caltrain's."""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise, product
from zoneinfo import ZoneInfo

import pytest

from core.standards.gtfs.combine import combine
from core.standards.gtfs.fares import FareLeg, Price, cheapest, price_of
from core.standards.gtfs.schedule import read_schedule
from core.standards.gtfs.timetable import Timetable
from tests.gtfs import feed_files, zip_of
from tests.shared_data import shared

MONDAY = datetime(2026, 11, 23, 8, tzinfo=ZoneInfo("Asia/Shanghai"))
TRIPS = {"T": [("A", "08:00:00"), ("B", "08:10:00"), ("C", "08:20:00"), ("D", "08:30:00")]}
DAYS = (
    "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    "daily,1,1,1,1,1,1,1,20260101,20271231\n"
    "weekdays,1,1,1,1,1,0,0,20260101,20271231\n"
    "weekends,0,0,0,0,0,1,1,20260101,20271231\n"
)


def _feed(routes: str = "", **files: str) -> Timetable:
    """A feed with stops A to D, the line L1 and perhaps others, and these fare files."""
    plain = feed_files(TRIPS)
    if routes:
        plain["routes"] = routes
    return read_schedule(zip_of(plain | {"calendar": DAYS} | files))


def _leg(
    route: str, start: str, end: str, at: datetime = MONDAY, minutes: int = 10, prefix: str = ""
) -> FareLeg:
    departs = int(at.timestamp())
    stops = [prefix + start, prefix + end]
    return FareLeg(prefix + route, stops, departs, departs + minutes * 60)


def _price(timetable: Timetable, *legs: FareLeg) -> str | None:
    price = price_of(timetable.fares, legs, timetable.zone)
    return None if price is None else f"{price.amount} {price.currency}"


def test_one_ticket_of_two_hours_covers_all_transfers() -> None:
    # the example of Toronto's subway in "Legacy Fares (v1)"
    feed = _feed(
        "route_id,agency_id,route_short_name,route_type\nLine1,a,1,1\nLine2,a,2,1\nL1,a,3,3\n",
        fare_attributes="fare_id,price,currency_type,payment_method,transfers,transfer_duration\n"
        "presto_fare,3.2,CAD,1,,7200\n",
        fare_rules="fare_id,route_id,origin_id,destination_id\n"
        "presto_fare,Line1,subway,subway\npresto_fare,Line2,subway,subway\n",
        stops="stop_id,stop_name,stop_lat,stop_lon,zone_id\n"
        + "".join(f"{ref},{ref},36.6{n},117,subway\n" for n, ref in enumerate("ABCD")),
    )
    first, late = _leg("Line1", "A", "B"), MONDAY + timedelta(hours=2)
    assert _price(feed, first) == "3.2 CAD"
    assert _price(feed, first, _leg("Line2", "B", "C", MONDAY + timedelta(minutes=20))) == "3.2 CAD"
    assert _price(feed, first, _leg("Line2", "B", "C", late)) == "6.4 CAD"
    assert _price(feed, first, _leg("L1", "B", "C")) is None, "of that line no rule speaks"


def test_tickets_of_several_agencies_are_added_and_others_are_not_taken() -> None:
    feed = _feed(
        "route_id,agency_id,route_short_name,route_type\nL1,a,1,3\nM1,m,M1,1\n",
        agency="agency_id,agency_name,agency_url,agency_timezone\n"
        "a,A,https://a.example,Asia/Shanghai\nm,M,https://m.example,Asia/Shanghai\n",
        fare_attributes="fare_id,price,currency_type,payment_method,transfers,agency_id\n"
        "bus,2.00,CNY,0,0,a\nmetro,4.00,CNY,1,1,m\n",
    )
    bus, metro = _leg("L1", "A", "B"), _leg("M1", "B", "C")
    assert _price(feed, bus, metro) == "6.00 CNY"
    assert _price(feed, bus, bus) == "4.00 CNY"
    assert _price(feed, metro, metro, metro) == "8.00 CNY", "one change to a ticket"


def test_a_ticket_of_zones_is_of_journeys_through_just_these() -> None:
    stops = "stop_id,stop_name,stop_lat,stop_lon,zone_id\n" + "".join(
        f"{ref},{ref},36.6{n},117,{zone}\n"
        for n, (ref, zone) in enumerate(zip("ABCD", "1123", strict=True))
    )
    feed = _feed(
        stops=stops,
        fare_attributes="fare_id,price,currency_type,payment_method,transfers\n"
        "one,1,CNY,0,\ntwo,3,CNY,0,\n",
        fare_rules="fare_id,contains_id\none,1\ntwo,1\ntwo,2\n",
    )
    assert _price(feed, _leg("L1", "A", "B")) == "1 CNY"
    assert _price(feed, _leg("L1", "A", "C")) == "3 CNY"
    assert _price(feed, _leg("L1", "A", "D")) is None


def test_caltrain_costs_what_its_own_rules_say() -> None:
    feed = read_schedule(shared("transit/caltrain-gtfs.zip").read_bytes())
    stop_of = {stop.zone: stop.ref for stop in feed.stops if stop.location_type == 0}
    ring = ["71824", "71825", "71826", "71827", "71828", "71829"]
    route, noon = feed.routes[0].ref, datetime(2026, 11, 23, 12, tzinfo=feed.zone)
    prices = {
        (one, other): _price(feed, _leg(route, stop_of[one], stop_of[other], noon))
        for one, other in product(ring, ring)
        if one in stop_of and other in stop_of
    }
    assert prices["71825", "71829"] == "15.00 USD"
    assert prices["71825", "71826"] == "6.00 USD"
    assert None not in prices.values()


MARYLAND = {
    "fare_products": "fare_product_id,fare_product_name,amount,currency\n"
    "oneway,One Way,2.00,USD\nday,1-Day Pass,4.60,USD\n",
    "fare_leg_rules": "leg_group_id,network_id,fare_product_id\ncore,core,oneway\ncore,core,day\n",
    "fare_transfer_rules": "from_leg_group_id,to_leg_group_id,duration_limit,duration_limit_type,"
    "fare_transfer_type,transfer_count\ncore,core,5400,1,0,-1\n",
    "routes": "route_id,agency_id,route_short_name,route_type,network_id\nL1,a,1,3,core\n"
    "X1,a,X1,3,\n",
}


def test_transfers_are_free_for_ninety_minutes_from_departure_to_departure() -> None:
    # the example of Maryland
    feed = _feed(**MARYLAND)
    legs = [_leg("L1", "A", "B", MONDAY + timedelta(minutes=m)) for m in (0, 40, 80, 120)]
    assert _price(feed, legs[0]) == "2.00 USD"
    assert _price(feed, *legs[:3]) == "2.00 USD"
    assert _price(feed, *legs) == "4.00 USD", "the fourth departs after 120 minutes"
    assert _price(feed, _leg("X1", "A", "B")) is None, "another network"


@pytest.mark.parametrize(
    ("kind", "count", "price"),
    [(0, -1, "2.50"), (1, -1, "6.50"), (2, -1, "0.50"), (0, 1, "4.25"), (1, 0, "6.00")],
)
def test_what_a_transfer_costs_by_its_kind(kind: int, count: int, price: str) -> None:
    feed = _feed(
        **MARYLAND
        | {
            "fare_products": "fare_product_id,amount,currency\noneway,2.00,USD\nchange,0.25,USD\n",
            "fare_leg_rules": "leg_group_id,network_id,fare_product_id\ncore,core,oneway\n",
            "fare_transfer_rules": "from_leg_group_id,to_leg_group_id,fare_transfer_type,"
            f"transfer_count,fare_product_id\ncore,core,{kind},{count},change\n",
        }
    )
    legs = [_leg("L1", "A", "B", MONDAY + timedelta(minutes=m)) for m in (0, 20, 40)]
    total = _price(feed, *legs)
    # the rider pays each leg alone where that is less
    assert total == f"{min(Decimal(price), Decimal('6.00')):.2f} USD"


def test_prices_between_areas() -> None:
    # the example of BART
    feed = _feed(
        stop_areas="area_id,stop_id\nASHB,A\nGLEN,B\nOAKL,C\n",
        fare_leg_rules="leg_group_id,from_area_id,to_area_id,fare_product_id\n"
        "BA,ASHB,GLEN,BA:matrix:ASHB-GLEN\nBA,ASHB,OAKL,BA:matrix:ASHB-OAKL\n",
        fare_products="fare_product_id,fare_product_name,amount,currency\n"
        "BA:matrix:ASHB-GLEN,generated,4.75,USD\nBA:matrix:ASHB-OAKL,generated,9.45,USD\n",
    )
    assert _price(feed, _leg("L1", "A", "B")) == "4.75 USD"
    assert _price(feed, _leg("L1", "A", "C")) == "9.45 USD"
    assert _price(feed, _leg("L1", "B", "A")) is None


@pytest.mark.parametrize(
    ("day", "time", "price"),
    [(0, "07:30", "5"), (0, "11:30", "3"), (0, "21:30", "2"), (0, "02:00", "2"), (5, "07:30", "2")],
)
def test_prices_by_time_and_day(day: int, time: str, price: str) -> None:
    # the example of Washington's Metrorail, and its two riders at 7:30 and 11:30
    feed = _feed(
        "route_id,agency_id,route_short_name,route_type,network_id\nL1,a,1,1,1\n",
        timeframes="timeframe_group_id,start_time,end_time,service_id\n"
        "peak,5:00:00,9:30:00,weekdays\noff,9:30:00,15:00:00,weekdays\n"
        "peak,15:00:00,19:00:00,weekdays\noff,19:00:00,21:30:00,weekdays\n"
        "late,21:30:00,24:00:00,weekdays\nlate,00:00:00,5:00:00,weekdays\nweekend,,,weekends\n",
        fare_products="fare_product_id,amount,currency\n"
        "peak_fare,5,USD\nregular_fare,3,USD\nweekend_fare,2,USD\nlate_night_fare,2,USD\n",
        fare_leg_rules="network_id,fare_product_id,from_timeframe_group_id,to_timeframe_group_id\n"
        "1,weekend_fare,weekend,\n1,late_night_fare,late,\n1,peak_fare,peak,\n1,regular_fare,off,\n",
    )
    hour, minute = map(int, time.split(":"))
    at = MONDAY.replace(hour=hour, minute=minute) + timedelta(days=day)
    assert _price(feed, _leg("L1", "A", "B", at)) == f"{price} USD"


def test_an_adult_pays_the_least_of_the_media_and_no_other_riders_price() -> None:
    feed = _feed(
        fare_products="fare_product_id,rider_category_id,amount,currency,fare_media_id\n"
        "single,,3,USD,cash\nsingle,,2.5,USD,clipper\nsingle,senior,1,USD,clipper\n",
        rider_categories="rider_category_id,rider_category_name,is_default_fare_category\n"
        "adult,Adult,1\nsenior,Senior,0\n",
        fare_leg_rules="fare_product_id\nsingle\n",
    )
    assert _price(feed, _leg("L1", "A", "B")) == "2.5 USD"


def test_an_empty_field_means_all_others_unless_rules_have_priorities() -> None:
    files: Mapping[str, str] = {
        "routes": "route_id,agency_id,route_short_name,route_type,network_id\nL1,a,1,3,express\n"
        "L2,a,2,3,local\n",
        "fare_products": "fare_product_id,amount,currency\nlocal,2,CNY\nexpress,5,CNY\n",
    }
    plain = "network_id,fare_product_id\nexpress,express\n,local\n"
    feed = _feed(**files, fare_leg_rules=plain)
    assert _price(feed, _leg("L1", "A", "B")) == "5 CNY"
    assert _price(feed, _leg("L2", "A", "B")) == "2 CNY"
    ranked = "network_id,fare_product_id,rule_priority\nexpress,express,\n,local,\n"
    assert _price(_feed(**files, fare_leg_rules=ranked), _leg("L1", "A", "B")) == "2 CNY"
    ranked = "network_id,fare_product_id,rule_priority\nexpress,express,1\n,local,\n"
    assert _price(_feed(**files, fare_leg_rules=ranked), _leg("L1", "A", "B")) == "5 CNY"


def test_joined_legs_are_one() -> None:
    feed = _feed(
        **MARYLAND
        | {
            "fare_transfer_rules": "from_leg_group_id,to_leg_group_id,fare_transfer_type\n",
            "fare_leg_join_rules": "from_network_id,to_network_id,from_stop_id,to_stop_id\n"
            "core,core,B,B\n",
        }
    )
    assert _price(feed, _leg("L1", "A", "B"), _leg("L1", "B", "C")) == "2.00 USD"
    assert _price(feed, _leg("L1", "A", "C"), _leg("L1", "C", "D")) == "4.00 USD"


def test_feeds_are_priced_each_by_its_own_fares() -> None:
    attributes = "fare_id,price,currency_type,payment_method,transfers\n"
    parts = [
        (prefix, _feed(fare_attributes=f"{attributes}f,{amount},CNY,0,\n"))
        for prefix, amount in (("bus:", "2"), ("metro:", "4"))
    ]
    both = combine(parts)
    bus, metro = (_leg("L1", "A", "B", prefix=prefix) for prefix in ("bus:", "metro:"))
    assert _price(both, bus, bus, metro) == "6 CNY"
    assert _price(both, bus, metro, bus) == "8 CNY"
    assert _price(both, _leg("L1", "A", "B")) is None


def test_what_is_broken_is_counted_and_left_out() -> None:
    feed = _feed(
        fare_attributes="fare_id,price,currency_type,payment_method,transfers\n"
        "a,-1,CNY,0,\nb,much,CNY,0,\nc,NaN,CNY,0,\nd,1e9,CNY,0,\ne,2,CNY,0,\n",
    )
    assert feed.faults.count("invalid_currency_amount") == 4
    assert _price(feed, _leg("L1", "A", "B")) == "2 CNY"
    lost = _feed(
        fare_products="fare_product_id,amount,currency\nknown,2,CNY\n",
        fare_leg_rules="fare_product_id\nunknown\n",
    )
    assert lost.faults.count("foreign_key_violation") == 1
    assert _price(lost, _leg("L1", "A", "B")) is None
    assert _price(_feed(), _leg("L1", "A", "B")) is None


def test_the_cheapest_way_to_cut_a_journey_is_found() -> None:
    draw = random.Random(1)
    for _ in range(200):
        count = draw.randint(1, 6)
        parts = {
            (first, last): Decimal(draw.randint(1, 9)) if draw.random() < 0.7 else None
            for last in range(1, count + 1)
            for first in range(last)
        }
        assert cheapest(count, lambda first, last, p=parts: p[first, last]) == min(  # type: ignore[misc]
            (total for cut in _cuts(count) if (total := _total(parts, cut)) is not None),
            default=None,
        )


def _cuts(count: int) -> list[Sequence[int]]:
    return [
        [0, *(n for n, cuts in enumerate(chosen, 1) if cuts), count]
        for chosen in product((False, True), repeat=count - 1)
    ]


def _total(parts: Mapping[tuple[int, int], Decimal | None], cut: Sequence[int]) -> Decimal | None:
    prices = [parts[first, last] for first, last in pairwise(cut)]
    return None if None in prices else sum(filter(None, prices), Decimal())


def test_amounts_of_several_currencies_are_not_added() -> None:
    attributes = "fare_id,price,currency_type,payment_method,transfers\n"
    parts = [
        (prefix, _feed(fare_attributes=f"{attributes}f,2,{currency},0,\n"))
        for prefix, currency in (("a:", "CNY"), ("b:", "HKD"))
    ]
    both = combine(parts)
    legs = [_leg("L1", "A", "B", prefix=prefix) for prefix in ("a:", "b:")]
    assert _price(both, *legs) is None
    assert price_of(both.fares, legs[:1], both.zone) == Price(Decimal(2), "CNY")
