"""The client of transit feeds against the sandbox: files, ETags, and a message cut off."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from typer.testing import CliRunner

from core.clock import SystemClock
from core.deadline import Deadline
from core.standards.gtfs.faults import FeedError
from core.standards.gtfs.realtime import read_message
from core.standards.gtfs.schedule import read_schedule
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient
from modules.mobility.timetable import commands
from modules.mobility.timetable.feeds import BUS_FEED, fetch_realtime, fetch_schedule
from tests.gtfs import feed_files, zip_of
from tests.upstreams import Connected, over_http

REALTIME = ("/trip-updates.pb", "/vehicle-positions.pb", "/alerts.pb")


@pytest.fixture
async def app(sandbox_port: int) -> AsyncIterator[Connected]:
    """The feed of the sandbox city."""
    async with HttpClient(Metrics()) as http:
        yield over_http(http, f"http://127.0.0.1:{sandbox_port}", BUS_FEED)


async def test_the_client_reads_the_sandboxs_feed_and_its_faults(
    app: Connected, sandbox_port: int
) -> None:
    soon = Deadline.after(30)
    file = await fetch_schedule(app, soon, "/gtfs.zip", "")
    assert file is not None
    table = read_schedule(file.data, zone="Asia/Shanghai")
    assert len(table.trips.refs) > 1_000
    assert await fetch_schedule(app, soon, "/gtfs.zip", file.etag) is None
    now = SystemClock().now().timestamp()
    for path in REALTIME:
        message = read_message(await fetch_realtime(app, soon, path))
        assert abs(message.timestamp - now) < 60
    control = f"http://127.0.0.1:{sandbox_port}/_control/bus-feed"
    async with aiohttp.ClientSession() as session:
        async with session.put(control, json={"name": "truncated"}) as answer:
            assert answer.status == 200
        with pytest.raises(FeedError):
            read_message(await fetch_realtime(app, soon, REALTIME[0]))
        async with session.put(control, json={"name": "no-such-fault"}) as answer:
            assert answer.status == 400
        async with session.delete(control) as answer:
            assert answer.status == 204
    read_message(await fetch_realtime(app, soon, REALTIME[0]))


def test_the_command_lists_what_is_wrong_and_refuses_what_cannot_be_served(tmp_path: Path) -> None:
    good, bad, half = tmp_path / "good.zip", tmp_path / "bad.zip", tmp_path / "half.pb"
    files = feed_files({"T": [("A", "10:00:00"), ("B", "10:10:00")]})
    good.write_bytes(zip_of(files | {"stops": files["stops"] + "N,Null,0,0\n"}))
    bad.write_bytes(b"no zip")
    half.write_bytes(b"\x0a\x0d\x0a\x032.0")
    shown = CliRunner().invoke(commands.app, ["check", str(good), "--realtime", str(half)])
    assert shown.exit_code == 0, shown.output
    assert "point_near_origin  stops.txt  1  N" in shown.output
    assert "invalid_protobuf" in shown.output
    refused = CliRunner().invoke(commands.app, ["check", str(bad)])
    assert (refused.exit_code, "unreadable_zip" in refused.output) == (1, True)
    elsewhere = ["check", str(good), "--zone", "Asia/Tokyo"]
    assert CliRunner().invoke(commands.app, elsewhere).exit_code == 1
