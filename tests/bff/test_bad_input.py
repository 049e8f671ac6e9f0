"""Whatever a client sends: a typed refusal, a 4xx where HTTP asks for one, and nothing written.

The second half sends odd values to every field of the schema, the ones of later modules included.
"""

import base64
import contextlib
import random
import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
)

from bff.schema.build import build_schema
from core.clock import ManualClock
from core.database import connection, fetch_all
from core.manifest import discover
from core.queue.jobs import GiveUp
from core.security.authentication import Viewer
from core.upstream.exchange import UpstreamError
from tests.asgi import Answer, Client

JSON = {"content-type": "application/json"}
SERVICES = b'{"query": "{ services { id } }"}'
QUIETLY_WRITTEN = {"core_rate_counter"}
"""Attempts are counted, also those that are refused."""


async def _rows() -> dict[str, int]:
    """How many rows each table holds."""
    tables = await fetch_all(
        connection(), "SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public'"
    )
    counts = (
        f"SELECT '{table['relname']}' AS name, count(*) AS n FROM \"{table['relname']}\""
        for table in tables
        if table["relname"] not in QUIETLY_WRITTEN
    )
    rows = await fetch_all(connection(), " UNION ALL ".join(counts))
    return {row["name"]: int(row["n"]) for row in rows}


def _tells_nothing(answer: Answer) -> None:
    # tickets and challenges are random letters, which spell anything in time
    text = re.sub(r"[\w-]{40,}", "", answer.body.decode()).lower()
    # told outside production alone
    text = re.sub(r'"calls":\{"sql":\d+,"upstream":\d+,"systems":\[[^]]*\]\}', "", text)
    for word in ("traceback", "asyncpg", "tortoise", "sql", "/core/", "/bff/", "exception"):
        assert word not in text, text[:500]


def _query(text: str) -> bytes:
    return orjson.dumps({"query": text})


DEEP = "{ __schema { types { " + "fields { type { " * 60 + "name" + " } }" * 60 + " } } }"
WIDE = "{ " + " ".join(f"a{number}: services {{ id name }}" for number in range(3_000)) + " }"
FRAGMENTS = "{ ...F0 } " + " ".join(
    f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40)
)
FRAGMENTS += " fragment F40 on Query { services { id } }"

BAD_REQUESTS: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", JSON),
    "half a JSON": (b'{"query": "{ services', JSON),
    "no JSON": (b"query { services { id } }", JSON),
    "a JSON list": (b"[" + SERVICES + b"]", JSON),
    "a JSON text": (b'"{ services { id } }"', JSON),
    "endless nesting": (b"[" * 50_000, JSON),
    "no query": (b"{}", JSON),
    "a query that is a number": (b'{"query": 7}', JSON),
    "variables that are a list": (b'{"query": "{ services { id } }", "variables": []}', JSON),
    "invalid UTF-8": (b'{"query": "{ services { id } } # \xff\xfe"}', JSON),
    "half a surrogate": (b'{"query": "{ service(id: \\"\\\\ud800\\") { id } }"}', JSON),
    "UTF-16": ('{"query": "{ services { id } }"}'.encode("utf-16"), JSON),
    "another charset": (SERVICES, {"content-type": "application/json; charset=gbk"}),
    "no content type": (SERVICES, {"content-type": ""}),
    "a form": (
        b"query=%7Bservices%7Bid%7D%7D",
        {"content-type": "application/x-www-form-urlencoded"},
    ),
    "text": (SERVICES, {"content-type": "text/plain"}),
    "an upload": (SERVICES, {"content-type": "multipart/form-data; boundary=x"}),
    "a megabyte": (_query("{ services { id } } #" + "x" * 1_000_000), JSON),
    "a megabyte of variables": (
        orjson.dumps({"query": "{ services { id } }", "variables": {"x": "y" * 1_000_000}}),
        JSON,
    ),
    "deep": (_query(DEEP), JSON),
    "wide": (_query(WIDE), JSON),
    "fragments that double": (_query(FRAGMENTS), JSON),
    "fragments in a ring": (_query("{ ...A } fragment A on Query { ...A }"), JSON),
    "an unknown field": (_query("{ everything }"), JSON),
    "no such document": (orjson.dumps({"documentId": "sha256:" + "0" * 64}), JSON),
    "a syntax error": (_query("{ services { id }"), JSON),
    "a NUL in the variables": (
        _query("query Q($id: ID!) { service(id: $id) { id } }")[:-1]
        + b', "variables": {"id": "\\u0000"}}',
        JSON,
    ),
    "a NUL in the document": (_query('{ service(id: "\\u0000") { id } }'), JSON),
    "another NUL in the document": (_query('{ service(id: "\\u{00}") { id } }'), JSON),
    "two operations, none named": (_query("query A { __typename } query B { __typename }"), JSON),
}


