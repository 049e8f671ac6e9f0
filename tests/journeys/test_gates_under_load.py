"""Ten thousand readings of school gates, shuffled and three in ten twice, while processes die."""

import asyncio
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import aiohttp
import orjson
import pytest
from journeys.families import FOLLOW, parent
from journeys.house import House
from journeys.kills import kill_at_random
from journeys.load import stubbornly

from bff.client.city import CityClient, key
from modules.safety.gates.notices import FOLLOWS
from notifications.templates.domain import message_id
from sandbox.systems.schools.gates import PATH, signed_headers
from sandbox.systems.schools.registry import gate_key

SEED = int(os.environ.get("CRASH_SEED", "20261122"))
EVENTS = int(os.environ.get("GATE_EVENTS", "10_000"))
KILLS = max(3, EVENTS // 500)
SCHOOLS = ("s001", "s002", "s003", "s004")
PUPILS = 5
"""Of each school, all with one guardian."""
BATCH = 40
GAP = timedelta(seconds=151)
"""Two of one pupil and direction lie further apart than what counts as a repeat."""
_PAUSE_S = 0.5
_TOLD_PER_S = 20


@dataclass(frozen=True)
class Reading:
    """What a gate says of a pupil, and the one message that its guardian should get."""

    school: str
    event: dict[str, str]
    message: UUID


@pytest.mark.soak
async def test_gate_readings_are_told_once_each_over_kills(fragile: House) -> None:
    """Worker, API and PostgreSQL die while four schools' gates send."""
    guardian = await _guardian(fragile)
    readings = _readings(guardian, fragile.clock.now())
    draw = random.Random(SEED)
    async with asyncio.TaskGroup() as group:
        for school in SCHOOLS:
            mine = [one for one in readings if one.school == school]
            sent = mine + draw.choices(mine, k=len(mine) * 3 // 10)
            draw.shuffle(sent)
            group.create_task(_send(fragile, school, sent))
        group.create_task(kill_at_random(fragile, KILLS, SEED))
    expected = {one.message for one in readings}
    async with asyncio.timeout(120 + EVENTS / _TOLD_PER_S):
        while len(await _told(fragile)) < len(expected):  # noqa: ASYNC110 - others bring it about
            await asyncio.sleep(1)
    await asyncio.sleep(5)  # what would come twice has come by then
    assert sorted(await _told(fragile)) == sorted(expected)


async def _guardian(house: House) -> UUID:
    """The demo parent, who follows many children: copies of the demo child at four schools."""
    async with CityClient(house.api_urls[0], house.sandbox_url) as client:
        child_id = await parent(client)
        await client.do(FOLLOW, {"of": child_id, "key": key()})
    (follow,) = await house.query(
        "DELETE FROM safety_gate_follow WHERE child_id = $1 RETURNING citizen_id", UUID(child_id)
    )
    for school in SCHOOLS:
        for pupil in range(PUPILS):
            await house.query(_COPY, UUID(child_id), school, f"P{pupil}")
    guardian: UUID = follow["citizen_id"]
    return guardian


_COPY = """
WITH child AS (
  INSERT INTO identity_citizen (id, name_sealed, resident_index, level, locale, created_at)
  SELECT gen_random_uuid(), name_sealed, uuid_send(gen_random_uuid()), level, locale, created_at
    FROM identity_citizen WHERE id = $1 RETURNING id),
mandate AS (
  INSERT INTO identity_mandate (id, kind, actor_id, subject_id, state, proposed_at, confirmed_at,
                                ends_at)
  SELECT gen_random_uuid(), kind, actor_id, child.id, state, proposed_at, confirmed_at, ends_at
    FROM identity_mandate, child WHERE subject_id = $1 AND state = 'active'
  RETURNING actor_id, subject_id)
INSERT INTO safety_gate_follow (id, citizen_id, child_id, school_code, pupil_ref, created_at)
SELECT gen_random_uuid(), actor_id, subject_id, $2, $3, now() FROM mandate"""


def _readings(guardian: UUID, now: datetime) -> Sequence[Reading]:
    """In and out in turn, of each pupil, so that the last is an hour old."""
    of_each = EVENTS // (len(SCHOOLS) * PUPILS)
    begun_at = now - timedelta(hours=1) - of_each * GAP
    return [
        Reading(
            school,
            {
                "event_id": (ref := f"P{pupil}-{n}"),
                "pupil_ref": f"P{pupil}",
                "gate_ref": "g",
                "direction": ("IN", "OUT")[n % 2],
                "at": (begun_at + n * GAP).isoformat(),
            },
            message_id(FOLLOWS.key_of(f"{school}:{ref}", guardian), str(guardian)),
        )
        for school in SCHOOLS
        for pupil in range(PUPILS)
        for n in range(of_each)
    ]


async def _send(house: House, school: str, readings: Sequence[Reading]) -> None:
    """One batch after the other, each again until it is taken."""
    for start in range(0, len(readings), BATCH):
        events = [one.event for one in readings[start : start + BATCH]]
        body = orjson.dumps({"school": school, "events": events})
        await stubbornly(lambda: _post(house, school, body))  # noqa: B023 - awaited before the next
        await asyncio.sleep(_PAUSE_S)


async def _post(house: House, school: str, body: bytes) -> None:
    headers = signed_headers(gate_key(20260101, school), school, body, house.clock.now())
    async with (
        aiohttp.ClientSession(house.api_urls[0]) as http,
        http.post(PATH, data=body, headers=headers) as answer,
    ):
        if answer.status != 200:
            raise LookupError("not taken")
        refused = (await answer.json())["refused"]
    assert not refused, refused


async def _told(house: House) -> list[UUID]:
    """The ids of all messages of gates."""
    sql = "SELECT id FROM notifications_message WHERE template ~ '^safety.gate_(in|out)'"
    return [row["id"] for row in await stubbornly(lambda: house.query(sql))]
