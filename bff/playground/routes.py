"""Serves the playground: its page for a browser at `/graphql`, its files under `/playground/`.

Nothing in the page comes from another host and no script is inline: the configuration is a JSON
data block that the bundle reads.
"""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from bff.playground.build import FOLDER, MANIFEST

STATIC = FOLDER / "static"
STATIC_PATH = "/playground"

SECURITY_HEADERS = {
    # Monaco writes its colours and measures into <style> elements, hence 'unsafe-inline' for
    # style alone; its icons are a font, its squiggles are data: images.
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "worker-src 'self'",
            "connect-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "font-src 'self'",
            "img-src 'self' data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{static}/{style}">
<script type="application/json" id="playground-config">{config}</script>
<script type="module" src="{static}/{script}"></script>
</head>
<body><div id="playground"><div class="playground-loading">正在打开 Loading…</div></div></body>
</html>
"""

_NOT_BUILT = (
    "调试台尚未构建，请运行 quancheng playground build。\n"
    "The playground is not built: run `quancheng playground build`.\n"
)


@dataclass(frozen=True)
class PlaygroundTab:
    """An example operation, offered in the examples panel under its title.

    `title` is one line, Chinese and English, and unlike every other example's. `headers` stand in
    the header editor instead of the placeholder for a token. With `opened` the example is also
    one of the tabs that a first visit finds open.
    """

    title: str
    query: str
    variables: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    opened: bool = True


def wants_playground(request: Request) -> bool:
    """Whether a browser asks for the page, as opposed to a client sending an operation by GET."""
    if request.method not in ("GET", "HEAD"):
        return False
    if {"documentId", "extensions"} & request.query_params.keys():
        return False
    return "text/html" in request.headers.get("accept", "")


def playground_page(
    tabs: Sequence[PlaygroundTab],
    *,
    title: str,
    endpoint: str = "/graphql",
    static: Path = STATIC,
) -> Response:
    """The page, with `tabs` as examples; 503 with instructions while the bundle is not built.

    `endpoint` takes POSTed operations and, over graphql-transport-ws, subscriptions. The page is
    never cached: it names the current bundle and the current examples.
    """
    headers = {**SECURITY_HEADERS, "Cache-Control": "no-cache", "Vary": "Accept"}
    try:
        manifest = json.loads((static / MANIFEST).read_bytes())
    except FileNotFoundError:
        return PlainTextResponse(_NOT_BUILT, status_code=503, headers=headers)
    workers = {label: f"{STATIC_PATH}/{name}" for label, name in manifest["workers"].items()}
    config = {
        "title": title,
        "endpoint": endpoint,
        "workers": workers,
        "tabs": [_tab_config(tab) for tab in tabs],
    }
    page = _PAGE.format(
        title=html.escape(title),
        static=STATIC_PATH,
        style=manifest["style"],
        script=manifest["script"],
        config=_data_block(config),
    )
    return Response(page, media_type="text/html", headers=headers)


def playground_routes(static: Path = STATIC) -> list[BaseRoute]:
    """The bundle's files; their names carry their content's hash, so they may be kept for ever."""
    return [Mount(STATIC_PATH, _BundleFiles(directory=static, check_dir=False), name="playground")]


def _tab_config(tab: PlaygroundTab) -> dict[str, str | bool | None]:
    return {
        "title": tab.title,
        "query": tab.query.strip(),
        "variables": _editor_text(tab.variables),
        "headers": _editor_text(tab.headers),
        "opened": tab.opened,
    }


def _editor_text(values: Mapping[str, Any] | None) -> str | None:
    return json.dumps(dict(values), ensure_ascii=False, indent=2) if values else None


def _data_block(config: Mapping[str, Any]) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(config, ensure_ascii=False).replace("<", "\\u003c")


class _BundleFiles(StaticFiles):
    """Static files that prefer the gzip copy made at build time."""

    async def check_config(self) -> None:
        """The folder may appear after the process has started: a missing file is a plain 404."""

    def file_response(self, full_path: Any, stat_result: Any, scope: Scope, *args: Any) -> Response:
        headers = {
            **SECURITY_HEADERS,
            "Cache-Control": "public, max-age=31536000, immutable",
            "Vary": "Accept-Encoding",
        }
        plain, packed = Path(full_path), Path(f"{full_path}.gz")
        if "gzip" in Headers(scope=scope).get("accept-encoding", "") and packed.is_file():
            headers["Content-Encoding"] = "gzip"
            return FileResponse(packed, headers=headers, media_type=_media_type(plain))
        return FileResponse(plain, headers=headers, media_type=_media_type(plain))


def _media_type(path: Path) -> str | None:
    """A module script needs its type, whatever this machine's type table says."""
    return {".js": "text/javascript", ".css": "text/css", ".ttf": "font/ttf"}.get(path.suffix)
