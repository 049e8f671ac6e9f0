"""Service 9 on foot: along the city's streets where it gives them, and said which."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from core.errors import StartError
from core.standards.coordinates import GeoPoint
from core.standards.gtfs.predictions import without_reports
from core.standards.gtfs.schedule import read_schedule
from core.standards.gtfs.timeline import build_timeline
from modules.mobility.planning.answers import Days, answer
from modules.mobility.planning.domain import Plan, WalkBasis, Wish
from modules.mobility.timetable import commands
from modules.mobility.timetable.feeds import Feeds, load_feeds
from modules.mobility.timetable.network import Transit
from tests.conftest import NOON
from tests.gtfs import feed_files, zip_of
from tests.streets import map_of, point

TRIPS = {
    "one": [("S", "12:10:00"), ("T", "12:20:00")],
    "two": [("U", "12:40:00"), ("V", "12:50:00")],
}
STOPS = {"S": point("e"), "T": (36.66, 117.0), "U": (36.6602, 117.0), "V": (36.70, 117.0)}
STREETS = (
    ("a b c", {"highway": "residential"}),
    ("d e f", {"highway": "residential"}),
    ("c f", {"highway": "footway", "bridge": "yes"}),
    ("c y", {"highway": "path"}),
    ("b e", {"highway": "steps"}),
)
"""Two banks of a river, a bridge at their end with a way out of the town, and steps across."""


def _plans(streets: Path | None, origin: str, **wish: Any) -> list[Plan]:
    table = read_schedule(zip_of(feed_files(TRIPS, stops=STOPS)))
    made = without_reports(build_timeline(table, NOON.date()))
    days = Days(Feeds("Asia/Shanghai", [], streets=streets))
    door, goal = GeoPoint(*point(origin)), GeoPoint(*STOPS["V"])
    asked = Wish(door, goal, **wish)
    transit = Transit(table, made, [], NOON)
    return list(answer(days, transit, made, asked, NOON - timedelta(minutes=20)).plans)


@pytest.fixture
def streets(tmp_path: Path) -> Path:
    """The map."""
    path = tmp_path / "streets.osm"
    path.write_bytes(map_of(*STREETS))
    return path


def _access(plan: Plan) -> tuple[int | None, WalkBasis | None]:
    return plan.legs[0].distance_m, plan.legs[0].walk_basis


def test_one_walks_to_the_stop_across_the_river_by_the_streets(streets: Path) -> None:
    (plan, *_) = _plans(streets, "b")
    metres, basis = _access(plan)
    assert basis is WalkBasis.STREETS and metres == pytest.approx(100, abs=3)  # down the steps
    (level, *_) = _plans(streets, "b", wheelchair=True)
    metres, basis = _access(level)
    assert basis is WalkBasis.STREETS and metres == pytest.approx(700, abs=3)  # over the bridge
    assert not _plans(streets, "b", wheelchair=True, walk_m=500)


def test_what_lies_off_the_streets_is_reckoned_as_the_crow_flies_and_says_so(streets: Path) -> None:
    (plan, *_) = _plans(streets, "b")
    walk = next(leg for leg in plan.legs[1:] if leg.walk_basis is not None)
    assert (walk.start.stop_ref, walk.end.stop_ref) == ("T", "U")
    assert (walk.walk_basis, walk.distance_m) == (WalkBasis.STRAIGHT, pytest.approx(29, abs=2))
    assert all(leg.walk_basis is None for leg in plan.legs if leg.trip_ref)


def test_without_streets_all_is_as_the_crow_flies(tmp_path: Path) -> None:
    (plan, *_) = _plans(None, "b")
    assert _access(plan) == (pytest.approx(130, abs=3), WalkBasis.STRAIGHT)
    nonsense = tmp_path / "streets.osm"
    nonsense.write_bytes(b"no map")
    assert _access(_plans(nonsense, "b")[0])[1] is WalkBasis.STRAIGHT


def test_streets_stand_beside_the_citys_file(tmp_path: Path, streets: Path) -> None:
    city = tmp_path / "transit.toml"
    city.write_text('zone = "Asia/Shanghai"\nstreets = "streets.osm"\n[[feeds]]\nschedules = []\n')
    assert load_feeds(city).streets == streets
    city.write_text('zone = "Asia/Shanghai"\nstreets = "none.osm"\n[[feeds]]\nschedules = []\n')
    with pytest.raises(StartError, match=r"there is no file .*none\.osm"):
        load_feeds(city)


def test_the_command_lists_the_stops_that_lie_on_no_street(tmp_path: Path, streets: Path) -> None:
    feed = tmp_path / "feed.zip"
    feed.write_bytes(zip_of(feed_files(TRIPS, stops=STOPS)))
    shown = CliRunner().invoke(commands.app, ["check", str(feed), "--streets", str(streets)])
    assert (shown.exit_code, "stop_off_streets  stops.txt  3  T, U, V" in shown.output) == (0, True)
    broken = ["check", str(feed), "--streets", str(feed)]
    assert CliRunner().invoke(commands.app, broken).exit_code == 1
