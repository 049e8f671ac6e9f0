"""`@defer`: in parts for who asks, whole for everybody else; masked, in time, within all limits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import strawberry

from bff.app import Api, make_edge
from bff.request.negotiation import Dialect, negotiate_parts
from bff.schema.build import allow_defer
from bff.trusted.documents import document_of, gather
from bff.trusted.shipped import document_id
from core.context.app import App
from core.errors import Conflict
from core.refusal_texts import ILLEGAL_STATE
from core.settings import Settings
from tests.machine import PATIENCE_S

SECRET = "resident 11010519491231002X"
PARTS = "multipart/mixed"
OLDER = "multipart/mixed;deferSpec=20220824,application/json"


class Gate:
    """What a late field waits for."""

    def __init__(self) -> None:
        self.open = asyncio.Event()


GATE = Gate()


@strawberry.type
class Card:
    """A card with a slow part."""

    name: str

    @strawberry.field
    async def late(self) -> str:
        await GATE.open.wait()
        return f"{self.name}, at last"

    @strawberry.field
    async def broken(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    async def broken_for_good(self) -> str:
        raise RuntimeError(SECRET)

    @strawberry.field
    async def refused(self) -> str | None:
        raise Conflict(ILLEGAL_STATE)


@strawberry.type
class Query:
    """Cards."""

    @strawberry.field
    def card(self) -> Card:
        return Card(name="fund")

    @strawberry.field
    def cards(self, first: int = 2) -> list[Card]:
        return [Card(name=f"card {number}") for number in range(first)]


@strawberry.type
class Mutation:
    """A root that must not be deferred."""

    @strawberry.mutation
    def touch(self) -> Card:
        return Card(name="touched")


SCHEMA = allow_defer(strawberry.Schema(Query, Mutation))
SOURCE = 'query Cards { card { name ... @defer(label: "rest") { late } } }'
DATA = {"card": {"name": "fund", "late": "fund, at last"}}


@pytest.fixture(autouse=True)
def shut() -> None:
    GATE.open = asyncio.Event()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"requests_per_person_at_once": 1, "rate_address": 0})


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def url_of(app: App, serve: Callable[[Any], Awaitable[str]]) -> Callable[..., Awaitable[str]]:
    async def start(*, trusted_only: bool = False) -> str:
        documents = gather([document_of("cards.graphql", SOURCE)], {})
        api = Api()
        api.open(make_edge(app, SCHEMA, documents, trusted_only=trusted_only))
        return await serve(api) + "/graphql"

    return start


@pytest.fixture
async def url(url_of: Callable[..., Awaitable[str]]) -> str:
    return await url_of()


class Answer:
    """An answer in parts, read as they come."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self._reader = aiohttp.MultipartReader.from_response(response)

    async def part(self) -> Any:
        """The next part; None at the end."""
        async with asyncio.timeout(PATIENCE_S):
            part = await self._reader.next()
            return None if part is None else await part.json()

    async def rest(self) -> list[Any]:
        """Every part that is left; the last says that it is the last."""
        found = []
        while (part := await self.part()) is not None:
            found.append(part)
        assert [part["hasNext"] for part in found] == [True] * (len(found) - 1) + [False]
        return found


async def ask(
    session: aiohttp.ClientSession, url: str, query: str, accept: str = PARTS, **more: Any
) -> Answer:
    response = await session.post(url, json={"query": query} | more, headers={"Accept": accept})
    assert response.status == 200, await response.text()
    assert response.headers["Content-Type"].startswith('multipart/mixed; boundary="-"; ')
    assert response.headers["Cache-Control"] == "private, no-store"
    return Answer(response)


async def whole(
    session: aiohttp.ClientSession, url: str, query: str, accept: str = "application/json"
) -> Any:
    async with session.post(url, json={"query": query}, headers={"Accept": accept}) as response:
        assert response.headers["Content-Type"].startswith("application/")
        return await response.json(content_type=None)