@pytest.mark.parametrize("kind", BAD_REQUESTS)
async def test_a_bad_request_is_a_4xx(client: Client, kind: str) -> None:
    body, headers = BAD_REQUESTS[kind]
    accept = {"accept": "application/graphql-response+json"}
    before = await _rows()
    answer = await client.post(body, headers=headers | accept)
    assert 400 <= answer.status < 500, (answer.status, answer.body[:300])
    assert answer.json["errors"]
    assert "data" not in answer.json
    assert "INTERNAL_ERROR" not in answer.codes
    _tells_nothing(answer)
    assert await _rows() == before


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_no_graphql(client: Client, method: str) -> None:
    assert (await client.request(method, "/graphql", SERVICES, headers=JSON)).status == 405


async def test_a_mutation_by_get_is_refused(client: Client) -> None:
    target = "/graphql?query=mutation%7B__typename%7D"
    answer = await client.request("GET", target, headers={"accept": "application/json"})
    assert answer.status == 405


def _tokens(client: Client, viewer: Viewer) -> Iterator[str]:
    good = client.app.tokens.issue(viewer)
    head, body, signature = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    yield f"Bearer {none}.{body}."
    yield f"Bearer {head}.{body}.{signature[:-4]}AAAA"
    yield f"Bearer {head}.{body}"
    yield "Bearer "
    yield "Bearer é"
    yield "Basic YWRtaW46YWRtaW4="
    yield good
    yield "Bearer " + "[" * 50_000


