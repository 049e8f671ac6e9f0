"""What the product team reads: descriptions in the schema, its changes, the page of services."""

import re
from collections.abc import AsyncGenerator
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qs, quote, urlsplit

import strawberry
from graphql import build_schema

from bff.playground.tabs import playground_tabs
from bff.schema.build import build_schema as build_city_schema
from bff.schema.changes import describe
from bff.schema.lint import lint
from bff.transports.endpoint import Edge
from core.graphql import anybody, query
from core.manifest import discover
from core.settings import Environment
from tests.asgi import Client


def test_the_schema_describes_itself() -> None:
    assert lint(build_city_schema(discover(examples=True))._schema) == []


def test_lint_finds_what_lacks_words() -> None:
    schema = build_schema(
        """
        "All." type Shop {
          "Told." a("Told." x: Int, y: Int): Kind
          b: Int
          "Told." c: Int @deprecated(reason: "Use a.")
          "Told." d: Int @deprecated(reason: "Use a; goes on 2027-03-01.")
        }
        "ONE is the first." enum Kind { ONE TWO }
        input Wish { "Told." p: Int q: Int }
        union XResult = Shop
        "A reading." type Bread { "Told." status: Int "Told." asOf: Int "Told." loaves: [Int] }
        "A thing." type Roll { "Told." id: ID }
        """
    )
    assert lint(schema) == [
        "Bread.loaves: the list of a reading is called items",
        "Kind.TWO has no description",
        "Roll.id is ID, not ID!: a cache is keyed by it",
        "Shop.a(y:) has no description",
        "Shop.b has no description",
        "Shop.c is deprecated without the day on which it goes (YYYY-MM-DD)",
        "Wish has no description",
        "Wish.q has no description",
        "XResult has no description",
    ]


@strawberry.type(description="All.")
class Root:
    """Root fields, one of them with a rule."""

    @query(anybody(), description="Has a rule.")
    def guarded(self) -> int:
        """A field."""
        return 1

    @strawberry.field(description="Was forgotten.")
    def forgotten(self) -> int:
        """A field."""
        return 1


@strawberry.type(description="All.")
class Events:
    """Events, to anybody who listens."""

    @strawberry.subscription(description="Was forgotten.")
    async def heard(self) -> AsyncGenerator[int]:
        """An event."""
        yield 1


def test_lint_finds_root_fields_without_an_access_rule() -> None:
    schema = strawberry.Schema(query=Root, subscription=Events)._schema
    assert lint(schema) == [
        "Events.heard has no access rule",
        "Root.forgotten has no access rule",
    ]


def test_changes_of_a_schema_are_told() -> None:
    older = build_schema("type Query { a: Int b(x: Int): Int }")
    newer = build_schema(
        "type Query { b(x: Int, y: Int): Int c: City } type City { name: String } "
        "directive @defer on INLINE_FRAGMENT"
    )
    assert list(describe(older, newer)) == [
        "**breaking**: Field Query.a was removed.",
        "dangerous: An optional argument Query.b(y:) was added.",
        "new directive `@defer`",
        "new type `City`",
        "new field `Query.c`",
    ]


async def test_the_page_of_services_opens_each_document_in_the_playground(edge: Edge) -> None:
    client = Client(edge)
    page = (await client.request("GET", "/services", headers={"accept-language": "zh"})).body
    text = page.decode()
    for tile in edge.app.services.values():
        assert f'<li id="{tile.id}">' in text
        assert tile.name_zh in text
    links = re.findall(r'<li id="([^"]+)"><a class="\w+" href="([^"]+)">', text)
    with_document = [s for s in edge.app.services if edge.documents.for_service(s)]
    assert [service_id for service_id, _ in links] == [
        s for s in _in_page(text) if s in with_document
    ]
    titles = {tab.title for tab in playground_tabs(edge.documents)}
    assert {parse_qs(urlsplit(unescape(link)).query)["open"][0] for _, link in links} <= titles


def _in_page(text: str) -> list[str]:
    return re.findall(r'<li id="([^"]+)">', text)


async def test_the_page_of_services_is_searched_and_the_root_leads_there(client: Client) -> None:
    root = await client.request("GET", "/")
    assert (root.status, root.headers["location"]) == (307, "/services")
    found = await client.request("GET", "/services?q=water", headers={"accept-language": "en"})
    assert 'id="water-bill-payment"' in found.body.decode()
    assert 'id="housing-fund-query"' not in found.body.decode()
    script = "<script>alert(1)</script>"
    none = await client.request("GET", f"/services?q={quote(script)}")
    assert script not in none.body.decode() and "没有找到" in none.body.decode()
    assert "prefers-color-scheme: dark" in none.body.decode()
    by_theme = await client.request("GET", "/services?q=health", headers={"accept-language": "en"})
    assert 'id="hospital-registration"' in by_theme.body.decode()


async def test_the_playground_signs_nobody_in_without_a_sandbox(client: Client) -> None:
    path = "/playground/people"
    assert (await client.request("GET", path)).json == []
    as_page = await client.post(
        b'{"key":"citizen"}', path=path, headers={"content-type": "text/plain"}
    )
    assert as_page.status == 415
    for body in (b"{", b"[]", b"{}", b'"citizen"'):
        assert (await client.post(body, path=path)).status == 400
    assert (await client.post(b'{"key":"citizen"}', path=path)).status == 502


async def test_production_has_neither_people_nor_playground(edge: Edge) -> None:
    settings = edge.app.settings.model_copy(update={"environment": Environment.PRODUCTION})
    production = Client(replace(edge, app=replace(edge.app, settings=settings)))
    assert (await production.request("GET", "/playground/people")).status == 404
    assert (await production.post(b"{}", path="/playground/people")).status == 404