async def test_the_first_part_does_not_wait_for_the_rest(
    session: aiohttp.ClientSession, url: str
) -> None:
    answer = await ask(session, url, SOURCE)
    first = await answer.part()
    assert first.pop("extensions") == {"cost": {"requested": 2}}
    assert first == {
        "data": {"card": {"name": "fund"}},
        "pending": [{"id": "0", "path": ["card"], "label": "rest"}],
        "hasNext": True,
    }
    GATE.open.set()
    rest = await answer.rest()
    assert [more for part in rest for more in part.get("incremental", ())] == [
        {"id": "0", "data": {"late": "fund, at last"}}
    ]
    assert [done for part in rest for done in part.get("completed", ())] == [{"id": "0"}]


async def test_released_apollo_clients_are_told_paths(
    session: aiohttp.ClientSession, url: str
) -> None:
    answer = await ask(session, url, SOURCE, OLDER)
    assert answer.response.headers["Content-Type"].endswith("deferSpec=20220824")
    first = await answer.part()
    assert (first["data"], first["hasNext"]) == ({"card": {"name": "fund"}}, True)
    assert "pending" not in first
    GATE.open.set()
    rest = await answer.rest()
    assert [more for part in rest for more in part.get("incremental", ())] == [
        {"data": {"late": "fund, at last"}, "path": ["card"], "label": "rest"}
    ]
    assert not any("completed" in part for part in rest)


@pytest.mark.parametrize("accept", [PARTS, OLDER])
async def test_parts_of_a_list_make_the_whole(
    session: aiohttp.ClientSession, url: str, accept: str
) -> None:
    query = "{ cards(first: 3) { ... @defer { late } name } }"
    GATE.open.set()
    expected = (await whole(session, url, query))["data"]
    answer = await ask(session, url, query, accept)
    first = await answer.part()
    data, paths = first["data"], {p["id"]: p["path"] for p in first.get("pending", ())}
    assert "late" not in str(data)
    for part in await answer.rest():
        for more in part.get("incremental", ()):
            place = data
            for step in more.get("path") or paths[more["id"]]:
                place = place[step]
            place |= more["data"]
    assert data == expected


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "application/graphql-response+json",
        "*/*",
        "application/json, multipart/mixed;q=0.9",
        "application/json, multipart/mixed;q=0",
        "application/json, multipart/mixed;subscriptionSpec=1.0",
        "application/json, multipart/mixed;deferSpec=20190101",
    ],
)
async def test_who_does_not_ask_for_parts_gets_the_whole(
    session: aiohttp.ClientSession, url: str, accept: str
) -> None:
    GATE.open.set()
    answer = await whole(session, url, SOURCE, accept)
    assert answer["data"] == DATA
    assert "hasNext" not in answer


@pytest.mark.parametrize(
    ("accept", "dialect"),
    [
        ("multipart/mixed", Dialect.V0_2),
        ("multipart/mixed;incrementalSpec=v0.2, application/json", Dialect.V0_2),
        ("application/json, Multipart/Mixed; boundary=x", Dialect.V0_2),
        ("multipart/mixed;deferSpec=20220824,application/json;q=0.9", Dialect.APOLLO_2022),
        ('multipart/mixed;subscriptionSpec="1.0", multipart/mixed', Dialect.V0_2),
        ("multipart/mixed;deferSpec=20220824;incrementalSpec=v0.2", None),
        ("multipart/mixed;q=x", None),
        ("multipart/mixed" + " " * 2_000, None),
        (None, None),
    ],
)
def test_which_parts_a_client_takes(accept: str | None, dialect: Dialect | None) -> None:
    assert negotiate_parts(accept) is dialect


async def test_subscriptions_and_events_come_as_they_did(
    session: aiohttp.ClientSession, url: str
) -> None:
    GATE.open.set()
    headers = {"Accept": "text/event-stream, multipart/mixed"}
    async with session.post(url, json={"query": SOURCE}, headers=headers) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert b"fund, at last" in await response.read()


async def test_nothing_to_defer_is_one_part(session: aiohttp.ClientSession, url: str) -> None:
    GATE.open.set()
    query = "query ($later: Boolean!) { card { name ... @defer(if: $later) { late } } }"
    answer = await ask(session, url, query, variables={"later": False})
    (part,) = await answer.rest()
    assert part["data"] == DATA
    assert "pending" not in part


