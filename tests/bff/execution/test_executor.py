"""One pipeline for every transport: deadlines, what is given up and what never is, masking."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from bff.transports.endpoint import Edge
from core.context.app import App
from core.settings import Settings
from tests.asgi import Client
from tests.bff.probes import SECRET, STATE, probe_edge
from tests.machine import PATIENCE_S

STRICT = {"accept": "application/graphql-response+json"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"request_deadline_s": 0.2, "rate_address": 0})


@pytest.fixture
def edge(app: App) -> Iterator[Edge]:
    opened = probe_edge(app)
    yield opened
    opened.drain()


@pytest.fixture
def client(edge: Edge) -> Client:
    return Client(edge)


async def events(client: Client, query: str, count: int) -> list[Any]:
    """The first results of a stream."""
    found = []
    async with client.events(query) as chunks, asyncio.timeout(PATIENCE_S):
        while len(found) < count:
            for line in (await chunks.get()).decode().splitlines():
                if line.startswith("data: "):
                    found.append(json.loads(line.removeprefix("data: ")))
    return found


async def test_a_query_that_outlives_its_deadline_is_given_up(client: Client) -> None:
    async with asyncio.timeout(PATIENCE_S):
        answer = await client.run("{ quick slow }")
    assert (answer.status, answer.codes) == (200, ["DEADLINE_PASSED"])
    assert answer.json["data"] is None
    assert STATE.ended == ["cancelled"]
    counted = client.app.metrics.render().decode()
    assert 'quancheng_graphql_seconds_count{document="free",outcome="timeout"} 1.0' in counted


async def test_a_mutation_is_never_given_up(client: Client) -> None:
    assert await client.data("mutation { outlast }") == {"outlast": True}
    assert STATE.ended == ["done"]


async def test_each_event_has_a_deadline_of_its_own(client: Client) -> None:
    first, second = await events(
        client, "subscription { ticks(pauseS: 0.4) { number hasTime } }", 2
    )
    assert first["data"]["ticks"] == {"number": 1, "hasTime": True}
    assert second["data"]["ticks"] == {"number": 2, "hasTime": True}


async def test_a_stream_that_breaks_says_so_without_a_word_of_why(client: Client) -> None:
    first, second = await events(client, "subscription { breaking }", 2)
    assert first["data"] == {"breaking": 1}
    assert [error["extensions"]["code"] for error in second["errors"]] == ["INTERNAL_ERROR"]
    assert SECRET not in str(second)


async def test_an_error_of_the_variables_ran_nothing(client: Client) -> None:
    body = {"query": "query ($n: Int!) { long(length: $n) }", "variables": {"n": "many"}}
    strict = await client.post(orjson.dumps(body), headers=STRICT)
    assert (strict.status, strict.codes) == (400, ["BAD_REQUEST"])
    assert "data" not in strict.json
    older = await client.post(orjson.dumps(body))
    assert (older.status, older.codes) == (200, ["BAD_REQUEST"])
    streamed = await events(client, "subscription ($n: Float!) { ticks(pauseS: $n) { number } }", 1)
    assert [error["extensions"]["code"] for error in streamed[0]["errors"]] == ["BAD_REQUEST"]


async def test_a_defect_costs_its_field_alone_and_is_numbered(client: Client) -> None:
    answer = await client.run("{ quick broken }")
    assert answer.json["data"] == {"quick": "quick", "broken": None}
    (error,) = answer.json["errors"]
    assert error["path"] == ["broken"]
    assert error["extensions"]["errorId"] in error["message"]
    assert SECRET.encode() not in answer.body
