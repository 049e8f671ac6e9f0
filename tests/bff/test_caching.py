"""Who may keep an answer: public documents by GET with a strong tag, everything else nobody."""

import gzip
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import orjson
import pytest
import strawberry
from graphql import (
    GraphQLField,
    get_named_type,
    get_operation_ast,
    is_composite_type,
    parse,
    validate,
)

from bff.app import make_edge
from bff.compiler.schema_facts import attribute_read, strawberry_field
from bff.execution.executor import Executor
from bff.limits.admission import Priority
from bff.schema.build import build_schema
from bff.transports.endpoint import Edge
from bff.trusted.documents import document_of, gather
from bff.trusted.library import Prepared
from bff.trusted.public import PublicAnswers, public_age_s
from bff.trusted.shipped import document_id
from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.graphql import PUBLIC_KEY, Info, anybody, public, rule_of
from core.ids import new_id
from core.manifest import discover
from core.security.authentication import Viewer
from tests.asgi import Answer, Client
from tests.machine import in_time

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
    documents = gather([document_of("a.graphql", PUBLIC), document_of("b.graphql", MIXED)], {})
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


CITY = build_schema(discover(examples=True))._schema
assert CITY.query_type is not None


def _declared_public(field: GraphQLField) -> bool:
    inner = strawberry_field(field)
    return inner is not None and PUBLIC_KEY in (inner.metadata or {})


def _asking(field: str, definition: GraphQLField, selection: str = "__typename") -> str:
    """A document that asks a root field of the city, beside one that is public."""
    declared = ", ".join(f"${name}: {spec.type}" for name, spec in definition.args.items())
    given = ", ".join(f"{name}: ${name}" for name in definition.args)
    below = f" {{ {selection} }}" if is_composite_type(get_named_type(definition.type)) else ""
    call = f"asked: {field}({given}){below}" if given else f"asked: {field}{below}"
    return f"query Q{f'({declared})' if declared else ''} {{ services {{ id }} {call} }}"


def _city_age_s(source: str) -> int | None:
    document = parse(source)
    assert validate(CITY, document) == []
    operation = get_operation_ast(document)
    assert operation is not None
    return public_age_s(CITY, document, operation)


@pytest.mark.parametrize("name", CITY.query_type.fields)
def test_a_field_of_the_city_is_public_where_it_says_so_and_only_there(name: str) -> None:
    assert CITY.query_type is not None
    definition = CITY.query_type.fields[name]
    is_public = _city_age_s(_asking(name, definition)) is not None
    assert is_public == _declared_public(definition)
    if not is_public:
        return
    # a public object does not make public what its own fields look up
    type_ = get_named_type(definition.type)
    for inner, field in getattr(type_, "fields", {}).items():
        below = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
        age_s = _city_age_s(_asking(name, definition, f"{inner}{below}"))
        is_shown = _declared_public(field) or attribute_read(field) is not None
        assert (age_s is not None) == is_shown, f"{type_.name}.{inner}"


def test_what_is_public_asks_nobody_who_they_are() -> None:
    public_fields = [
        (f"{type_.name}.{name}", field)
        for type_ in CITY.type_map.values()
        for name, field in (getattr(type_, "fields", None) or {}).items()
        if isinstance(field, GraphQLField) and _declared_public(field)
    ]
    assert public_fields
    for name, field in public_fields:
        assert rule_of(field) in (None, anybody()), name
        assert "onBehalfOf" not in field.args, name


class Blind(Call):
    """A call on which nobody may look who asks."""

    def __getattribute__(self, name: str) -> Any:
        """Any other attribute."""
        assert name not in ("viewer", "mandate"), f"a public field looks at the {name}"
        return super().__getattribute__(name)


async def test_documents_that_anybody_may_keep_look_at_nobody(app: App, edge: Edge) -> None:
    shared = [
        (document, prepared)
        for document in edge.documents.by_name.values()
        for prepared in set(edge.library.operations(document.id).values())
        if prepared.public_age_s is not None
    ]
    assert "catalogue" in {document.name for document, _ in shared}
    for document, prepared in shared:
        call = Blind(app, Deadline.after(5), "request-1")
        body = prepared.operation.execute(context=call, variables=document.variables)
        answer = orjson.loads(body if isinstance(body, bytes) else await body)
        assert "errors" not in answer, document.name
    with pytest.raises(AssertionError, match="looks at the viewer"):
        call.require_viewer()


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
    assert in_time(sorted(took_s)[25], 0.001, time.process_time)


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


