"""The playground: what the server sends, how the bundle is built, and a browser using it."""

import asyncio
import json
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import strawberry
from granian.constants import Interfaces
from granian.server.embed import Server
from playwright.async_api import Browser, Page, async_playwright, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL
from typer.testing import CliRunner

from bff.playground import PlaygroundTab, playground_page, playground_routes, wants_playground
from bff.playground.build import FOLDER, MANIFEST, PlaygroundBuildError, build
from bff.playground.cli import app as playground_cli

ARTEFACTS = Path("test-artefacts")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No name resolves and no address but the server's is reached, whatever the page tries.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
TITLE = "城市服务 API · City services API"
TABS = (
    PlaygroundTab(
        title="找服务 · Find services",
        query="query FindServices($theme: String!) {\n  services(theme: $theme) { id name }\n}",
        variables={"theme": "水"},
    ),
    PlaygroundTab(title="我是谁 · Who am I", query="query WhoAmI { caller }"),
    PlaygroundTab(title="倒计时 · Countdown", query="subscription Countdown { countdown(start: 2) }"),
    PlaygroundTab(title="已关闭 </script> · Not opened", query="query Hidden { caller }", opened=False),
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


def demo_app() -> Starlette:
    endpoint = DemoGraphQL(strawberry.Schema(Query, subscription=Subscription), graphql_ide=None)
    return Starlette(
        routes=[
            *playground_routes(),
            Route("/graphql", endpoint),
            WebSocketRoute("/graphql", endpoint),
        ]
    )


@pytest.fixture(scope="session")
def bundle() -> Path:
    build()
    return FOLDER / "static"


@asynccontextmanager
async def served(app: Starlette) -> AsyncIterator[str]:
    """The app on a free port of this machine, under the server that production uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(app, port=port, interface=Interfaces.ASGI, log_enabled=False)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                break
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
        await serving


@pytest.fixture(scope="session")
async def base_url(bundle: Path) -> AsyncIterator[str]:
    """Where the playground under test is served."""
    async with served(demo_app()) as url:
        yield url


def find_chromium() -> str | None:
    found = filter(None, map(shutil.which, CHROMIUM_NAMES))
    return os.environ.get("CHROMIUM_PATH") or next(found, None)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = find_chromium()
    if path is None:
        reason = f"no Chromium on this machine (CHROMIUM_PATH or one of {CHROMIUM_NAMES})"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield chromium
        await chromium.close()


@dataclass
class Visit:
    """One page and everything that went wrong on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    workers: list[str] = field(default_factory=list)

    def watch(self) -> None:
        page, complain = self.page, self.complaints.append
        page.on("console", lambda m: m.type in ("error", "warning") and complain(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda error: complain(f"page error: {error}"))
        page.on("requestfailed", lambda r: complain(f"failed: {r.url} {r.failure}"))
        page.on("response", lambda r: r.status >= 400 and complain(f"{r.status}: {r.url}"))
        page.on("request", lambda r: self.hosts.add(urlsplit(r.url).netloc or "inline"))
        page.on("websocket", lambda ws: self.hosts.add(urlsplit(ws.url).netloc))
        page.on("worker", lambda worker: self.workers.append(worker.url))

    async def open(self, base_url: str) -> None:
        await self.page.goto(f"{base_url}/graphql")
        await expect(self.page.locator(".graphiql-query-editor .view-line").first).to_be_visible()

    async def run(self) -> None:
        await self.page.get_by_role("button", name="Execute query").click()

    async def expect_response(self, text: str) -> None:
        # Monaco renders spaces as no-break spaces.
        response = self.page.locator(".graphiql-response .view-lines")
        await expect(response).to_contain_text(text.replace(" ", "\u00a0"))


@pytest.fixture
async def visit(browser: Browser, base_url: str) -> AsyncIterator[Visit]:
    """A visit that fails its test on any console message, failed request or foreign host."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    visit = Visit(await context.new_page())
    visit.watch()
    yield visit
    await context.close()
    assert visit.complaints == []
    assert visit.hosts <= {urlsplit(base_url).netloc, "inline"}
    assert urlsplit(base_url).netloc in visit.hosts


@pytest.mark.browser
async def test_browser_runs_an_example(visit: Visit, base_url: str) -> None:
    page = visit.page
    await visit.open(base_url)
    await expect(page).to_have_title(TITLE)
    tabs = page.locator("#graphiql-session-tabs, .graphiql-tabs").get_by_role("tab")
    assert await tabs.all_inner_texts() == [tab.title for tab in TABS if tab.opened]
    await expect(page.locator(".graphiql-editors")).to_contain_text("Bearer")

    await visit.run()
    await visit.expect_response("水费 Water bill")

    await page.get_by_role("button", name="Show Documentation Explorer").click()
    docs = page.locator(".graphiql-doc-explorer")
    await docs.get_by_role("link", name="Query").click()
    await expect(docs).to_contain_text("按主题找服务 Services of a theme.")
    assert {Path(url).name.split("-")[0] for url in visit.workers} >= {"graphql", "json"}
    ARTEFACTS.mkdir(exist_ok=True)
    await page.screenshot(path=ARTEFACTS / "playground.png")
