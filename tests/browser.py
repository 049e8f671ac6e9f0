"""A browser for tests: Chromium of this machine, and visits on which nothing may go wrong."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

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


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A running browser; skips where the machine has none."""
    path = chromium_or_skip()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield browser
        await browser.close()


def chromium_or_skip() -> str:
    """Where the browser is; skips where the machine has none."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    path = os.environ.get("CHROMIUM_PATH") or found
    if path is None:
        reason = f"no Chromium on this machine (CHROMIUM_PATH or one of {CHROMIUM_NAMES})"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@dataclass
class Visit:
    """One page and everything that went wrong on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    workers: list[str] = field(default_factory=list)

    def watch(self) -> None:
        page, complain = self.page, self.complaints.append
        page.on(
            "console", lambda m: m.type in ("error", "warning") and complain(f"{m.type}: {m.text}")
        )
        page.on("pageerror", lambda error: complain(f"page error: {error}"))
        page.on(
            "requestfailed",
            # what a page is still fetching when it is left is given up
            lambda r: r.failure != "net::ERR_ABORTED" and complain(f"failed: {r.url} {r.failure}"),
        )
        page.on("response", lambda r: r.status >= 400 and complain(f"{r.status}: {r.url}"))
        page.on("request", lambda r: self.hosts.add(urlsplit(r.url).netloc or "inline"))
        page.on("websocket", lambda ws: self.hosts.add(urlsplit(ws.url).netloc))
        page.on("worker", lambda worker: self.workers.append(worker.url))

    async def open(self, base_url: str) -> None:
        await self.page.goto(f"{base_url}/graphql")
        await expect(self.page.locator(".graphiql-query-editor .view-line").first).to_be_visible()

    @property
    def worker_names(self) -> set[str]:
        return {urlsplit(url).path.split("/")[-1].split("-")[0] for url in self.workers}

    @property
    def tabs(self) -> Locator:
        return self.page.locator(".graphiql-tabs .graphiql-tab-button")

    async def screenshot(self, name: str) -> None:
        await self.page.screenshot(path=ARTEFACTS / f"{name}.png")

    async def run(self) -> None:
        await self.page.get_by_role("button", name="Execute query").click()

    async def expect_response(self, text: str) -> None:
        # Monaco renders spaces as no-break spaces.
        response = self.page.locator(".graphiql-response .view-lines")
        await expect(response).to_contain_text(text.replace(" ", "\u00a0"))


@asynccontextmanager
async def visiting(browser: Browser, base_url: str, *, width: int = 1440) -> AsyncIterator[Visit]:
    """A visit that fails its test on any console message, failed request or foreign host."""
    context = await browser.new_context(viewport={"width": width, "height": 900}, locale="zh-CN")
    visit = Visit(await context.new_page())
    visit.watch()
    yield visit
    await context.close()
    assert visit.complaints == []
    assert visit.hosts <= {urlsplit(base_url).netloc, "inline"}
    assert urlsplit(base_url).netloc in visit.hosts
