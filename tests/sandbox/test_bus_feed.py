"""The sandbox's transit feed: sound by foreign validators, drawn, and broken on purpose."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.transit import gtfs_realtime_pb2 as pb

from core.standards.gtfs.faults import FeedError
from core.standards.gtfs.realtime import read_message
from core.standards.gtfs.schedule import read_schedule
from sandbox.population.geography import Place
from sandbox.systems.bus_feed.messages import make_message
from sandbox.systems.bus_feed.network import SIZES, make_network
from sandbox.systems.bus_feed.schedule import make_feed

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
CENTRE = Place(36.67, 117.0)
KINDS = ("trip-updates", "vehicle-positions", "alerts")


def _message(kind: str, now: datetime = NOW, **faults: float) -> Any:
    network = make_network(1, "small", CENTRE)
    return pb.FeedMessage.FromString(make_message(network, 1, kind, now, faults))


def _feed() -> bytes:
    return make_feed(1, "small", CENTRE, NOW.date())[0]


def test_the_timetable_has_no_error_by_a_foreign_validator(tmp_path: Path) -> None:
    guru = pytest.importorskip("gtfs_guru")
    (tmp_path / "feed.zip").write_bytes(_feed())
    found = guru.validate(str(tmp_path / "feed.zip"), date=f"{NOW.date()}")
    assert [error.code for error in found.errors()] == []
    assert len(read_schedule(_feed()).faults) == 0


def test_the_messages_have_no_error_by_a_foreign_validator(tmp_path: Path) -> None:
    cli = pytest.importorskip("gtfs_rt_validator.cli")
    network = make_network(1, "small", CENTRE)
    (tmp_path / "feed.zip").write_bytes(_feed())
    arguments = ["-gtfs", str(tmp_path / "feed.zip"), "--out", str(tmp_path)]
    for flag, kind in zip(("-tu", "-vp", "-sa"), KINDS, strict=True):
        (tmp_path / kind).write_bytes(make_message(network, 1, kind, NOW, {}))
        arguments += [flag, str(tmp_path / kind)]
    at = (NOW + timedelta(seconds=5)).isoformat()
    assert cli.main([*arguments, "--at", at]) in (0, None)
    notices = json.loads((tmp_path / "report.json").read_text())["notices"]
    assert [one["code"] for one in notices if one["severity"] == "ERROR"] == []


def test_one_seed_is_one_city_and_its_vehicles_move() -> None:
    make_network.cache_clear()
    make_feed.cache_clear()
    first = _feed()
    make_network.cache_clear()
    make_feed.cache_clear()
    assert _feed() == first
    places: dict[str, set[float]] = {}
    for minute in range(20):
        for one in _message("vehicle-positions", NOW + timedelta(minutes=minute)).entity:
            places.setdefault(one.id, set()).add(one.vehicle.position.latitude)
    assert max(len(seen) for seen in places.values()) >= 4


def test_the_large_city_is_large() -> None:
    size = SIZES["city"]
    assert size.side**2 + size.metro_lines * size.line_stops * 2 >= 5_000 - 110
    assert size.bus_lines + size.metro_lines >= 300


def test_faults_are_what_they_are_called() -> None:
    later = NOW + timedelta(seconds=90)
    frozen = _message("trip-updates", later, frozen=NOW.timestamp())
    assert frozen.header.timestamp == int(NOW.timestamp())
    assert len(_message("vehicle-positions", vanished=1).entity) < len(
        _message("vehicle-positions").entity
    )
    assert _message("alerts", clock_skew=300).header.timestamp == int(NOW.timestamp()) + 300
    wrong = _message("trip-updates", wrong_trips=1)
    assert all(e.trip_update.trip.trip_id.startswith("no-") for e in wrong.entity)
    cancelled = _message("trip-updates", cancelled=1)
    assert any(e.trip_update.trip.schedule_relationship == 3 for e in cancelled.entity)
    odd = NOW.replace(second=30)
    leaps = [
        abs(one.vehicle.position.latitude - other.vehicle.position.latitude)
        for one, other in zip(
            _message("vehicle-positions", odd).entity,
            _message("vehicle-positions", odd, teleporting=1).entity,
            strict=True,
        )
    ]
    assert max(leaps) > 0.2
    with pytest.raises(FeedError):
        read_message(
            make_message(make_network(1, "small", CENTRE), 1, KINDS[0], NOW, {"truncated": 1})
        )
