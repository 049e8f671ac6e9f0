"""The libraries that apps are built with, unmodified, each against one live server.

graphql-ws and graphql-sse are in `test_conformance.py`. What a client expects stands in its script.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
import pytest
from graphql import build_schema, is_scalar_type, is_specified_scalar_type, parse, validate

from bff.commands.export import export
from bff.trusted.documents import documents_of
from bff.trusted.shipped import parse_manifest
from core.context.app import App
from core.manifest import discover
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


async def test_models_are_one_command_away_type_check_and_can_be_released(
    app: App, url: str, viewer: Viewer, clients: Path, node: Callable[..., Awaitable[str]]
) -> None:
    await write_now(app, viewer.user_id, "一", "二", "三")
    folder = clients / ".cache" / "codegen"
    shutil.rmtree(folder, ignore_errors=True)
    export(folder)
    await node("codegen.mjs", str(folder), url, app.tokens.issue(viewer))
    manifest = (folder / "typescript" / "persisted-documents.json").read_bytes()
    ours = documents_of(discover()).by_name.values()
    names = {one.name for one in parse_manifest(manifest)}
    assert names == {one.name for document in ours for one in document.operations}


def test_what_is_exported_is_whole(tmp_path: Path) -> None:
    """Apollo iOS and Kotlin cannot run here: that their files name what is there, and texts fit."""
    export(tmp_path)
    swift = orjson.loads((tmp_path / "apollo-codegen-config.json").read_bytes())
    gradle = (tmp_path / "build.gradle.kts").read_text()
    for name in (*swift["input"]["schemaSearchPaths"], *swift["input"]["operationSearchPaths"]):
        assert (tmp_path / name).exists() and f'"{name}"' in gradle
    schema = build_schema((tmp_path / "schema.graphqls").read_text())
    operations = parse((tmp_path / "operations.graphql").read_text())
    assert validate(schema, operations) == []
    scalars = {t.name for t in schema.type_map.values() if is_scalar_type(t)}
    mapped = {name for name in scalars if not is_specified_scalar_type(schema.type_map[name])}
    assert all(f'mapScalar("{name}"' in gradle for name in mapped)
