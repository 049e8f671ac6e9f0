"""Feeds and messages that others have published to be refused, read or named by their rules.

They are those of interline-io/transitland-lib (`testdata/rt/errors`, `testdata/gtfs-examples`,
`testdata/gtfs-external`) and CUTR-at-USF/gtfs-realtime-validator (`src/test/resources`), and lie in
`transit` of the shared data.
"""

from pathlib import Path

import pytest
from google.protobuf import json_format
from google.transit import gtfs_realtime_pb2 as pb
from typer.testing import CliRunner

from core.standards.gtfs.faults import FeedError
from core.standards.gtfs.schedule import read_schedule
from modules.mobility.timetable import commands
from tests.shared_data import shared

ERRORS = 32
ALLOWED = {"E029.vehicle_position-position.1.json"}
"""193 m from its shape: RULES.md of MobilityData's validator allows 200 m, so that neither it nor
we name a fault; transitland allows 100 m."""


def _packed(path: Path, folder: Path) -> Path:
    """A message in JSON as it comes over the wire."""
    message = json_format.Parse(path.read_text(encoding="utf-8"), pb.FeedMessage())
    packed = folder / f"{path.name}.pb"
    packed.write_bytes(message.SerializePartialToString())
    return packed


def test_every_published_error_is_named_by_the_command(tmp_path: Path) -> None:
    feed = shared("transit/caltrain-gtfs.zip")
    cases = sorted(shared("transit/errors").glob("E*.json"))
    assert len(cases) == ERRORS
    silent = set()
    for case in cases:
        arguments = ["check", str(feed), "--realtime", str(_packed(case, tmp_path))]
        shown = CliRunner().invoke(commands.app, arguments)
        assert shown.exit_code == 0, shown.output
        rules = {line.split()[0] for line in shown.output.splitlines()[1:-1]} - {"unknown_file"}
        if rules != {case.name.partition(".")[0]}:
            assert not rules, (case.name, rules)
            silent.add(case.name)
    assert silent == ALLOWED


@pytest.mark.parametrize(
    ("name", "trips", "rules"),
    [
        ("example", 11, {"invalid_row_length", "unknown_file"}),
        (
            "example-nested-dir",
            11,
            {"invalid_input_files_in_subfolder", "invalid_row_length", "unknown_file"},
        ),
        (
            "example-errors",
            9,
            {
                *("foreign_key_violation", "invalid_row_length", "stop_without_location"),
                *("start_and_end_range_out_of_order", "unknown_file"),
            },
        ),
        ("cdmx", 1741, set()),
        ("bullrunner-gtfs", 15, set()),
        ("bullrunner-gtfs-timepoints-only-legacy-exact-times-1", 15, set()),
    ],
)
def test_an_odd_feed_is_read_as_far_as_it_goes(name: str, trips: int, rules: set[str]) -> None:
    made = read_schedule(shared(f"transit/{name}.zip").read_bytes())
    assert (len(made.trips.refs), {fault.rule for fault in made.faults}) == (trips, rules)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("example-nested-dir-ambiguous", "ambiguous_feed"),
        ("example-nested-two-feeds", "ambiguous_feed"),
        ("example-nested-zip", "missing_required_file"),
        ("invalid", "unreadable_zip"),
        ("badgtfs", "missing_required_file"),
        ("ctran-flex", "no_usable_trip"),
    ],
)
def test_what_is_no_feed_is_refused_by_name(name: str, rule: str) -> None:
    with pytest.raises(FeedError, match=rule):
        read_schedule(shared(f"transit/{name}.zip").read_bytes())
