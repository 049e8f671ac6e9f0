"""The description of the banks' API as a document and as a page to read; nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from core import refusal_texts
from core.context.app import App
from core.json import to_json
from core.texts import Text
from credit.lending.records import texts as lending_texts
from credit.partner import texts
from credit.partner.openapi import describe
from credit.partner.operation import Operation

DESCRIPTION_PATH = "/partner/openapi.json"
PAGE_PATH = "/partner/docs"
STYLE_PATH = "/partner/docs.css"
SNIPPETS = Path(__file__).parent / "snippets"
"""Programs that make tokens and proofs, shown on the page and run by the tests."""
_STYLE = Path(__file__).parent / "docs.css"
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
_CACHED = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}

Json = Mapping[str, Any]


def document_routes(app: App, operations: Sequence[Operation[Any]]) -> list[Route]:
    """The description, the page with its style, and its programs; made when first asked for."""
    style = _STYLE.read_bytes()
    snippets = {path.name: path.read_bytes() for path in SNIPPETS.glob("bank.*")}

    def described() -> Json:
        return app.once("credit.partner.description", lambda: describe(app, operations))

    async def serve_document(_request: Request) -> Response:
        return Response(to_json(described()), 200, _CACHED, "application/json")

    async def serve_page(_request: Request) -> Response:
        page = app.once("credit.partner.page", lambda: _page(described()))
        return HTMLResponse(page, headers=_CACHED | {"Content-Security-Policy": _POLICY})

    async def serve_snippet(request: Request) -> Response:
        text = snippets.get(request.path_params["name"])
        return Response(text, 200 if text else 404, _CACHED, "text/plain")

    async def serve_style(_request: Request) -> Response:
        return Response(style, 200, _CACHED, "text/css")

    return [
        Route(DESCRIPTION_PATH, serve_document, methods=["GET"]),
        Route(PAGE_PATH, serve_page, methods=["GET"]),
        Route(STYLE_PATH, serve_style, methods=["GET"]),
        Route(f"{PAGE_PATH}/{{name}}", serve_snippet, methods=["GET"]),
    ]


def _page(described: Json) -> str:
    info = described["info"]
    operations = [
        (method.upper(), path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    sections = [
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f"<p>{escape(info['description'])} The same for programs: "
        f'<a href="{DESCRIPTION_PATH}">OpenAPI 3.1</a>.</p>',
        _contents(operations),
        '<h2 id="proofs">Tokens and proofs</h2>',
        *(_snippet(path) for path in sorted(SNIPPETS.glob("bank.*"), reverse=True)),
        *(_operation(*each, described) for each in operations),
        '<h2 id="problems">Problems</h2>',
        _problems(),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(info["title"])}</title><link rel="stylesheet" href="{STYLE_PATH}">'
        f"</head><body><main>{''.join(sections)}</main></body></html>"
    )


def _contents(operations: Sequence[tuple[str, str, Json]]) -> str:
    rows = "".join(
        f'<li><a href="#{escape(operation["operationId"])}">{escape(operation["summary"])}</a></li>'
        for _, _, operation in operations
    )
    return (
        f'<nav><ol>{rows}</ol><p><a href="#proofs">Tokens and proofs</a> · '
        '<a href="#problems">Problems</a></p></nav>'
    )


def _snippet(path: Path) -> str:
    title = f'<a href="{PAGE_PATH}/{path.name}">{escape(path.name)}</a>'
    return f"<h3>{title}</h3><pre>{escape(path.read_text('utf-8'))}</pre>"


def _operation(method: str, path: str, operation: Json, described: Json) -> str:
    scopes = [name for each in operation.get("security", []) for name in each.get("bank", [])]
    parts = [
        f'<h2 id="{escape(operation["operationId"])}">{escape(operation["summary"])}</h2>',
        f"<p><code>{method} {escape(path)}</code>"
        + (f" · scope <code>{escape(' '.join(scopes))}</code>" if scopes else "")
        + "</p>",
        f"<p>{escape(operation.get('description', ''))}</p>",
    ]
    if operation.get("parameters"):
        parts.append(_parameters(operation["parameters"]))
    if "requestBody" in operation:
        (media_type,) = operation["requestBody"]["content"].items()
        parts.append(f"<h3>Body, {media_type[0]}</h3>")
        parts.append(_schema(media_type[1]["schema"], described, set()))
    for status, response in operation["responses"].items():
        for media_type, content in response.get("content", {}).items():
            if status.startswith("2"):
                parts.append(f"<h3>Answer {status}, {media_type}</h3>")
                parts.append(_schema(content["schema"], described, set()))
    refused = [f"{s}: {r['description']}" for s, r in operation["responses"].items() if s > "3"]
    parts.append(f"<p>Refusals: {escape(' '.join(refused))}</p>")
    return "".join(parts)


def _parameters(parameters: Sequence[Json]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{p['in']}</td>"
        f"<td>{'required' if p['required'] else ''}</td>"
        f"<td>{escape(p.get('description') or p['schema'].get('description', ''))}</td></tr>"
        for p in parameters
    )
    return f"<h3>Parameters</h3><table>{rows}</table>"


def _schema(schema: Json, described: Json, seen: set[str]) -> str:
    """The members of a schema as a table, with those of the schemas inside it below."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in seen:
            return ""
        seen.add(name)
        return _schema(described["components"]["schemas"][name], described, seen)
    forms = [part["$ref"] for part in schema.get("oneOf", ())]
    required, rows = schema.get("required", ()), []
    inner = [_schema({"$ref": ref}, described, seen) for ref in forms]
    for name, member in schema.get("properties", {}).items():
        rows.append(
            f"<tr><td><code>{escape(name)}</code></td><td>{escape(_kind(member))}</td>"
            f"<td>{'required' if name in required else ''}</td>"
            f"<td>{escape(member.get('description', ''))}</td></tr>"
        )
        inner += [_schema({"$ref": ref}, described, seen) for ref in _references(member)]
    name, about = schema.get("title", ""), schema.get("description", "")
    values = " · ".join(map(str, schema.get("enum", ())))
    title = f"<p><b>{escape(name)}</b> {escape(about)} {escape(values)}</p>" if name else ""
    table = f"<table>{''.join(rows)}</table>" if rows else ""
    return title + table + "".join(inner)


def _references(member: Json) -> list[str]:
    parts = [member, *member.get("anyOf", ()), member.get("items", {})]
    return [part["$ref"] for part in parts if "$ref" in part]


def _kind(member: Json) -> str:
    if "$ref" in member:
        return str(member["$ref"].rpartition("/")[2])
    if "anyOf" in member:
        return " or ".join(_kind(part) for part in member["anyOf"])
    if member.get("type") == "array":
        return f"list of {_kind(member.get('items', {}))}"
    if "enum" in member:
        return " | ".join(map(str, member["enum"]))
    if "const" in member:
        return str(member["const"])
    bounds = [str(member[name]) for name in ("minimum", "maximum") if name in member]
    return " ".join([str(member.get("format") or member.get("type", "any")), "–".join(bounds)])


def _problems() -> str:
    rows = "".join(
        f'<tr id="{text.code}"><td><code>{text.code}</code></td>'
        f"<td>{escape(text.en)}</td><td>{escape(text.zh)}</td></tr>"
        for text in _texts()
    )
    return f"<table>{rows}</table>"


def _texts() -> list[Text]:
    modules = (refusal_texts, texts, lending_texts)
    found = {
        text.code: text
        for module in modules
        for text in vars(module).values()
        if isinstance(text, Text)
    }
    return [found[code] for code in sorted(found)]
