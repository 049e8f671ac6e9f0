"""Where alerts come in, `POST /ingest/alerts/v1`, and where others read those that hold:
`/alerts/cap.atom` (RFC 4287) and each as CAP 1.2. The contract is docs/upstreams/emergency.md.
"""

from lxml import etree
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.context.app import App
from core.context.contributions import Routes
from core.context.http import PRIVATE, path_id, problem, read_body
from core.errors import AppError, InvalidInput, NotFound
from core.refusal_texts import NOT_FOUND
from core.standards.cap import BYTES_MAX, Status
from core.standards.cap_writer import write_alert
from core.texts import Locale
from modules.safety.alerts import store, texts
from modules.safety.alerts.ingest import receive
from modules.safety.alerts.models import EmergencyAlert
from modules.safety.alerts.notices import alert_of

INGEST, FEED, ALERT = "/ingest/alerts/v1", "/alerts/cap.atom", "/alerts/{alert_id}.cap"
_ATOM = "http://www.w3.org/2005/Atom"
_CAP_TYPE = "application/cap+xml"
_CACHED = {"Cache-Control": "public, max-age=30"}


def routes(app: App) -> list[Route]:
    """The addresses of alerts."""

    async def ingest(request: Request) -> Response:
        try:
            taken = await receive(app, await _body(request))
        except AppError as refused:
            return problem(refused, Locale.from_header(request.headers.get("accept-language")))
        answer = {"id": str(taken.alert_id), "state": taken.state, "ofUnknown": taken.of_unknown}
        return JSONResponse(answer, 201 if taken.is_new else 200, headers=PRIVATE)

    async def feed(request: Request) -> Response:
        rows = [row for row in await store.list_active(app.clock.now()) if _is_public(row)]
        body = _feed(app, str(request.base_url).rstrip("/"), rows)
        return Response(body, 200, _CACHED, "application/atom+xml")

    async def alert(request: Request) -> Response:
        try:
            row = await EmergencyAlert.get_or_none(id=path_id(request, "alert_id"))
            if row is None or not _is_public(row):
                raise NotFound(NOT_FOUND)
        except AppError as refused:
            return problem(refused, Locale.from_header(request.headers.get("accept-language")))
        return Response(_xml(write_alert(alert_of(row))), 200, _CACHED, _CAP_TYPE)

    return [
        Route(INGEST, ingest, methods=["POST"]),
        Route(FEED, feed, methods=["GET"]),
        Route(ALERT, alert, methods=["GET"]),
    ]


async def _body(request: Request) -> bytes:
    body = await read_body(request, BYTES_MAX)
    if body is None:
        raise InvalidInput(texts.ALERT_INVALID, detail=f"> {BYTES_MAX} B")
    return body


def _is_public(row: EmergencyAlert) -> bool:
    """Whether others may take it for real: exercises are not handed on."""
    return row.status == Status.ACTUAL and row.state != "NOTED"


def _feed(app: App, base: str, rows: list[EmergencyAlert]) -> bytes:
    root = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM})
    latest = max((row.received_at for row in rows), default=app.clock.now())
    _add(root, "id", f"{base}{FEED}")
    _add(root, "title", app.city.app_name.zh)
    _add(root, "updated", latest.isoformat(timespec="seconds"))
    _add(etree.SubElement(root, f"{{{_ATOM}}}author"), "name", app.city.name.zh)
    for row in rows:
        entry = etree.SubElement(root, f"{{{_ATOM}}}entry")
        infos = alert_of(row).infos
        _add(entry, "id", f"urn:uuid:{row.id}")
        _add(entry, "title", (infos[0].headline or infos[0].event) if infos else row.identifier)
        _add(entry, "updated", row.sent_at.isoformat(timespec="seconds"))
        href = base + ALERT.format(alert_id=row.id)
        etree.SubElement(entry, f"{{{_ATOM}}}link", href=href, type=_CAP_TYPE)
    return _xml(root)


def _add(root: etree._Element, name: str, text: str) -> None:
    etree.SubElement(root, f"{{{_ATOM}}}{name}").text = text


def _xml(root: etree._Element) -> bytes:
    body: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return body


ROUTES = Routes(routes)