@pytest.mark.parametrize("accept", [PARTS, OLDER])
@pytest.mark.parametrize("field", ["broken", "brokenForGood"])
async def test_a_deferred_defect_is_masked(
    session: aiohttp.ClientSession, url: str, accept: str, field: str
) -> None:
    answer = await ask(session, url, f"{{ card {{ name ... @defer {{ {field} }} }} }}", accept)
    parts = [await answer.part(), *await answer.rest()]
    assert SECRET not in str(parts) and "RuntimeError" not in str(parts)
    told = [
        error
        for part in parts
        for more in (*part.get("incremental", ()), *part.get("completed", ()))
        for error in more.get("errors", ())
    ]
    (error,) = told
    assert error["extensions"]["code"] == "INTERNAL_ERROR"
    assert error["path"] == ["card", field]


async def test_a_deferred_refusal_is_told(session: aiohttp.ClientSession, url: str) -> None:
    answer = await ask(session, url, "{ card { ... @defer { refused } } }")
    await answer.part()
    (increment,) = [more for part in await answer.rest() for more in part.get("incremental", ())]
    assert increment["data"] == {"refused": None}
    assert increment["errors"][0]["extensions"]["code"] == "ILLEGAL_STATE"


class TestInTime:
    """A deadline of a moment."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"request_deadline_s": 0.3})

    async def test_what_is_not_ready_at_the_deadline_is_given_up(
        self, session: aiohttp.ClientSession, url: str
    ) -> None:
        answer = await ask(session, url, "{ cards { name ... @defer { late } } }")
        first = await answer.part()
        (last,) = await answer.rest()
        assert {done["id"] for done in last["completed"]} == {p["id"] for p in first["pending"]}
        codes = {done["errors"][0]["extensions"]["code"] for done in last["completed"]}
        assert codes == {"DEADLINE_PASSED"}

    async def test_so_is_an_answer_whose_first_part_is_late(
        self, session: aiohttp.ClientSession, url: str
    ) -> None:
        answer = await ask(session, url, "{ card { late ... @defer { name } } }")
        (only,) = await answer.rest()
        assert only["errors"][0]["extensions"]["code"] == "DEADLINE_PASSED"


async def test_a_request_is_under_way_until_its_last_part(
    session: aiohttp.ClientSession, url: str
) -> None:
    answer = await ask(session, url, SOURCE)
    await answer.part()
    refused = await whole(session, url, "{ card { name } }")
    assert refused["errors"][0]["extensions"]["code"] == "TOO_MANY_AT_ONCE"
    GATE.open.set()
    await answer.rest()
    assert (await whole(session, url, "{ card { name } }"))["data"] == {"card": {"name": "fund"}}


@pytest.mark.parametrize(
    "query",
    [
        "{ cards(first: 100000) { ... @defer { late } } }",
        "mutation { ... @defer { touch { name } } }",
        "{ cards @stream { name } }",
        "query ($x: Int!) { cards(first: $x) { ... @defer { late } } }",
    ],
    ids=["too costly", "a mutation's root", "@stream", "variables that do not fit"],
)
async def test_what_is_refused_whole_is_refused_in_parts(
    session: aiohttp.ClientSession, url: str, query: str
) -> None:
    accept = "multipart/mixed, application/graphql-response+json"
    async with session.post(url, json={"query": query}, headers={"Accept": accept}) as response:
        assert response.status == 400
        assert response.headers["Content-Type"].startswith("application/graphql-response+json")
        assert "data" not in await response.json(content_type=None)


async def test_production_defers_in_trusted_documents_alone(
    session: aiohttp.ClientSession, url_of: Callable[..., Awaitable[str]]
) -> None:
    url = await url_of(trusted_only=True)
    GATE.open.set()
    headers = {"Accept": PARTS}
    body = {"documentId": document_id(SOURCE)}
    async with session.post(url, json=body, headers=headers) as response:
        answer = Answer(response)
        first = await answer.part()
        assert (first["data"], "extensions" in first) == ({"card": {"name": "fund"}}, False)
        await answer.rest()
    async with session.post(url, json={"query": SOURCE}, headers=headers) as response:
        assert response.status == 400
    async with session.post(url, json=body) as response:
        assert (await response.json(content_type=None))["data"] == DATA
