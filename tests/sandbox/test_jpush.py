"""JPush's cids as published: from the app's own pool, good for a day, and what has succeeded under
one is answered again and not pushed again.

Source: docs.jiguang.cn/jpush/server/push/rest_api_v3_push_advanced, "获取推送唯一标识 (cid)".
"""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette

from sandbox.app import create_app
from sandbox.server.settings import SandboxSettings
from sandbox.systems.jpush import APP_KEY, GONE, MASTER_SECRET
from tests.asgi import request

KEYS = base64.b64encode(f"{APP_KEY}:{MASTER_SECRET}".encode()).decode()


class Service:
    """The push service, and its time."""

    now = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    city: Starlette

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """The JSON that a request is answered with."""
        raw = b"" if body is None else orjson.dumps(body)
        headers = {"host": "localhost", "authorization": f"Basic {KEYS}"}
        return (await request(self.city, method, path, raw, headers)).json


@pytest.fixture
async def jpush(tmp_path: Path) -> AsyncIterator[Service]:
    """A push service of this process."""
    service = Service()
    settings = SandboxSettings(state=":memory:", keys_dir=tmp_path)
    service.city = create_app(settings, lambda: service.now)
    async with service.city.router.lifespan_context(service.city):
        yield service


async def _cid(jpush: Service) -> str:
    (cid,) = (await jpush.ask("GET", "/jpush/v3/push/cid"))["cidlist"]
    return str(cid)


async def _push(jpush: Service, cid: str, target: str = "one", ref: str = "m1") -> Any:
    android = {"title": "水费", "alert": "12.00 元", "extras": {"message": ref}}
    push = {"platform": "all", "target": target, "notification": {"android": android}}
    path = "/jpush/v3/push/batch/regid/single"
    return (await jpush.ask("POST", path, {"pushlist": {cid: push}}))[cid]


async def _counts(jpush: Service) -> dict[str, int]:
    counts: dict[str, int] = await jpush.ask("GET", "/_control/jpush/counts")
    return counts


async def test_a_repetition_is_answered_with_the_first_success(jpush: Service) -> None:
    cid = await _cid(jpush)
    assert (await _push(jpush, cid, GONE))["error"]["code"] == 1011
    first = await _push(jpush, cid)
    jpush.now += timedelta(hours=23)
    assert await _push(jpush, cid) == first
    assert await _counts(jpush) == {
        "shown": 1, "devices": 1, "handed_over_twice": 1, "taken_twice": 0, "shown_twice": 0,
    }  # fmt: skip


async def test_a_cid_is_of_the_pool_and_of_the_last_day(jpush: Service) -> None:
    cid = await _cid(jpush)
    assert (await _push(jpush, f"{APP_KEY}-mine"))["error"]["code"] == 1003
    jpush.now += timedelta(days=1)
    assert (await _push(jpush, cid))["error"]["code"] == 1003
    assert (await _counts(jpush))["shown"] == 0


async def test_two_cids_for_one_message_are_two_pushes(jpush: Service) -> None:
    for ref in ("m1", "m1", "m2"):
        await _push(jpush, await _cid(jpush), ref=ref)
    counts = await _counts(jpush)
    assert (counts["handed_over_twice"], counts["taken_twice"], counts["shown_twice"]) == (0, 1, 2)