async def test_a_forged_token_is_a_401(
    client: Client, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    for authorization in _tokens(client, await citizen()):
        answer = await client.post(SERVICES, headers=JSON | {"authorization": authorization})
        assert (answer.status, answer.codes) == (401, ["SESSION_EXPIRED"]), authorization[:80]
        _tells_nothing(answer)


SCHEMA: GraphQLSchema = build_schema(discover(examples=True))._schema
ODD: dict[str, list[Any]] = {
    "String": [
        "",
        " ",
        "\x00",
        "a\x00b",
        "x" * 20_000,
        "𠮷🚰\u202e",
        "'; DROP TABLE core_consent; --",
        "../..",
    ],
    "ID": ["", "\x00", "0", "x" * 20_000, "00000000-0000-0000-0000-000000000000", "水", "%2e%2e"],
    "Int": [0, -1, 1, 101, 2**31 - 1, -(2**31), 2**31, 2**63, 1.5, "1", True],
    "Float": [0, -1.5, 1e308, "NaN", None],
    "Boolean": [True, False, "true"],
    "Fen": [-1, 0.5, 1.0, "100", 10**16, 2**63, True],
    "DateTime": ["2026-11-23T12:00:00", "2026-11-23", "now", "", 0, "9999-12-31T23:59:59-23:59"],
    "Date": [
        *("2026-02-30", "0000-00-00", "", "2026-11-23T12:00:00Z", 0, "20261130", "2026-W49-1"),
        *("0001-01-01", "1899-12-31", "2199-12-31", "2200-01-01", "9999-12-31", "2026-11-30"),
    ],
}


def _odd(kind: GraphQLInputType, draw: random.Random) -> Any:
    """A value that a careless or hostile client may send for this type."""
    if isinstance(kind, GraphQLNonNull):
        return _odd(kind.of_type, draw)
    if isinstance(kind, GraphQLList):
        return [_odd(kind.of_type, draw) for _ in range(draw.choice((0, 1, 3)))]
    if isinstance(kind, GraphQLEnumType):
        return draw.choice([*kind.values, "NO_SUCH"])
    if isinstance(kind, GraphQLInputObjectType):
        return {name: _odd(field.type, draw) for name, field in kind.fields.items()}
    if draw.random() < 0.05:
        return None
    return draw.choice(ODD.get(kind.name, ODD["String"]))


def _operation(kind: str, name: str, field: GraphQLField, draw: random.Random) -> dict[str, Any]:
    declared = ", ".join(f"${arg}: {spec.type}" for arg, spec in field.args.items())
    given = ", ".join(f"{arg}: ${arg}" for arg in field.args)
    selection = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
    query = f"{kind} Odd({declared}) {{ {name}({given}){selection} }}"
    if not field.args:
        query = f"{kind} Odd {{ {name}{selection} }}"
    variables = {arg: _odd(spec.type, draw) for arg, spec in field.args.items()}
    if "idempotencyKey" in variables and draw.random() < 0.8:
        variables["idempotencyKey"] = f"odd-key-{draw.randrange(10**9)}"
    return {"query": query, "variables": variables}


_PARTS = 12
"""So many databases; each field has somebody of its own all the same."""


def _fields() -> list[tuple[str, str]]:
    kinds = {"query": SCHEMA.query_type, "mutation": SCHEMA.mutation_type}
    return [(kind, name) for kind, root in kinds.items() if root for name in root.fields]


@pytest.mark.parametrize("part", range(_PARTS))
async def test_odd_values_are_refused_by_every_field(
    client: Client, clock: ManualClock, citizen: Callable[..., Awaitable[Viewer]], part: int
) -> None:
    for kind, name in _fields()[part::_PARTS]:
        clock.move(timedelta(hours=1))  # the limits of somebody new
        await _send_odd_values(client, await citizen(), kind, name)
    await _assert_no_job_fails(client)


async def _send_odd_values(client: Client, viewer: Viewer, kind: str, name: str) -> None:
    root = SCHEMA.query_type if kind == "query" else SCHEMA.mutation_type
    assert root is not None
    draw = random.Random(f"{kind} {name}")
    before = await _rows()
    for round_ in range(24):
        operation = _operation(kind, name, root.fields[name], draw)
        token = client.token(viewer) if round_ % 4 else {}
        answer = await client.post(orjson.dumps(operation), headers=token)
        assert answer.status in (200, 400, 413), (answer.status, operation, answer.body)
        assert "INTERNAL_ERROR" not in answer.codes, (operation, answer.body)
        _tells_nothing(answer)
        result = (answer.json.get("data") or {}).get(name)
        if kind == "mutation" and not _is_refusal(result):
            before = await _rows()  # it was good input after all
    assert await _rows() == before, (kind, name)


async def _assert_no_job_fails(client: Client) -> None:
    """What was taken in must not fail later: run what it left in the queue, once."""
    app = client.app
    for row in await fetch_all(connection(), "SELECT entrypoint, payload FROM pgqueuer"):
        job = app.queue.kinds[row["entrypoint"]]
        with contextlib.suppress(UpstreamError, GiveUp):  # nobody answers in these tests
            await job.run(app, row["payload"] or b"{}")


def _is_refusal(result: Any) -> bool:
    if result is None:
        return True
    found = SCHEMA.type_map[result["__typename"]]
    return "Refusal" in {interface.name for interface in getattr(found, "interfaces", ())}
