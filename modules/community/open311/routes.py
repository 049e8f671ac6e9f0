"""GeoReport v2 at `/open311/v2`: its six methods, discovery, and two published extensions.

Extensions: `servicerequestupdates` (mySociety's), and of `requests` the arguments lat, long and
radius (metres), updated_after, updated_before, page and page_size. See docs/reports.md.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.context.app import App
from core.context.call import Call
from core.context.contributions import Routes
from core.database import transaction
from core.deadline import Deadline
from core.errors import AppError, Conflict, InvalidInput, NotFound, RateLimited
from core.ids import new_id
from core.refusal_texts import NOT_FOUND
from core.standards.coordinates import NEAREST_MAX, GeoPoint, distance_m, point_in_city
from core.texts import Locale
from kinds.application import store as engine_store
from kinds.application import updates
from kinds.application.form import FormIncomplete
from kinds.application.versions import read_rules
from modules.community.open311 import clients, georeport, texts
from modules.community.open311.arguments import (
    Arguments,
    read_arguments,
    require_jurisdiction,
)
from modules.community.open311.rendering import JSON, MEDIA_TYPES, XML, Document, render
from modules.community.reports import service, store
from modules.community.reports import texts as report_texts
from modules.community.reports.categories import categories_of, get_category
from modules.community.reports.models import Report
from modules.community.reports.service import Filer
from modules.community.reports.store import Filter, Window

ROOT, PATH = "/open311", "/open311/v2"
SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
UPDATES_SPECIFICATION = (
    "https://github.com/mysociety/fixmystreet/wiki/Open311-FMS---Proposed-differences-to-Open311"
)
CHANGED_AT = "2026-11-28T00:00:00+08:00"
"""When this interface last changed: what discovery calls its changeset."""

_NOS_MOST = 50
_RADIUS_M, _RADIUS_MOST_M = 1_000, 20_000
_STATUSES = {"open": True, "closed": False}

Serve: TypeAlias = Callable[[Call, Request, Arguments], Awaitable[Document]]


def routes(app: App) -> list[Route]:
    """The addresses of Open311."""

    def at(path: str, serve: Serve, method: str = "GET") -> Route:
        return Route(path, _answering(app, serve), methods=[method])

    return [
        at(f"{ROOT}/discovery", _discovery),
        at(f"{ROOT}/discovery.{{format}}", _discovery),
        at(f"{PATH}/discovery.{{format}}", _discovery),
        at(f"{PATH}/services.{{format}}", _services),
        at(f"{PATH}/services/{{service_code}}.{{format}}", _definition),
        at(f"{PATH}/requests.{{format}}", _requests),
        at(f"{PATH}/requests.{{format}}", _file, "POST"),
        at(f"{PATH}/requests/{{no}}.{{format}}", _request),
        at(f"{PATH}/tokens/{{no}}.{{format}}", _token),
        at(f"{PATH}/servicerequestupdates.{{format}}", _updates),
        at(f"{PATH}/servicerequestupdates.{{format}}", _add_update, "POST"),
    ]


def _answering(app: App, serve: Serve) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        locale = Locale.from_header(request.headers.get("accept-language"))
        format_ = request.path_params.get("format", XML)
        deadline = Deadline.after(app.settings.request_deadline_s)
        call = Call(app, deadline, new_id().hex, None, locale)
        try:
            if format_ not in MEDIA_TYPES:
                raise InvalidInput(texts.FORMAT, "format")
            arguments = await read_arguments(request)
            require_jurisdiction(arguments, _jurisdiction(app))
            return render(await serve(call, request, arguments), format_)
        except AppError as refused:
            return _refusal(refused, locale, format_ if format_ in MEDIA_TYPES else XML)

    return endpoint


def _jurisdiction(app: App) -> str:
    rules = app.once("open311.rules", lambda: read_rules(app.settings, "open311"))
    return str(rules["jurisdiction_id"])


def _refusal(refused: AppError, locale: Locale, format_: str) -> Response:
    """What is wrong, as the specification's list of errors: 404 for what is not there, 403 for the
    key, 400 for everything else that is asked wrongly."""
    descriptions = [refused.say(locale)]
    if isinstance(refused, FormIncomplete):
        descriptions = [problem.say(locale) for problem in refused.problems]
    status = _status(refused)
    errors = [{"code": status, "description": text} for text in descriptions]
    wait = {"Retry-After": str(refused.retry_after_s)} if isinstance(refused, RateLimited) else {}
    return render(Document("errors", errors), format_, status, wait)


def _status(refused: AppError) -> int:
    if isinstance(refused, NotFound) or refused.text in _NOT_THERE:
        return 404
    if isinstance(refused, InvalidInput | Conflict):
        return 400
    return refused.http_status


_NOT_THERE = (report_texts.CATEGORY_UNKNOWN, report_texts.CATEGORY_WITHDRAWN)


async def _discovery(call: Call, _request: Request, _arguments: Arguments) -> Document:
    rules = read_rules(call.app.settings, "open311")
    formats = [MEDIA_TYPES[XML].partition(";")[0], MEDIA_TYPES[JSON].partition(";")[0]]
    body = {
        "changeset": CHANGED_AT,
        "contact": rules["contact"],
        "key_service": rules["key_service"],
        "endpoints": [
            {
                "specification": specification,
                "url": f"{call.app.settings.base_url}{PATH}",
                "changeset": CHANGED_AT,
                "type": "production" if call.app.settings.is_production else "test",
                "formats": formats,
            }
            for specification in (SPECIFICATION, UPDATES_SPECIFICATION)
        ],
    }
    return Document("discovery", body)


async def _services(call: Call, _request: Request, _arguments: Arguments) -> Document:
    offered = categories_of(call.app).list_offered(service.today(call.app))
    return Document("services", [georeport.to_service(call, one) for one in offered])


async def _definition(call: Call, request: Request, _arguments: Arguments) -> Document:
    category = get_category(call.app, request.path_params["service_code"])
    return Document("service_definition", georeport.to_definition(call, category))


async def _requests(call: Call, _request: Request, arguments: Arguments) -> Document:
    """By number, around a place, or of a window of time."""
    nos = arguments.list_of("service_request_id")
    if nos:
        return await _listed(call, await store.list_by_nos(nos[:_NOS_MOST]))
    lat, lon = arguments.degrees("lat"), arguments.degrees("long")
    if lat is not None and lon is not None:
        return await _listed(call, await _near(call, arguments, GeoPoint(lat, lon)))
    start, end = arguments.window(call.app.clock.now())
    window = Window(
        filed_from=start,
        filed_until=end,
        categories=arguments.list_of("service_code"),
        is_open=_is_open(arguments),
        changed_from=arguments.moment("updated_after"),
        changed_until=arguments.moment("updated_before"),
    )
    skip, size = arguments.page()
    return await _listed(call, await store.list_window(window, skip=skip, first=size))


async def _near(call: Call, arguments: Arguments, point: GeoPoint) -> Sequence[Report]:
    here = point_in_city(call.app.city, point, "lat")
    radius_m = arguments.number("radius", _RADIUS_M, 1, _RADIUS_MOST_M)
    is_open = _is_open(arguments)
    wanted = Filter(arguments.list_of("service_code"), only_open=is_open is True)
    rows = await store.list_around(here, radius_m, wanted, NEAREST_MAX)
    return [
        row
        for row in rows
        if distance_m(here, GeoPoint(row.lat, row.lon)) <= radius_m
        and is_open in (None, row.is_open)
    ]


def _is_open(arguments: Arguments) -> bool | None:
    """Which of open and closed is wanted; None for both."""
    wanted = arguments.list_of("status")
    if any(status not in _STATUSES for status in wanted):
        raise InvalidInput(texts.ARGUMENT_INVALID, "status", name="status")
    return _STATUSES[wanted[0]] if len(wanted) == 1 else None


async def _listed(call: Call, rows: Sequence[Report]) -> Document:
    return Document("service_requests", await georeport.to_requests(call, rows))


async def _request(call: Call, request: Request, _arguments: Arguments) -> Document:
    return await _listed(call, [await _get(request.path_params["no"])])


async def _token(_call: Call, request: Request, _arguments: Arguments) -> Document:
    """Numbers are given at once: a token is the number itself."""
    row = await _get(request.path_params["no"])
    return Document("service_requests", [{"service_request_id": row.no, "token": row.no}])


async def _get(no: str) -> Report:
    for row in await store.list_by_nos([no]) if no.isprintable() else ():
        return row
    raise NotFound(NOT_FOUND)


async def _file(call: Call, request: Request, arguments: Arguments) -> Document:
    """File a report under the client's own id; its `Idempotency-Key`, where sent, files once."""
    client_id = await clients.authenticate(call.app, arguments.find("api_key"))
    code = arguments.require("service_code")
    get_category(call.app, code)
    draft = georeport.read_draft(call, arguments)
    key = request.headers.get("idempotency-key") or new_id().hex
    filer = Filer(client_id, is_organisation=True)
    row = await service.file_as(call, filer, draft, key)
    return Document("service_requests", [georeport.to_receipt(call, row)])


async def _updates(call: Call, _request: Request, arguments: Arguments) -> Document:
    start, end = arguments.window(call.app.clock.now())
    skip, size = arguments.page()
    pairs = await store.list_updates_between(start, end, skip=skip, first=size)
    rows = [georeport.to_update(call, update, report) for update, report in pairs]
    return Document("service_request_updates", rows)


async def _add_update(call: Call, _request: Request, arguments: Arguments) -> Document:
    """Add words to a report of the client's own; whoever handles it is told."""
    client_id = await clients.authenticate(call.app, arguments.find("api_key"))
    row = await _get(arguments.require("service_request_id"))
    text = arguments.require("description")
    case = await engine_store.find_case(row.case_id)
    if case is None or case.citizen_id != client_id:
        raise NotFound(NOT_FOUND)
    await updates.require_room(call.app, case.id)
    async with transaction() as tx:
        sequence = await updates.add_update(call.app, tx, case.id, client_id, text)
    return Document("service_request_updates", [{"update_id": f"{row.no}-{sequence}"}])


ROUTES = Routes(routes)
