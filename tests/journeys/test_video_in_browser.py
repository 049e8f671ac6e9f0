"""A camera played by hls.js in Chromium, which nobody here wrote, until guardianship ends."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from journeys.families import parent
from journeys.house import House
from journeys.test_safety import CAMERAS, OPEN

from bff.client.city import CityClient, ClientError, key
from tests.bff.conftest import clients as clients
from tests.browser import chromium

PLAY = """async url => {
  const video = document.createElement("video");
  video.muted = true;
  document.body.append(video);
  window.video = video;
  window.faults = [];
  const hls = new Hls();
  hls.on(Hls.Events.ERROR, (_, fault) => faults.push([fault.details, fault.response?.code]));
  hls.loadSource(url);
  hls.attachMedia(video);
  await video.play();
}"""
SEEN = "() => video.videoWidth === 128 && video.currentTime > 0 && !video.paused"
REFUSED = "() => faults.some(([, status]) => status === 403)"
STOPPED_WITHIN_S = 60
ENDED = """mutation($id: ID!, $key: String!) { endMandate(mandateId: $id, idempotencyKey: $key) {
  ... on MandateEnded { mandate { state } } ... on Refusal { code } } }"""
MANDATES = "{ mandates { id personId state } }"


@pytest.mark.soak
async def test_hls_js_plays_a_camera_until_guardianship_ends(
    house: House, client: CityClient, clients: Path
) -> None:
    """Its pictures move over reloads of the playlist; a copied address lets nobody else in; within
    a minute of the end everything is refused, and the picture stands."""
    child_id = await parent(client)
    url = house.api_urls[0] + await _opened(client, child_id)
    library = (clients / "node_modules/hls.js/dist/hls.min.js").read_text(encoding="utf-8")

    async with chromium() as browser:
        page = await browser.new_page()
        await page.goto(f"{house.api_urls[0]}/healthz")
        await page.evaluate(library)
        await page.evaluate(PLAY, url)
        await page.wait_for_function(SEEN, timeout=30_000)
        first_s = await page.evaluate("video.currentTime")
        await page.wait_for_function("first => video.currentTime > first + 10", arg=first_s)
        assert await page.evaluate("faults") == []

        async with await _another(browser) as context:
            copy = await (await context.new_page()).goto(url)
            assert copy is not None and copy.status == 403

        await _end(client, child_id)
        ended_s = time.monotonic()
        await page.wait_for_function(REFUSED, timeout=STOPPED_WITHIN_S * 1_000)
        await _until_still(page)
        assert time.monotonic() - ended_s < STOPPED_WITHIN_S
    with pytest.raises(ClientError, match="NOT_FOUND"):
        await client.run(CAMERAS, {"of": child_id})
    # a view stays its first player's for a minute, and other journeys have another
    await house.query("DELETE FROM safety_video_view")


async def _opened(client: CityClient, child_id: str) -> str:
    """The address of the child's school's first camera."""
    cameras = (await client.run(CAMERAS, {"of": child_id})).data["schoolCameras"]["cameras"]
    variables = {"of": child_id, "camera": cameras[0]["cameraRef"], "key": key()}
    return str((await client.do(OPEN, variables))["url"])


async def _another(browser: Any) -> Any:
    """Another programme on the same machine."""
    return await browser.new_context(user_agent="copy/1.0")


async def _end(client: CityClient, child_id: str) -> None:
    mandates = (await client.run(MANDATES)).data["mandates"]
    (mandate,) = [m for m in mandates if (m["personId"], m["state"]) == (child_id, "active")]
    await client.do(ENDED, {"id": mandate["id"], "key": key()})


async def _until_still(page: Any) -> None:
    """Until what was buffered has been played, and the picture stands."""
    last_s = -1.0
    while (now_s := await page.evaluate("video.currentTime")) != last_s:
        last_s = now_s
        await asyncio.sleep(2)
