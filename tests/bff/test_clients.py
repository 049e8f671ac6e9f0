"""The libraries that apps are built with, unmodified, each against one live server.

graphql-ws and graphql-sse are in `test_conformance.py`. What a client expects stands in its script.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from core.context.app import App
from core.security.authentication import Viewer
from tests.bff.inboxes import until_listening, write_now


@pytest.mark.parametrize("script", ["apollo.mjs", "urql.mjs", "relay.mjs"])
async def test_a_client_reads_pages_changes_and_listens(
    script: str, app: App, url: str, viewer: Viewer, node: Callable[..., Awaitable[str]]
) -> None:
    await write_now(app, viewer.user_id, "一", "二", "三")
    running = asyncio.create_task(node(script, url, app.tokens.issue(viewer)))
    listening = asyncio.create_task(until_listening(app, viewer))
    await asyncio.wait({running, listening}, return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        await write_now(app, viewer.user_id, "四")
    listening.cancel()
    await running


async def test_models_are_generated_from_the_live_schema_and_type_check(
    app: App, url: str, viewer: Viewer, node: Callable[..., Awaitable[str]]
) -> None:
    await write_now(app, viewer.user_id, "一", "二", "三")
    await node("codegen.mjs", url, app.tokens.issue(viewer))
