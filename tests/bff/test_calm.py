"""The home screen while its upstreams break: in time, no 5xx, no growth."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from bff.app import edge_of
from core.clock import ManualClock
from core.context.app import App
from core.manifest import Manifest
from core.processes.open_app import open_app
from core.settings import Settings
from tests.asgi import Client
from tests.bff import fault_cards
from tests.bff.fault_cards import BUDGET_MS, NAMES, City, Mode
from tests.bff.lag import Lag

HOME = "{ home { sections { __typename id status reason ... on FaultSection { number } } } }"
AT_ONCE = 8
ROUNDS = 3
MARGIN_S = 0.05
BROKEN = [mode for mode in Mode if mode is not Mode.WELL]


@pytest.fixture
async def city() -> AsyncIterator[City]:
    async with City().running() as running:
        yield running


@pytest.fixture
async def app(
    settings: Settings,
    clock: ManualClock,
    manifests: tuple[Manifest, ...],
    city: City,
    tmp_path: Path,
) -> AsyncIterator[App]:
    addresses = tmp_path / "upstreams.toml"
    addresses.write_text("\n".join(f'[{name}]\nurl = "{city.address}/{name}"' for name in NAMES))
    async with open_app(
        settings.model_copy(update={"upstreams_file": addresses, "rate_address": 0}),
        clock=clock,
        manifests=(*manifests, fault_cards.MANIFEST),
        application="test",
    ) as opened:
        yield opened


@pytest.fixture
def client(app: App) -> Client:
    return Client(edge_of(app))


async def load(client: Client) -> tuple[list[Any], float]:
    """The sections of each answer under load, and by how much the slowest missed the deadline."""
    slowest_s = 0.0
    screens = []

    async def one() -> None:
        nonlocal slowest_s
        started_at = time.monotonic()
        answer = await client.run(HOME)
        slowest_s = max(slowest_s, time.monotonic() - started_at)
        assert answer.status == 200, answer.body
        assert "errors" not in answer.json, answer.body
        sections = answer.json["data"]["home"]["sections"]
        screens.append({s["id"]: s for s in sections if s["id"] in NAMES})

    async with Lag().watching() as lag:
        for _ in range(ROUNDS):
            await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    return screens, slowest_s - BUDGET_MS / 1000 - lag.worst_s


def assert_calm(screens: Sequence[Any], broken: Sequence[str], expected: str) -> None:
    assert len(screens) == AT_ONCE * ROUNDS
    for screen in screens:
        assert set(screen) == set(NAMES)
        for name, section in screen.items():
            if name not in broken:
                assert (section["status"], section["number"]) == ("LIVE", 7)
            else:
                assert section["status"] == expected
                assert section["reason"] in ("TIMEOUT", "UNAVAILABLE", "FAILED")


@pytest.mark.parametrize("mode", BROKEN)
@pytest.mark.parametrize("broken", [(0,), (5,), (1, 3, 6)], ids=["first", "sixth", "three"])
async def test_broken_upstreams_take_only_their_own_cards(
    client: Client, city: City, mode: Mode, broken: tuple[int, ...]
) -> None:
    names = [NAMES[number] for number in broken]
    await client.run(HOME)
    for name in names:
        client.app.last_good.forget(("fault", name))
        city.modes[name] = mode
    screens, late_s = await load(client)
    assert_calm(screens, names, "UNAVAILABLE")
    assert late_s <= MARGIN_S


@pytest.mark.parametrize("mode", BROKEN)
async def test_the_last_good_answer_stands_in(client: Client, city: City, mode: Mode) -> None:
    await client.run(HOME)
    for name in NAMES[:3]:
        city.modes[name] = mode
    screens, late_s = await load(client)
    assert_calm(screens, NAMES[:3], "STALE")
    assert all(screen[NAMES[0]]["number"] == 7 for screen in screens)
    assert late_s <= MARGIN_S


async def test_an_upstream_that_comes_back_is_asked_again(client: Client, city: City) -> None:
    city.modes[NAMES[0]] = Mode.ERRORING
    await load(client)
    city.modes[NAMES[0]] = Mode.WELL
    async with asyncio.timeout(20):
        while True:
            screens, _ = await load(client)
            if screens[-1][NAMES[0]]["status"] == "LIVE":
                break
            await asyncio.sleep(0.5)


@pytest.mark.soak
async def test_each_upstream_in_each_way_and_memory_stays_flat(client: Client, city: City) -> None:
    await load(client)
    process = psutil.Process()
    before = process.memory_info().rss
    for name in NAMES:
        for mode in BROKEN:
            city.modes[name] = mode
            screens, late_s = await load(client)
            assert_calm(screens, [name], "STALE")
            assert late_s <= MARGIN_S, (name, mode)
        city.modes[name] = Mode.WELL
        await asyncio.sleep(6)
        await load(client)
    assert process.memory_info().rss - before < 20_000_000