class CountingExecutor(Executor):
    """Notes what it executes."""

    names: list[str]

    def run(
        self, call: Call, prepared: Prepared, variables: Mapping[str, Any]
    ) -> Coroutine[Any, Any, bytes]:
        """See Executor."""
        self.names = [*getattr(self, "names", []), prepared.name]
        return super().run(call, prepared, variables)


async def test_what_goes_by_post_is_answered_from_what_is_kept(edge: Edge) -> None:
    """As every client sends by default; nobody but this process keeps it."""
    executor = CountingExecutor(edge.library, shows_cost=False)
    client = Client(replace(edge, executor=executor))
    (operation,) = edge.documents.by_name["catalogue"].operations
    body = orjson.dumps({"documentId": operation.id})
    first = await client.post(body, headers={"accept-encoding": "gzip"})
    again = await client.post(body, headers={"accept-encoding": "gzip"})
    by_get = await client.request("GET", f"/graphql?documentId={quote(operation.id)}")
    other = await client.post(body, headers={"accept-language": "en"})
    assert executor.names == ["catalogue", "catalogue"], "once for each language"
    assert again.body == first.body
    assert gzip.decompress(first.body) == by_get.body != other.body
    assert again.headers["cache-control"] == "private, no-store"
    assert "etag" not in again.headers and "ratelimit" in again.headers


async def test_whatever_a_client_sends_no_more_is_kept_than_the_answer(app: App) -> None:
    documents = gather([document_of("a.graphql", PUBLIC)], {})
    edge = make_edge(app, SCHEMA, documents, trusted_only=True)
    client = Client(edge)
    for number in (1, 2, 2):
        variables = {"junk": "x" * 90_000 + str(number), "more": number}
        body = {"documentId": document_id(PUBLIC), "variables": variables}
        assert (await client.post(orjson.dumps(body))).status == 200
    keys = list(edge.answers._answers)
    assert len(keys) == 2, "other variables may have another answer"
    assert all(len(part or "") < 100 for key in keys for part in key)


async def test_who_is_known_waits_for_nobody_at_their_address(
    app: App, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    few = replace(app, settings=app.settings.model_copy(update={"requests_per_person_at_once": 1}))
    documents = gather([document_of("a.graphql", PUBLIC)], {})
    edge = make_edge(few, SCHEMA, documents, trusted_only=True)
    client, body = Client(edge), orjson.dumps({"documentId": document_id(PUBLIC)})
    with edge.gate.entered(Priority.LOW, "127.0.0.1"):
        refused = await client.post(body)
        assert (refused.status, refused.codes) == (429, ["TOO_MANY_AT_ONCE"])
        known = await client.post(body, headers=client.token(await citizen()))
        assert (known.status, "errors" in known.json) == (200, False)


async def test_a_bad_token_is_refused_though_the_answer_is_for_everybody(edge: Edge) -> None:
    (operation,) = edge.documents.by_name["catalogue"].operations
    body = orjson.dumps({"documentId": operation.id})
    refused = await Client(edge).post(body, headers={"authorization": "Bearer forged"})
    assert (refused.status, refused.codes) == (401, ["SESSION_EXPIRED"])


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


async def test_nobody_keeps_an_answer_longer_than_it_may_be_kept_in_all(app: App) -> None:
    """What was kept here for a while is kept by the next one for the rest of its time."""
    now_s = [0.0]
    documents = gather([document_of("a.graphql", PUBLIC)], {})
    ours = make_edge(app, SCHEMA, documents, trusted_only=True)
    client = Client(replace(ours, answers=PublicAnswers(lambda: now_s[0])))
    for now, left_s in ((0.0, 30), (20.0, 10), (29.5, 1), (30.0, 30)):
        now_s[0] = now
        answer = await get(client, PUBLIC)
        assert answer.headers["cache-control"] == f"public, max-age={left_s}"
        confirmed = await get(client, PUBLIC, {"if-none-match": answer.headers["etag"]})
        assert confirmed.headers["cache-control"] == f"public, max-age={left_s}"


@strawberry.type(name="Query")
class FailingQuery:
    """A public field that fails."""

    @strawberry.field(metadata=public(30))
    def notices(self, words: str) -> str | None:
        raise LookupError(words)


@pytest.mark.parametrize("tag", [None, "*", '"-ij"'])
async def test_an_answer_with_errors_has_no_tag_and_is_no_confirmation(
    app: App, tag: str | None
) -> None:
    source = 'query Failing { notices(words: "x") }'
    documents = gather([document_of("a.graphql", source)], {})
    client = Client(make_edge(app, strawberry.Schema(FailingQuery), documents, trusted_only=True))
    answer = await get(client, source, {"if-none-match": tag} if tag else None)
    assert (answer.status, answer.codes) == (200, ["INTERNAL_ERROR"])
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "private, no-store"
