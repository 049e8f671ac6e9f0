"""Who may keep an answer: public documents by GET with a strong tag, everything else nobody."""

import gzip
import time
from urllib.parse import quote

import orjson
import pytest
import strawberry
from graphql import get_operation_ast, parse

from bff.app import edge_of, make_edge
from bff.edge import Edge
from bff.public import public_age_s
from bff.schema import build_schema
from bff.shipped import document_id
from bff.trusted import Documents, TrustedDocument
from core.app import App
from core.auth import Viewer
from core.graphql import Info, public
from core.ids import new_id
from core.manifest import Manifest
from tests.asgi import Answer, Client

PUBLIC = "query Notices { notices { text shown } }"
MIXED = "query Mixed { notices { text } me }"
NESTED = "query Nested { notices { text mine } }"
FRAGMENT = "query Hidden { ...F } fragment F on Query { notices { ... on Notice { mine } } }"


@strawberry.type
class Notice:
    """Something the city tells everybody."""

    text: str

    @strawberry.field(metadata=public(60))
    def shown(self) -> bool:
        return True

    @strawberry.field
    def mine(self, info: Info) -> bool:
        """Looks at who asks, and says nothing of being public."""
        return info.context.viewer is not None


@strawberry.type
class Query:
    """A public field and one of the viewer's own."""

    @strawberry.field(metadata=public(30))
    def notices(self, info: Info) -> list[Notice]:
        if info.context.viewer is not None:
            raise AssertionError("a public answer is made for a stranger")
        return [Notice(text="停水通知 Water is off on Monday. " * 40)]

    @strawberry.field
    def me(self, info: Info) -> str:
        return str(info.context.require_viewer().user_id)


SCHEMA = strawberry.Schema(Query)


@pytest.fixture
def client(app: App) -> Client:
    found = [
        TrustedDocument(document_id(source), source.split()[1], "tests", source, {})
        for source in (PUBLIC, MIXED)
    ]
    documents = Documents({d.id: d for d in found}, {d.name: d for d in found})
    return Client(make_edge(app, SCHEMA, documents, trusted_only=True))


async def get(client: Client, source: str, headers: dict[str, str] | None = None) -> Answer:
    target = f"/graphql?documentId={quote(document_id(source))}"
    return await client.request("GET", target, headers=headers)


def age_s(source: str) -> int | None:
    document = parse(source)
    operation = get_operation_ast(document)
    assert operation is not None
    return public_age_s(SCHEMA._schema, document, operation)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (PUBLIC, 30),
        (MIXED, None),
        (NESTED, None),
        (FRAGMENT, None),
        ("{ __typename }", None),
        ("{ __schema { description } }", None),
        ("mutation { notices { text } }", None),
    ],
)
def test_public_is_what_says_so_in_every_field(source: str, expected: int | None) -> None:
    assert age_s(source) == expected


def test_no_field_of_the_city_that_looks_at_the_viewer_is_public(
    manifests: tuple[Manifest, ...], app: App
) -> None:
    """Of all trusted documents, those that anybody may keep name public fields alone."""
    edge = edge_of(app)
    shared = {
        prepared.name
        for document_id in edge.documents.by_id
        for prepared in edge.library.operations(document_id).values()
        if prepared.public_age_s is not None
    }
    assert shared == {"catalogue"}
    schema = build_schema(app.manifests)._schema
    for name in ("{ home { sections { id } } }", "{ viewer { __typename } }"):
        document = parse(name)
        operation = get_operation_ast(document)
        assert operation is not None
        assert public_age_s(schema, document, operation) is None


async def test_a_public_answer_may_be_kept_and_is_confirmed_by_its_tag(client: Client) -> None:
    first = await get(client, PUBLIC)
    assert first.status == 200
    assert first.headers["cache-control"] == "public, max-age=30"
    assert "accept-language" in first.headers["vary"]
    tag = first.headers["etag"]
    assert tag.startswith('"') and tag.endswith('"')
    again = await get(client, PUBLIC, {"if-none-match": f'"other", {tag}'})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    changed = await get(client, PUBLIC, {"if-none-match": '"other"'})
    assert changed.body == first.body


async def test_a_confirmation_takes_less_than_a_millisecond(client: Client) -> None:
    tag = (await get(client, PUBLIC)).headers["etag"]
    took_s = []
    for _ in range(50):
        started_s = time.process_time()
        assert (await get(client, PUBLIC, {"if-none-match": tag})).status == 304
        took_s.append(time.process_time() - started_s)
    assert sorted(took_s)[25] < 0.001


async def test_whoever_asks_gets_what_a_stranger_gets(client: Client, app: App) -> None:
    viewer = Viewer(new_id(), new_id(), 2, frozenset(), app.clock.now())
    signed_in = await get(client, PUBLIC, client.token(viewer))
    assert signed_in.body == (await get(client, PUBLIC)).body
    assert "errors" not in signed_in.json


async def test_nobody_keeps_an_answer_with_something_of_a_persons(client: Client, app: App) -> None:
    viewer = Viewer(new_id(), new_id(), 2, frozenset(), app.clock.now())
    for answer in (
        await get(client, MIXED, client.token(viewer)),
        await client.post(orjson.dumps({"documentId": document_id(PUBLIC)})),
    ):
        assert answer.headers["cache-control"] == "private, no-store"
        assert "etag" not in answer.headers


async def test_each_form_of_an_answer_has_its_own_tag(client: Client) -> None:
    plain = await get(client, PUBLIC)
    packed = await get(client, PUBLIC, {"accept-encoding": "br, gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["etag"] != plain.headers["etag"]
    refused = await get(client, PUBLIC, {"accept-encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers


async def test_languages_have_answers_of_their_own(edge: Edge) -> None:
    client = Client(edge)
    target = f"/graphql?documentId={quote(edge.documents.by_name['catalogue'].id)}"
    chinese, english = [
        await client.request("GET", target, headers={"accept-language": language})
        for language in ("zh-CN", "en")
    ]
    assert chinese.headers["etag"] != english.headers["etag"]
    assert english.json["data"]["services"][0]["name"].isascii()
