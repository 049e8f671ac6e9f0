"""GraphQL over HTTP beyond the audits: who asks, what is kept, what a defect of the edge tells."""

import gzip
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from urllib.parse import quote

import orjson
import pytest

from bff.limits.admission import Gate, Priority
from bff.request.negotiation import EVENTS, GRAPHQL_JSON, JSON, negotiate
from bff.transports.endpoint import Edge
from core.context.app import App
from core.settings import Settings
from tests.asgi import Client
from tests.bff.probes import SECRET, STATE, probe_edge


@pytest.fixture
def edge(app: App) -> Iterator[Edge]:
    opened = probe_edge(app)
    yield opened
    opened.drain()


@pytest.fixture
def client(edge: Edge) -> Client:
    return Client(edge)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", GRAPHQL_JSON),
        ("text/*", EVENTS),
        ("text/html, */*;q=0.1", JSON),
        ("application/json;q=0.5, application/graphql-response+json", GRAPHQL_JSON),
        ("application/json, application/graphql-response+json", JSON),
        ("TEXT/EVENT-STREAM", EVENTS),
        ("application/json;q=0", None),
        ("application/json;q=much", None),
        ("image/png", None),
        (",;,", None),
        ("application/json" + "," * 2_000, JSON),
    ],
)
def test_the_form_that_a_client_likes_best(accept: str | None, chosen: str | None) -> None:
    assert negotiate(accept) == chosen


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, "10.9.9.9", "127.0.0.1"),
        (1, "10.9.9.9", "10.9.9.9"),
        (1, "10.6.6.6, 10.9.9.9", "10.9.9.9"),
        (2, "10.6.6.6, 10.9.9.9, 10.0.0.2", "10.9.9.9"),
        (2, "10.9.9.9", "127.0.0.1"),
    ],
    ids=["no proxy", "one", "one, and a forged entry", "two, and a forged entry", "one of two"],
)
async def test_the_address_is_what_the_outermost_proxy_saw(
    app: App, proxies: int, forwarded: str, seen: str
) -> None:
    behind = replace(app, settings=app.settings.model_copy(update={"trusted_proxies": proxies}))
    client = Client(probe_edge(behind))
    answer = await client.run("{ address }", headers={"x-forwarded-for": forwarded})
    assert answer.json["data"] == {"address": seen}


async def test_a_request_keeps_its_id(client: Client) -> None:
    answer = await client.run("{ requestId }", headers={"x-request-id": "from-the-gateway"})
    assert answer.json["data"] == {"requestId": "from-the-gateway"}
    one, other = [(await client.data("{ requestId }"))["requestId"] for _ in range(2)]
    assert one != other


async def test_a_large_answer_is_packed_for_who_takes_it(client: Client) -> None:
    query = "{ long(length: 2000) }"
    plain = await client.run(query)
    packed = await client.run(query, headers={"accept-encoding": "br, gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 10
    assert orjson.loads(gzip.decompress(packed.body))["data"] == plain.json["data"]
    small = await client.run("{ quick }", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in small.headers
    for answer in (plain, packed, small):
        assert answer.headers["cache-control"] == "private, no-store"
        assert "accept-encoding" in answer.headers["vary"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("query=%7Bquick%7D", 200),
        ("query=%7Bquick%7D&variables=%7B", 400),
        ("query=%7Bquick%7D&variables=%5B%5D", 400),
        ("query=%7Bquick%7D&extensions=x", 400),
        ("query=" + quote("mutation { outlast }"), 405),
        ("query=" + quote("subscription { ticks { number } }"), 406),
        ("query=%7Bquick%7D#" + "x" * 101_000, 200),
        ("query=%7Bquick%7D&pad=" + "x" * 101_000, 414),
    ],
    ids=lambda part: part[:40] if isinstance(part, str) else None,
)
async def test_what_goes_by_get(client: Client, query: str, status: int) -> None:
    headers = {"accept": GRAPHQL_JSON}
    answer = await client.request("GET", f"/graphql?{query}", headers=headers)
    assert answer.status == status
    assert status != 405 or answer.headers["allow"] == "POST"
    assert STATE.ended == [], "nothing was changed"


class BrokenGate(Gate):
    """An admission with a defect."""

    def entered(self, priority: Priority, who: str) -> AbstractContextManager[None]:
        """See Gate."""
        raise RuntimeError(SECRET)


async def test_a_defect_of_the_edge_itself_is_a_500_with_a_number(edge: Edge) -> None:
    client = Client(replace(edge, gate=BrokenGate(Settings())))
    answer = await client.run("{ quick }")
    assert (answer.status, answer.codes) == (500, ["INTERNAL_ERROR"])
    assert answer.json["errors"][0]["extensions"]["errorId"]
    assert SECRET.encode() not in answer.body
