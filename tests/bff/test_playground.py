"""The playground: what the server sends, how the bundle is built, and a browser using it."""

import asyncio
import gzip
import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import strawberry
from aiohttp import ClientSession
from playwright.async_api import Browser, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from strawberry.asgi import GraphQL
from typer.testing import CliRunner
from yarl import URL

from bff.app import Api
from bff.playground import PlaygroundTab, playground_page, playground_routes, wants_playground
from bff.playground.build import FOLDER, MANIFEST, build
from bff.playground.cli import app as playground_cli
from bff.playground.node import PlaygroundBuildError
from bff.transports.endpoint import Edge
from tests.browser import Visit, chromium, visiting
from tests.machine import PATIENCE_S, in_time
from tests.served import served

TITLE = "城市服务 API · City services API"
TABS = (
    PlaygroundTab(
        title="找服务 · Find services",
        query="query FindServices($theme: String!) {\n  services(theme: $theme) { id name }\n}",
        variables={"theme": "水"},
    ),
    PlaygroundTab(title="我是谁 · Who am I", query="query WhoAmI { caller }"),
    PlaygroundTab(
        title="倒计时 · Countdown", query="subscription Countdown { countdown(start: 2) }"
    ),
    PlaygroundTab(
        title="一步一步 · Step by step",
        query='query First { services(theme: "水") { id name } }\n'
        "query Second($again: String!, $key: String!) {\n"
        "  services(theme: $again) { name }\n  again: services(theme: $key) { name }\n}",
        variables={"again": "{{services.0.id}}-", "key": "{{key}}"},
        opened=False,
    ),
    PlaygroundTab(
        title="未打开 </script> · Not opened", query="query Hidden { caller }", opened=False
    ),
)


@strawberry.type(description="一项服务 A city service.")
class Service:
    """A service of the demo schema."""

    id: strawberry.ID = strawberry.field(description="编号 Identifier.")
    name: str = strawberry.field(description="名称 Name.")


@strawberry.type
class Query:
    """The demo schema's queries."""

    @strawberry.field(description="按主题找服务 Services of a theme.")
    def services(self, theme: str) -> list[Service]:
        """One service that carries the theme back, so that variables are seen to arrive."""
        return [Service(id=strawberry.ID("water"), name=f"{theme}费 Water bill")]

    @strawberry.field(description="请求所带的令牌 The token of the request.")
    def caller(self, info: strawberry.Info) -> str:
        """What the request authorises itself with."""
        return str(info.context["request"].headers.get("authorization", "anonymous"))


@strawberry.type
class Subscription:
    """The demo schema's subscriptions."""

    @strawberry.subscription(description="倒数 Counts down.")
    async def countdown(self, start: int) -> AsyncIterator[int]:
        """Counts down to zero."""
        for number in range(start, -1, -1):
            yield number


