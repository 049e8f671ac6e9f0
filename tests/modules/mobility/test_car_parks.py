"""Car parks: a count, an estimate and not knowing are three things; the nearest first."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock
from core.upstream.records import Records, records_reader
from modules.mobility.car_parks.domain import (
    CarParkStatus,
    Chargers,
    CountSource,
    cost_fen,
    count_free,
)
from modules.mobility.car_parks.lookup import OPERATOR, Count, Usual
from modules.mobility.parking.domain import Tariff
from sandbox.systems.parking import Tariff as OperatorsTariff
from tests.asgi import Client
from tests.conftest import NOON
from tests.fakes import Silence
from tests.upstreams import by_operation

OPEN, CLOSED = CarParkStatus
HERE = {"lat": 36.67, "lon": 117.0}


def count(place_id: str, free: int, **changes: Any) -> Count:
    """A hundred spaces, counted now."""
    made = Count(
        place_id, "停车场", "Car park", 36.67, 117.0, "WGS 84", OPEN, 100, free, NOON,
        Chargers(4, 2), Tariff(15, 30, 300, 3000),
    )  # fmt: skip
    return replace(made, **changes)


class FakeOperator(Silence):
    """An operator with the counts that it is given."""

    name = "parking"

    def __init__(self) -> None:
        super().__init__()
        self.counts = [count("p01", 40)]
        self.usual: list[Usual] | None = None
        self.asked_for_usual = 0

    async def list_counts(self) -> Records[Count]:
        """See modules.mobility.car_parks.lookup."""
        self.answer("list_counts")
        return Records(self.counts)

    async def list_usual(self) -> Records[Usual]:
        """See modules.mobility.car_parks.lookup."""
        self.asked_for_usual += 1
        if self.usual is None:
            self.is_silent = True
            self.answer("list_usual")
        return Records(self.usual or [])


@pytest.fixture
def operator() -> FakeOperator:
    """The operator."""
    return FakeOperator()


@pytest.fixture
def upstreams(operator: FakeOperator) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(operator, OPERATOR)


async def _near(client: Client, **more: Any) -> Any:
    answer = await client.operate("CarParks", {"at": HERE, "radiusM": 2000} | more)
    assert "errors" not in answer.json, answer.json
    return answer.json["data"]["carParks"]


async def test_the_nearest_come_first_and_tell_what_a_stay_costs(
    client: Client, operator: FakeOperator
) -> None:
    operator.counts = [
        count("far", 10, lat=36.68), count("near", 20, lat=36.671), count("away", 1, lat=36.8),
        count("elsewhere", 1, lat=22.5, lon=114.1), count("swapped", 1, lat=117.0, lon=36.67),
    ]  # fmt: skip
    found = (await _near(client, stayMinutes=120))["items"]
    assert [one["carParkRef"] for one in found] == ["near", "far"]
    assert [one["distanceM"] for one in found] == [111, 1112]
    assert found[0]["stayCost"] == 1200  # four begun half hours of 3 yuan
    assert (found[0]["freeSpaces"], found[0]["source"], found[0]["ageS"]) == (20, "COUNTED", 0)
    assert operator.asked_for_usual == 0


async def test_a_silent_sensor_is_estimated_and_says_so(
    client: Client, operator: FakeOperator
) -> None:
    operator.counts = [count("p01", 40, observed_at=NOON - timedelta(hours=3))]
    operator.usual = [Usual("p01", [10, 12, 90, 14])]
    (found,) = (await _near(client))["items"]
    assert (found["freeSpaces"], found["source"]) == (12, "ESTIMATED")
    assert (found["ageS"], found["chargers"]) == (3 * 3600, {"total": 4, "free": None})
    assert found["stayCost"] is None


async def test_without_history_nobody_knows(client: Client, operator: FakeOperator) -> None:
    operator.counts = [count("p01", 40, observed_at=NOON - timedelta(hours=3))]
    answer = await _near(client)
    (found,) = answer["items"]
    assert (answer["status"], found["freeSpaces"], found["source"]) == ("LIVE", None, "UNKNOWN")


@pytest.mark.parametrize(
    ("status", "counted", "age_s", "usual", "expected"),
    [
        # negative counts: NIAEFEUP/uni#606; on another base than the total:
        # stadtnavi/digitransit-ui#966; closed shown as full:
        # reedu-reengineering-education/smart-city-dashboard#8
        (OPEN, -3, 0, (), (None, CountSource.UNKNOWN)),
        (OPEN, 130, 0, (), (None, CountSource.UNKNOWN)),
        (OPEN, 130, 0, (5, 6, 7), (6, CountSource.ESTIMATED)),
        (CLOSED, 0, 0, (5, 6, 7), (None, CountSource.UNKNOWN)),
        (OPEN, 0, 0, (), (0, CountSource.COUNTED)),
        (OPEN, 100, 900, (), (100, CountSource.COUNTED)),
        (OPEN, 100, 901, (5, 6), (None, CountSource.UNKNOWN)),
        (OPEN, 100, 901, (5, -6, 700, 6), (None, CountSource.UNKNOWN)),
    ],
)
def test_what_is_known_of_the_free_spaces(
    status: CarParkStatus, counted: int, age_s: int, usual: tuple[int, ...], expected: Any
) -> None:
    assert count_free(status, 100, counted, timedelta(seconds=age_s), usual) == expected


async def test_a_count_that_cannot_be_is_the_operators_fault(
    client: Client, operator: FakeOperator
) -> None:
    operator.counts = [count("p01", -3), count("p02", 40)]
    found = (await _near(client))["items"]
    assert [one["source"] for one in found] == ["UNKNOWN", "COUNTED"]
    labels = {"upstream": "parking", "operation": "list_counts"}
    metrics = client.app.metrics.registry
    assert metrics.get_sample_value("quancheng_unreadable_records_total", labels) == 1


async def test_the_last_good_count_is_shown_as_old(
    client: Client, operator: FakeOperator, clock: ManualClock
) -> None:
    await _near(client)
    operator.is_silent = True
    clock.move(timedelta(minutes=5))
    stale = await _near(client)
    assert (stale["status"], stale["asOf"]) == ("STALE", "2026-11-23T04:00:00.000Z")
    clock.move(timedelta(minutes=26))
    assert (await _near(client))["items"] == []


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"at": {"lat": 0, "lon": 0}}, "OUTSIDE_CITY"),
        ({"at": {"lat": 117.0, "lon": 36.67}}, "POINTS_SWAPPED"),
        ({"radiusM": 0}, "INVALID_INPUT"),
        ({"radiusM": 20_001}, "INVALID_INPUT"),
        ({"stayMinutes": 0}, "INVALID_INPUT"),
        ({"stayMinutes": 10_081}, "INVALID_INPUT"),
    ],
)
async def test_a_question_that_cannot_be_is_refused(
    client: Client, operator: FakeOperator, asked: dict[str, Any], field: str
) -> None:
    answer = await client.operate("CarParks", {"at": HERE, "radiusM": 2000} | asked)
    assert answer.codes == [field]


async def test_a_point_of_a_chinese_map_is_the_same_place(client: Client) -> None:
    """GCJ-02 of the same point, 549 m away where it is taken for WGS 84."""
    at = {"lat": 36.67, "lon": 117.0, "datum": "GCJ_02"}
    (found,) = (await _near(client, at=at))["items"]
    assert 450 < found["distanceM"] < 650


@given(
    free=st.integers(0, 60), unit=st.integers(1, 120), price=st.integers(1, 1000),
    cap=st.integers(1, 9000), minutes=st.integers(0, 10_080),
)  # fmt: skip
def test_a_tariff_is_what_the_operator_charges(
    free: int, unit: int, price: int, cap: int, minutes: int
) -> None:
    charged = OperatorsTariff(free, unit, price, cap).charge_fen(timedelta(minutes=minutes))
    assert cost_fen(Tariff(free, unit, price, cap), minutes) == charged


@pytest.mark.parametrize(
    "odd",
    [{"unit_minutes": 0}, {"unit_price_fen": -1}, {"daily_cap_fen": -1}, {"free_minutes": -1}],
)
def test_a_tariff_that_cannot_be_is_read_of_no_car_park(odd: dict[str, int]) -> None:
    """A unit of no minutes would end the whole question by a division."""
    good = orjson.loads(orjson.dumps(count("p01", 40)))
    bad = good | {"tariff": good["tariff"] | odd}
    read = records_reader(Count)([good, bad])
    assert ([one.place_id for one in read.items], read.unreadable) == (["p01"], 1)


@pytest.mark.parametrize(("free", "shown"), [(-1, None), (5, None), (0, 0), (4, 4)])
async def test_chargers_that_cannot_be_free_are_not_known(
    client: Client, operator: FakeOperator, free: int, shown: int | None
) -> None:
    operator.counts = [count("p01", 40, chargers=Chargers(4, free))]
    (found,) = (await _near(client))["items"]
    assert found["chargers"] == {"total": 4, "free": shown}


async def test_a_count_of_tomorrow_says_nothing_of_now(
    client: Client, operator: FakeOperator
) -> None:
    """Local time that says it were UTC lies eight hours ahead."""
    operator.counts = [count("p01", 40, observed_at=NOON + timedelta(hours=8))]
    (found,) = (await _near(client))["items"]
    assert (found["freeSpaces"], found["source"], found["ageS"]) == (None, "UNKNOWN", 0)
    assert found["chargers"]["free"] is None
