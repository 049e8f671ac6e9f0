"""A child at the gate, a camera and a warning, over HTTP: a school's gates and a bureau send."""

import asyncio
from typing import Any

import aiohttp
import m3u8
from journeys.families import FOLLOW, parent
from journeys.house import House

from bff.client.city import CityClient, key

GATE = """query($of: ID) { schoolGate(onBehalfOf: $of) {
  lastDirection events { direction occurredAt isLate } } }"""
CAMERAS = "query($of: ID) { schoolCameras(onBehalfOf: $of) { cameras { cameraRef } } }"
OPEN = """mutation($of: ID, $camera: ID!, $key: String!) { openSchoolVideo(onBehalfOf: $of,
  cameraRef: $camera, idempotencyKey: $key) {
    ... on SchoolVideo { url } ... on Refusal { code } } }"""
WATCH = """mutation($key: String!) { watchAlerts(kind: HOME, at: {lat: 36.67, lon: 117.0},
  idempotencyKey: $key) { ... on AlertsWatched { place { id } } ... on Refusal { code } } }"""
_WITHIN_S = 60.0
INBOX = "{ inbox { messages(first: 20) { edges { node { id title } } } } }"


async def _messages(client: CityClient) -> dict[str, str]:
    """The titles of the newest messages, by their id."""
    edges = (await client.run(INBOX)).data["inbox"]["messages"]["edges"]
    return {edge["node"]["id"]: edge["node"]["title"] for edge in edges}


async def _told(client: CityClient, title: str, before: dict[str, str]) -> None:
    """Wait until one message of a title has come since `before`."""
    async with asyncio.timeout(_WITHIN_S):
        while (found := await _new_titles(client, before)).count(title) != 1:
            assert found.count(title) < 1, found
            await asyncio.sleep(0.1)


async def _new_titles(client: CityClient, before: dict[str, str]) -> list[str]:
    return [title for id_, title in (await _messages(client)).items() if id_ not in before]


async def test_a_child_enters_and_leaves_though_the_gate_repeats_and_turns_round(
    house: House, client: CityClient
) -> None:
    child_id = await parent(client)
    await client.do(FOLLOW, {"of": child_id, "key": key()})
    # what other journeys let pass a minute ago would make repeats of these
    await house.query("DELETE FROM safety_gate_event")
    fault = {"operation": "callback", "duplicate_callbacks": 2, "reorder_callbacks": True}
    await client.sandbox("PUT", "/_control/faults/schools", fault)
    name = (await client.person("child"))["name"]
    before, now = await _messages(client), house.clock.now()
    for direction, ago_s in (("IN", 540), ("OUT", 0)):
        passage = {"person": "child", "direction": direction}
        at = now.timestamp() - ago_s
        moment = now.fromtimestamp(at, now.tzinfo).isoformat()
        await client.sandbox("POST", "/_control/schools/passages", passage | {"at": moment})
    for title in (f"{name}已进校", f"{name}已离校"):
        await _told(client, title, before)
    await client.sandbox("DELETE", "/_control/faults/schools")
    gate = (await client.run(GATE, {"of": child_id})).data["schoolGate"]
    assert gate["lastDirection"] == "OUT"
    assert [one["direction"] for one in gate["events"]] == ["OUT", "IN"]


async def test_a_camera_is_played_by_addresses_alone(house: House, client: CityClient) -> None:
    child_id = await parent(client)
    cameras = (await client.run(CAMERAS, {"of": child_id})).data["schoolCameras"]["cameras"]
    variables = {"of": child_id, "camera": cameras[0]["cameraRef"], "key": key()}
    url = (await client.do(OPEN, variables))["url"]

    async def get(http: aiohttp.ClientSession, address: str) -> tuple[int, bytes]:
        async with http.get(address) as answer:
            return answer.status, await answer.read()

    async def play(http: aiohttp.ClientSession) -> Any:
        master = m3u8.loads((await get(http, url))[1].decode())
        media = m3u8.loads((await get(http, master.playlists[0].uri))[1].decode())
        return media.segments

    async with aiohttp.ClientSession(house.api_urls[0], headers={"User-Agent": "tv"}) as http:
        segments = await play(http)
        for segment in segments[-2:]:
            status, body = await get(http, segment.uri)
            assert status == 200
            assert len(body) % 188 == 0 and set(body[::188]) == {0x47}
    async with aiohttp.ClientSession(house.api_urls[1], headers={"User-Agent": "copy"}) as http:
        for address in (url, segments[-1].uri):
            assert (await get(http, address))[0] == 403


async def test_a_warning_reaches_a_home_and_so_does_its_end(client: CityClient) -> None:
    await parent(client)
    await client.do(WATCH, {"key": key()})
    send = "/_control/emergency/alerts"
    circle = {"circle": "36.67,117.0 3.0"}
    exercise = circle | {"status": "Exercise"}
    before = await _messages(client)
    sent = await client.sandbox("POST", send, circle)
    await _told(client, "【预警】暴雨红色预警", before)
    await client.sandbox("POST", send, exercise | {"references": [sent["reference"]]})
    cancel = {"msg_type": "Cancel", "references": [sent["reference"]]}
    await client.sandbox("POST", send, circle | cancel)
    await _told(client, "【预警解除】暴雨红色预警", before)
    new = await _new_titles(client, before)
    assert not [title for title in new if title.startswith("【演练】")]