class DemoGraphQL(GraphQL):
    """The demo endpoint: a page for a browser, GraphQL for everyone else."""

    async def __call__(self, scope, receive, send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and wants_playground(Request(scope)):
            await playground_page(TABS, title=TITLE)(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


async def demo_people(request: Request) -> JSONResponse:
    """One demo person, who is signed in when asked for."""
    person = {"key": "citizen", "name": "甄示范", "role": "citizen"}
    if request.method == "GET":
        return JSONResponse([person])
    assert await request.json() == {"key": "citizen"}
    return JSONResponse({"accessToken": "of-citizen", "person": person})


def demo_app() -> Starlette:
    endpoint = DemoGraphQL(strawberry.Schema(Query, subscription=Subscription), graphql_ide=None)
    return Starlette(
        routes=[
            Route("/graphql", endpoint),
            Route("/playground/people", demo_people, methods=["GET", "POST"]),
            *playground_routes(),
            WebSocketRoute("/graphql", endpoint),
        ]
    )


@pytest.fixture(scope="session")
def bundle() -> Path:
    build()
    return FOLDER / "static"


@pytest.fixture(scope="session")
async def base_url(bundle: Path) -> AsyncIterator[str]:
    """Where the playground under test is served."""
    async with served(demo_app()) as url:
        yield url


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as opened:
        yield opened


@pytest.fixture
async def visit(browser: Browser, base_url: str) -> AsyncIterator[Visit]:
    """A visit at the demo endpoint."""
    async with visiting(browser, base_url) as visit:
        yield visit


@pytest.mark.browser
async def test_browser_runs_an_example(visit: Visit, base_url: str) -> None:
    page = visit.page
    await visit.open(base_url)
    await expect(page).to_have_title(TITLE)
    await expect(visit.tabs).to_have_text([tab.title for tab in TABS if tab.opened])
    await expect(page.locator(".graphiql-editor-tool")).to_contain_text('"theme"')

    await visit.run()
    await visit.expect_response("水费 Water bill")

    await page.get_by_role("button", name="Show Documentation Explorer").click()
    docs = page.locator(".graphiql-doc-explorer")
    await docs.get_by_role("link", name="Query").click()
    await expect(docs).to_contain_text("按主题找服务 Services of a theme.")
    async with asyncio.timeout(PATIENCE_S):
        while not visit.worker_names >= {"editor", "graphql", "json"}:
            await page.wait_for_timeout(50)
    await visit.screenshot("playground")


@pytest.mark.browser
async def test_browser_sends_a_token_once_it_is_filled_in(visit: Visit, base_url: str) -> None:
    await visit.open(base_url)
    await visit.tabs.nth(1).click()
    await visit.run()
    await visit.expect_response("anonymous")

    await visit.page.get_by_role("button", name="Headers").click()
    header = visit.page.locator(".graphiql-editor-tool").get_by_text('"Bearer\u00a0TOKEN"')
    await expect(header).to_be_visible()
    # the editor draws its lines anew at any time: what is asked of one alone waits for another
    width, height = await header.evaluate("line => [line.offsetWidth, line.offsetHeight]")
    await header.dblclick(position={"x": width * 10 / 14, "y": height / 2})
    await visit.page.keyboard.type("sandbox")
    await visit.run()
    await visit.expect_response("Bearer sandbox")


@pytest.mark.browser
async def test_browser_signs_all_tabs_in_and_keeps_it(visit: Visit, base_url: str) -> None:
    await visit.open(base_url)
    people = visit.page.get_by_label("登录为 Sign in as")
    await people.select_option(label="甄示范 · citizen")
    # a function is read once; an expression at every look, which the page's policy forbids
    signed_in = "() => (localStorage['playground:session'] ?? '').includes('of-citizen')"
    await visit.page.wait_for_function(signed_in)
    await visit.tabs.nth(1).click()
    await visit.run()
    await visit.expect_response("Bearer of-citizen")
    await visit.page.reload()
    await expect(people).to_have_value("citizen")
    await visit.run()
    await visit.expect_response("Bearer of-citizen")
    await people.select_option("")
    await visit.run()
    await visit.expect_response("anonymous")


@pytest.mark.browser
async def test_browser_plays_all_operations_in_their_order(visit: Visit, base_url: str) -> None:
    """Blanks are filled from earlier answers, keys are others at each run."""
    page, title = visit.page, "一步一步 · Step by step"
    await visit.open(base_url)
    await page.get_by_role("button", name=title).click()
    sent: list[dict[str, Any]] = []
    page.on("request", lambda r: r.method == "POST" and sent.append(r.post_data_json))
    for _ in range(2):
        await page.get_by_role("button", name="Play all").click()
        await visit.expect_response("water-费 Water bill")
        await expect(page.get_by_role("button", name="Play all")).to_be_enabled()
    keys = [one["variables"]["key"] for one in sent if one.get("operationName") == "Second"]
    assert len(keys) == len(set(keys)) == 2
    await visit.screenshot("playground-play-all")


@pytest.mark.browser
async def test_browser_opens_a_query_that_a_link_brings(visit: Visit, base_url: str) -> None:
    await visit.page.goto(f"{base_url}/graphql?query=query+FromALink+%7B+caller+%7D")
    await expect(visit.page.locator(".graphiql-query-editor")).to_contain_text("FromALink")
    await visit.run()
    await visit.expect_response("anonymous")


@pytest.mark.browser
async def test_browser_on_a_phone_has_all_in_sight(browser: Browser, base_url: str) -> None:
    async with visiting(browser, base_url, width=390) as visit:
        await visit.open(base_url)
        await visit.run()
        await visit.expect_response("水费 Water bill")
        for part in (".graphiql-execute-button", ".graphiql-response", ".graphiql-query-editor"):
            box = await visit.page.locator(part).first.bounding_box()
            assert box is not None, part
            assert box["x"] >= 0 and box["x"] + box["width"] <= 390, (part, box)
            assert box["y"] >= 0 and box["y"] + box["height"] <= 900, (part, box)
            assert box["width"] >= 30 and box["height"] >= 30, (part, box)
        assert await visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await visit.screenshot("playground-phone")


@pytest.mark.browser
async def test_browser_follows_a_subscription(visit: Visit, base_url: str) -> None:
    await visit.open(base_url)
    await visit.tabs.nth(2).click()
    await visit.run()
    await visit.expect_response('"countdown": 0')


@pytest.mark.browser
async def test_browser_opens_an_example_and_keeps_it(visit: Visit, base_url: str) -> None:
    page, hidden = visit.page, TABS[-1].title
    await visit.open(base_url)
    panel = page.get_by_role("region", name="示例 Examples")
    await expect(panel.get_by_role("listitem")).to_have_count(len(TABS))
    await visit.screenshot("playground-examples")
    await panel.get_by_role("searchbox").fill("未打开")
    await expect(panel.get_by_role("listitem")).to_have_text([hidden])
    await panel.get_by_role("button", name=hidden).click()
    await expect(visit.tabs.last).to_have_text(hidden)
    await visit.run()
    await visit.expect_response("anonymous")

    # GraphiQL writes its tabs half a second after the last change.
    async with asyncio.timeout(PATIENCE_S):
        while "Hidden" not in await page.evaluate("localStorage['graphiql:tabState'] ?? ''"):
            await page.wait_for_timeout(50)
    await page.reload()
    await expect(visit.tabs.last).to_have_text(hidden)
    await expect(visit.tabs).to_have_count(sum(tab.opened for tab in TABS) + 1)
    await page.get_by_role("button", name="Show GraphiQL Explorer").click()
    await expect(page.locator(".graphiql-explorer-root")).to_contain_text("caller")


@pytest.mark.browser
async def test_browser_is_refused_every_other_host(visit: Visit, base_url: str) -> None:
    await visit.open(base_url)
    refused = "fetch('https://cdn.example/x.js').then(() => false, () => true)"
    assert await visit.page.evaluate(refused)
    assert any("Content Security Policy" in complaint for complaint in visit.complaints)
    visit.complaints.clear()


@pytest.mark.browser
async def test_browser_goes_from_a_tile_to_its_document(
    bundle: Path,
    browser: Browser,
    edge: Edge,
    api: Api,
    serve: Callable[[ASGIApp], Awaitable[str]],
) -> None:
    """On a phone, from the page of all services; also when other documents are open already."""
    url = await serve(api)
    titles = []
    async with visiting(browser, url, width=390) as visit:
        page = visit.page
        for service in ("water-bill-payment", "housing-fund-query"):
            document = edge.documents.by_name[service]
            titles.append(document.title)
            await page.goto(f"{url}/services")
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            await page.locator(f"#{service} a").click()
            editor = page.locator(".graphiql-query-editor .view-lines")
            await expect(editor).to_contain_text(titles[-1].replace(" ", "\u00a0"))
            await expect(visit.tabs).to_have_text(titles)
            bar, tab = page.locator(".graphiql-tabs"), visit.tabs.last
            assert await tab.evaluate(
                "(tab, bar) => { const t = tab.getBoundingClientRect(),"
                " b = bar.getBoundingClientRect();"
                " return t.left >= b.left - 1 && t.right <= b.right + 1 }",
                await bar.element_handle(),
            ), "the tab that a tile opens is seen whole"
            # the tab is remembered a moment later
            remembered = "title => (localStorage['graphiql:tabState'] ?? '').includes(title)"
            await page.wait_for_function(remembered, arg=titles[-1])
        await visit.run()
        # a stranger is told what to do first
        await visit.expect_response('"errors"')


async def test_page_holds_its_configuration_as_data(bundle: Path) -> None:
    page = bytes(playground_page(TABS, title="A & <B>").body).decode()
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)
    (data_attributes, data), (code_attributes, code) = scripts
    assert 'type="application/json"' in data_attributes
    assert "src=" in code_attributes
    assert code == ""
    assert "<title>A &amp; &lt;B&gt;</title>" in page
    config = json.loads(data)
    assert config["title"] == "A & <B>"
    assert [tab["title"] for tab in config["tabs"]] == [tab.title for tab in TABS]
    assert json.loads(config["tabs"][0]["variables"]) == {"theme": "水"}
    assert not re.search(r"https?://", page)


async def test_page_is_revalidated_and_files_are_kept(base_url: str) -> None:
    manifest = json.loads((FOLDER / "static" / MANIFEST).read_bytes())
    async with ClientSession(base_url, auto_decompress=False) as client:
        async with client.get("/graphql", headers={"Accept": "text/html"}) as page:
            assert page.status == 200
            assert page.headers["Cache-Control"] == "no-cache"
            policy = page.headers["Content-Security-Policy"]
        async with client.get(f"/playground/{manifest['script']}") as script:
            packed = await script.read()
            assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert script.headers["Content-Encoding"] == "gzip"
            assert script.content_type == "text/javascript"
        plain = {"Accept-Encoding": "identity"}
        async with client.get(f"/playground/{manifest['script']}", headers=plain) as script:
            assert gzip.decompress(packed) == await script.read()
        for path in ("", "nothing.js", "../routes.py", "%2e%2e/routes.py"):
            async with client.get(URL(f"/playground/{path}", encoded=True)) as missing:
                assert missing.status == 404
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["connect-src"] == "'self'"


@pytest.mark.parametrize(
    ("method", "accept", "query", "wanted"),
    [
        ("GET", "text/html,application/xhtml+xml,*/*;q=0.8", b"", True),
        ("GET", "*/*", b"", False),
        ("GET", "application/json", b"", False),
        ("GET", "text/html", b"query={caller}", True),
        ("GET", "application/json", b"query={caller}", False),
        ("GET", "text/html", b"documentId=home", False),
        ("POST", "text/html", b"", False),
    ],
)
def test_only_a_browser_looking_for_a_page_gets_it(
    method: str, accept: str, query: bytes, wanted: bool
) -> None:
    headers = [(b"accept", accept.encode())]
    scope = {"type": "http", "method": method, "headers": headers, "query_string": query}
    assert wants_playground(Request(scope)) is wanted


def test_page_before_the_build_says_what_to_run(tmp_path: Path) -> None:
    page = playground_page(TABS, title=TITLE, static=tmp_path / "static")
    assert page.status_code == 503
    assert b"quancheng playground build" in page.body


def test_build_does_nothing_when_up_to_date(bundle: Path) -> None:
    before = (bundle / MANIFEST).stat().st_mtime_ns
    started = time.process_time()
    result = CliRunner().invoke(playground_cli, ["build"])
    assert in_time(time.process_time() - started, 0.3, time.process_time)
    assert result.exit_code == 0
    assert "up to date" in result.output
    assert (bundle / MANIFEST).stat().st_mtime_ns == before


def copy_of_sources(target: Path) -> Path:
    ignored = shutil.ignore_patterns("node_modules", "static", ".cache", "__pycache__")
    return shutil.copytree(FOLDER, target / "playground", ignore=ignored)


def test_build_follows_its_sources(bundle: Path, tmp_path: Path) -> None:
    folder = copy_of_sources(tmp_path)
    if (FOLDER / "node_modules").is_dir():  # else they went with the Node that fetched them
        (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    (folder / "src" / "main.jsx").write_text('import "./style.css";')  # `bundle` is of the whole
    assert build(folder=folder)
    assert not build(folder=folder)
    before = (folder / "static" / MANIFEST).read_bytes()

    (folder / "src" / "style.css").write_text("body { color: red }")
    assert build(folder=folder)
    assert (folder / "static" / MANIFEST).read_bytes() != before

    (folder / "src" / "main.jsx").write_text('import "./absent.js";')
    with pytest.raises(PlaygroundBuildError, match=r"absent\.js") as refused:
        build(folder=folder)
    assert "\n" not in str(refused.value)
    assert (folder / "static" / MANIFEST).exists()


def test_build_says_in_one_line_that_npm_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of_sources(tmp_path)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(PlaygroundBuildError, match=r"npm ci failed: .*ECONNREFUSED") as refused:
        build(folder=folder)
    assert "\n" not in str(refused.value)
    assert not (folder / "static").exists()


def test_lock_file_pins_content_and_names_no_registry() -> None:
    lock = json.loads((FOLDER / "package-lock.json").read_bytes())
    packages = {path: package for path, package in lock["packages"].items() if path}
    assert packages
    for path, package in packages.items():
        assert package["integrity"].startswith("sha512-"), path
        assert "resolved" not in package, path
