"""The home screen: all cards at once, under one deadline, and no card takes another with it."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from bff.app import edge_of
from core.clock import ManualClock
from core.context.call import Call
from core.context.contributions import HomeCard
from core.errors import Conflict
from core.graphql import HomeSection as Section
from core.graphql import view
from core.manifest import Manifest
from core.processes.open_app import open_app
from core.refusal_texts import ILLEGAL_STATE
from core.security.authentication import Viewer
from core.settings import Settings
from core.texts import Locale, Text
from core.upstream.readings import ReadStatus
from tests.asgi import Client
from tests.bff.lag import within
from tests.machine import PATIENCE_S
from tests.people import make_citizen

TITLE = Text("PROBE_CARD", "卡片", "Card")
HOME = "{ home { sections { __typename id title status reason } } }"


@view
@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSection(Section):
    """A card that works."""


async def works(call: Call) -> ProbeSection:
    """A card that takes a while and tells how much time it had."""
    await asyncio.sleep(0.1)
    assert call.deadline.remaining() < 1.0
    return ProbeSection(
        id="works", title="Card", status=ReadStatus.LIVE, as_of=call.app.clock.now(), reason=None
    )


async def hangs(_call: Call) -> ProbeSection:
    """A card that never comes."""
    await asyncio.sleep(60)
    raise AssertionError


async def breaks(_call: Call) -> ProbeSection:
    """A card with a defect whose text must not be shown."""
    raise RuntimeError("resident 11010519491231002X")


async def refuses(_call: Call) -> ProbeSection:
    """A card that cannot be shown to this viewer."""
    raise Conflict(ILLEGAL_STATE)


LOADED: list[Call] = []


async def weather(call: Call) -> ProbeSection:
    """A card for everybody that takes a while; the third time it is out of order."""
    LOADED.append(call)
    await asyncio.sleep(0.05)
    broken = len(LOADED) == 3
    status = ReadStatus.UNAVAILABLE if broken else ReadStatus.LIVE
    return ProbeSection(id="weather", title="Card", status=status, as_of=None, reason=None)


CARDS = (
    *(HomeCard(f"works-{number}", TITLE, works) for number in range(8)),
    HomeCard("hangs", TITLE, hangs, budget_ms=250),
    HomeCard("breaks", TITLE, breaks),
    HomeCard("refuses", TITLE, refuses),
    HomeCard("level-2", TITLE, works, identity_level=2),
    HomeCard("weather", TITLE, weather, shared_s=1),
)
WING = Manifest(name="cards", package="tests.bff", rooms=("screens.test_home",))


@pytest.fixture
async def client(
    settings: Settings, clock: ManualClock, manifests: tuple[Manifest, ...]
) -> AsyncIterator[Client]:
    """A client of an API with the probes' cards beside the product's."""
    async with open_app(settings, clock=clock, manifests=(*manifests, WING)) as app:
        edge = edge_of(app)
        yield Client(edge)
        edge.drain()


async def _sections(client: Client, viewer: Viewer | None = None) -> dict[str, Any]:
    sections = (await client.data(HOME, viewer=viewer))["home"]["sections"]
    return {f"{place}:{section['id']}": section for place, section in enumerate(sections)}


def _named(sections: dict[str, Any], name: str) -> Any:
    return next(section for section in sections.values() if section["id"] == name)


async def test_cards_come_together_and_late_ones_are_left_out(client: Client) -> None:
    await _sections(client)
    started_s = time.monotonic()
    async with within(0.8):  # one after the other would take longer than a second
        sections = await _sections(client)
    assert time.monotonic() - started_s >= 0.25
    assert [s["status"] for s in sections.values() if s["id"] == "works"] == ["LIVE"] * 8
    hanging = _named(sections, "hangs")
    assert (hanging["__typename"], hanging["reason"]) == ("UnavailableSection", "TIMEOUT")
    assert (hanging["title"], hanging["status"]) == ("Card", "UNAVAILABLE")


async def test_a_defect_costs_its_own_card_and_tells_nothing(client: Client) -> None:
    answer = await client.run(HOME)
    assert b"11010519491231002X" not in answer.body
    assert "errors" not in answer.json
    sections = await _sections(client)
    assert _named(sections, "breaks")["reason"] == "FAILED"
    assert _named(sections, "refuses")["reason"] == "ILLEGAL_STATE"


async def test_the_order_is_the_manifests(client: Client) -> None:
    ids = [key.partition(":")[2] for key in await _sections(client)]
    last = ["hangs", "breaks", "refuses", "level-2", "weather"]
    assert ids[-13:] == ["works"] * 8 + last


async def test_a_card_waits_for_its_level(client: Client) -> None:
    assert _named(await _sections(client), "level-2")["reason"] == "LOGIN_REQUIRED"
    one = await make_citizen(client.app, level=1, name="张三", locale="en")
    assert _named(await _sections(client, one), "level-2")["reason"] == "LEVEL_REQUIRED"
    two = await make_citizen(client.app, level=2, name="张三", locale="en")
    statuses = [s["status"] for s in (await _sections(client, two)).values() if s["id"] == "works"]
    assert statuses == ["LIVE"] * 9


async def test_titles_are_in_the_viewers_language(client: Client) -> None:
    answer = await client.run(HOME, headers={"accept-language": "zh-CN"})
    titles = {s["id"]: s["title"] for s in answer.json["data"]["home"]["sections"]}
    assert titles["hangs"] == "卡片"


async def test_a_card_for_everybody_is_loaded_once_and_for_a_stranger(client: Client) -> None:
    LOADED.clear()
    viewer = await make_citizen(client.app, level=2, name="张三", locale="en")
    answers = await asyncio.gather(
        _sections(client, viewer), *(_sections(client) for _ in range(5))
    )
    assert {_named(sections, "weather")["status"] for sections in answers} == {"LIVE"}
    assert [call.viewer for call in LOADED] == [None]
    await client.run(HOME, headers={"accept-language": "zh-CN"})
    assert [call.locale for call in LOADED] == [Locale.EN, Locale.ZH]


async def test_a_card_for_everybody_grows_old_and_a_broken_one_is_not_kept(client: Client) -> None:
    LOADED.clear()
    await _sections(client)
    await asyncio.sleep(1.05)
    await _sections(client)
    assert len(LOADED) == 2
    await asyncio.sleep(1.05)
    assert _named(await _sections(client), "weather")["status"] == "UNAVAILABLE"
    assert _named(await _sections(client), "weather")["status"] == "LIVE"
    assert len(LOADED) == 4


async def test_whoever_leaves_takes_no_shared_card_with_them(client: Client) -> None:
    LOADED.clear()
    leaving = asyncio.create_task(_sections(client))
    staying = asyncio.create_task(_sections(client))
    async with asyncio.timeout(PATIENCE_S):
        while not LOADED:  # noqa: ASYNC110 - the card notes itself
            await asyncio.sleep(0)
    leaving.cancel()
    assert _named(await staying, "weather")["status"] == "LIVE"
    assert len(LOADED) == 1


def test_a_card_for_everybody_has_no_level() -> None:
    with pytest.raises(ValueError, match="no identity level"):
        HomeCard("weather", TITLE, weather, shared_s=60, identity_level=1)
