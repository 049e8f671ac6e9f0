"""GraphQL over HTTP beyond the audits: who asks, what is kept, what a defect of the edge tells."""

import gzip
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from urllib.parse import quote

import orjson
import pytest
from starlette.requests import Request

from bff.limits.admission import Gate, Priority
from bff.request.context import caller_of, headers_of
from bff.request.negotiation import EVENTS, GRAPHQL_JSON, JSON, negotiate
from bff.transports.endpoint import Edge, Pings
from core.context.app import App
from core.context.http import address_of
from core.settings import Settings
from tests.asgi import Client, scope_of
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
        (1, "", "127.0.0.1"),
        (1, "somebody", "127.0.0.1"),
        (1, "10.9.9.9:5678", "10.9.9.9"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (1, "[2001:db8:1:2::9]:443", "2001:db8:1:2::"),
        (1, "::ffff:10.9.9.9", "10.9.9.9"),
    ],
)
async def test_the_address_is_what_the_outermost_proxy_saw(
    app: App, proxies: int, forwarded: str, seen: str
) -> None:
    behind = replace(app, settings=app.settings.model_copy(update={"trusted_proxies": proxies}))
    client = Client(probe_edge(behind))
    answer = await client.run("{ address }", headers={"x-forwarded-for": forwarded})
    assert answer.json["data"] == {"address": seen}


@pytest.mark.parametrize(
    ("proxies", "seen"), [(0, "127.0.0.1"), (1, "10.0.0.2"), (2, "10.9.9.9"), (4, "127.0.0.1")]
)
async def test_a_proxy_may_add_a_line_of_its_own_to_what_a_client_claims(
    app: App, proxies: int, seen: str
) -> None:
    """At every door: a client cannot choose by which address it is counted."""
    behind = replace(app, settings=app.settings.model_copy(update={"trusted_proxies": proxies}))
    scope = scope_of("http", "GET", "/graphql?query=%7Baddress%7D", {})
    for line in (b"10.6.6.6", b"10.9.9.9", b"10.0.0.2"):
        scope["headers"].append((b"x-forwarded-for", line))
    assert caller_of(scope, headers_of(scope), trusted_proxies=proxies).address == seen
    assert address_of(behind, Request(scope)) == seen


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


@pytest.mark.parametrize(
    "pad", ["", "&" + "&".join(f"a{n}=1" for n in range(19))], ids=["bare", "padded"]
)
async def test_head_is_get_without_the_body(client: Client, pad: str) -> None:
    target = f"/graphql?query=%7Bquick%7D{pad}"
    got = await client.request("GET", target)
    head = await client.request("HEAD", target)
    assert (head.status, head.body) == (200, b"")
    assert head.headers | {"ratelimit": ""} == got.headers | {"ratelimit": ""}
    change = await client.request("HEAD", "/graphql?query=" + quote("mutation { outlast }"))
    assert (change.status, change.body, STATE.ended) == (405, b"", [])
    body = orjson.dumps({"query": "mutation { outlast }"})
    follow = "/graphql?query=" + quote("subscription { ticks { number } }")
    stream = await client.request("HEAD", follow, headers={"accept": EVENTS})
    assert (stream.status, stream.body, STATE.begun) == (405, b"", 0), "it would never end"
    as_post = await client.request("HEAD", "/graphql", body, headers={"content-type": JSON})
    assert (as_post.status, STATE.ended) == (400, [])


async def test_too_many_parameters_are_a_400(client: Client) -> None:
    target = "/graphql?query=%7Bquick%7D&" + "&".join(f"a{n}=1" for n in range(30))
    assert (await client.request("GET", target)).status == 400


async def test_nothing_acceptable_says_so_in_json(client: Client) -> None:
    answer = await client.run("{ quick }", headers={"accept": "image/png"})
    assert (answer.status, answer.codes) == (406, ["BAD_REQUEST"])
    assert answer.headers["content-type"].startswith(JSON)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json;charset=UTF8", 200),
        ('application/json; charset="utf-8"; v=1', 200),
        ("application/json; charset=utf-16", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
    ],
)
async def test_only_json_is_taken_which_no_page_sends_unasked(
    client: Client, content_type: str, status: int
) -> None:
    """A page of another origin sends the other types without asking the server first."""
    answer = await client.run("{ quick }", headers={"content-type": content_type})
    assert answer.status == status


FORGED = 'a\nevent: next\ndata: {"data":{"quick":"FORGED"}}\n\n'


@pytest.mark.parametrize(
    "event_id",
    [
        *("abc", FORGED, f"{'0' * 32}.{FORGED}", "{" + "0" * 32 + "}", "0" * 32 + ".zzzzzzzz"),
        "urn:uuid:00000000-0000-0000-0000-000000000000",
    ],
)
async def test_an_event_id_that_is_none_of_ours_is_not_sent_back(edge: Edge, event_id: str) -> None:
    body = {"query": "subscription { ticks { number } }"}
    extensions = {"lastEventId": event_id}
    client = Client(replace(edge, pings=Pings(first_s=0.01, every_s=0.01)))
    async with client.events(orjson.dumps(body | {"extensions": extensions})) as chunks:
        received = b"".join([await chunks.get() for _ in range(3)])
    assert b"FORGED" not in received
    assert b"id:" not in received, "a stream without positions has none"


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
