"""The service as an app uses it: its own operations, over the API."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from bff.trusted.documents import documents_of
from core.clock import ManualClock
from core.context.app import App
from core.context.sweep import SweepIncomplete
from core.database import connection, fetch_all
from core.security.authentication import Viewer
from modules._example import domain
from modules._example.subscription import tell_followers
from tests.asgi import Client
from tests.conftest import NOON
from tests.modules._example.conftest import LIXIA, FakeFountains

FOLLOW = """
mutation Follow($id: ID!, $key: String!) {
  followFountain(fountainId: $id, idempotencyKey: $key) {
    __typename
    ... on FountainFollowed { followId fountain { code name state } }
    ... on Refusal { code message }
  }
}
"""
HOME = """
{ home { sections { id status reason
    ... on FollowedFountainsSection { asOf closed { code } } } } }
"""

Citizen = Callable[..., Awaitable[Viewer]]


async def _follow(
    client: Client, viewer: Viewer | None, id_: str, key: str = "follow-key-1"
) -> Any:
    data = await client.data(FOLLOW, {"id": id_, "key": key}, viewer=viewer)
    return data["followFountain"]


async def _follows() -> list[dict[str, Any]]:
    return await fetch_all(connection(), "SELECT * FROM example_fountain_follow")


async def test_the_trusted_document_shows_a_districts_fountains(client: Client) -> None:
    document = documents_of(client.app.manifests).by_name["drinking-fountains"]
    data = await client.data(document.source, document.variables)
    answer = data["drinkingFountains"]
    assert (answer["status"], answer["asOf"], answer["reason"]) == (
        "LIVE",
        "2026-11-23T04:00:00.000Z",
        None,
    )
    assert [fountain["name"] for fountain in answer["items"]] == ["泉城公园东门", "大明湖南门"]


async def test_a_silent_network_gives_the_last_good_answer(
    client: Client, fountains: FakeFountains, clock: ManualClock
) -> None:
    query = "query Q($d: String!) { drinkingFountains(district: $d) { status reason asOf } }"
    await client.data(query, {"d": LIXIA})
    fountains.is_silent = True
    clock.move(timedelta(hours=1))
    stale = (await client.data(query, {"d": LIXIA}))["drinkingFountains"]
    assert stale == {"status": "STALE", "reason": "TIMEOUT", "asOf": "2026-11-23T04:00:00.000Z"}
    clock.move(timedelta(hours=6))
    gone = (await client.data(query, {"d": LIXIA}))["drinkingFountains"]
    assert gone == {"status": "UNAVAILABLE", "reason": "TIMEOUT", "asOf": None}


async def test_a_district_of_another_city_is_refused(client: Client) -> None:
    answer = await client.run('{ drinkingFountains(district: "110101") { status } }')
    assert answer.codes == ["FOUNTAIN_DISTRICT_UNKNOWN"]


async def test_following_twice_or_ten_times_at_once_is_one_follow(
    client: Client, citizen: Citizen
) -> None:
    viewer = await citizen(level=1)
    at_once = await asyncio.gather(*(_follow(client, viewer, "f-1") for _ in range(10)))
    assert len({answer["followId"] for answer in at_once}) == 1
    again = await _follow(client, viewer, "f-1", key="another-key")
    assert again["followId"] == at_once[0]["followId"]
    assert again["fountain"] == {"code": "f-1", "name": "泉城公园东门", "state": "WORKING"}
    assert len(await _follows()) == 1


async def test_every_refusal_has_its_code_and_writes_nothing(
    client: Client, citizen: Citizen, fountains: FakeFountains
) -> None:
    viewer = await citizen(level=1)
    assert (await _follow(client, None, "f-1"))["code"] == "LOGIN_REQUIRED"
    assert (await _follow(client, viewer, "f-9"))["code"] == "NOT_FOUND"
    assert (await _follow(client, viewer, "f-1", key="short"))["code"] == "KEY_INVALID"
    fountains.is_silent = True
    assert (await _follow(client, viewer, "f-1"))["code"] == "UPSTREAM_UNAVAILABLE"
    assert await _follows() == []
    assert await fetch_all(connection(), "SELECT * FROM core_idempotency") == []


async def test_a_key_is_good_for_one_input(client: Client, citizen: Citizen) -> None:
    viewer = await citizen(level=1)
    await _follow(client, viewer, "f-1")
    refused = await _follow(client, viewer, "f-2")
    assert (refused["__typename"], refused["code"]) == ("Conflict", "KEY_REUSED")
    assert [row["fountain_ref"] for row in await _follows()] == ["f-1"]


async def test_the_limit_holds(client: Client, citizen: Citizen, fountains: FakeFountains) -> None:
    viewer = await citizen(level=1)
    some = fountains.fountains["f-1"]
    refs = [f"n-{number}" for number in range(domain.FOLLOWED_MAX + 1)]
    fountains.fountains |= {
        ref: domain.Fountain(ref, some.name, LIXIA, some.state, NOON) for ref in refs
    }
    answers = await asyncio.gather(
        *(_follow(client, viewer, ref, key=f"follow-{ref}") for ref in refs)
    )
    refused = [answer for answer in answers if answer["__typename"] == "Conflict"]
    assert [answer["code"] for answer in refused] == ["TOO_MANY_FOUNTAINS"]
    assert len(await _follows()) == domain.FOLLOWED_MAX


async def test_followers_are_told_once_per_closure(
    app: App, client: Client, citizen: Citizen, fountains: FakeFountains, clock: ManualClock
) -> None:
    one, two = await citizen(level=1), await citizen(level=1, locale="zh")
    await _follow(client, one, "f-1")
    await _follow(client, two, "f-1")
    await _follow(client, two, "f-2", key="another-key")
    await tell_followers(app)
    assert await _bodies(client, one) == []
    fountains.close("f-1", clock.now())
    for _ in range(3):  # the calendar asks every ten minutes
        await tell_followers(app)
    assert await _bodies(client, one) == [
        "“泉城公园东门”, which you follow, gives no water at present."
    ]
    assert await _bodies(client, two) == ["您关注的“泉城公园东门”暂停供水,恢复时间另行通知。"]
    fountains.close("f-1", clock.now() + timedelta(days=1))
    await tell_followers(app)
    assert len(await _bodies(client, one)) == 2


async def test_the_job_fails_while_the_network_is_silent_and_is_repeated(
    app: App, client: Client, citizen: Citizen, fountains: FakeFountains
) -> None:
    viewer = await citizen(level=1)
    await _follow(client, viewer, "f-1")
    fountains.is_silent = True
    with pytest.raises(SweepIncomplete):
        await tell_followers(app)


async def test_the_home_screen_shows_the_closed_ones(
    client: Client, citizen: Citizen, fountains: FakeFountains
) -> None:
    viewer = await citizen(level=1)
    await _follow(client, viewer, "f-1")
    fountains.close("f-1", NOON)
    fountains.close("f-2", NOON)  # not followed
    card = await _card(client, viewer)
    assert (card["status"], card["closed"]) == ("LIVE", [{"code": "f-1"}])
    assert (await _card(client, None))["reason"] == "LOGIN_REQUIRED"


async def _card(client: Client, viewer: Viewer | None) -> Any:
    data = await client.data(HOME, viewer=viewer)
    return next(s for s in data["home"]["sections"] if s["id"] == "followed-fountains")


async def _bodies(client: Client, viewer: Viewer) -> list[str]:
    inbox = "{ inbox(first: 10) { messages { edges { node { body } } } } }"
    data = await client.data(inbox, viewer=viewer)
    return [edge["node"]["body"] for edge in data["inbox"]["messages"]["edges"]]
