"""FHIR's HTTP forms: resources, search bundles with pages, and refusals as OperationOutcome."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import SHANGHAI, City, Handler
from sandbox.server.wire import Refusal
from sandbox.systems.hospital.directory import Hospital, Resource

MEDIA_TYPE = "application/fhir+json"
COUNT_DEFAULT = 50
COUNT_MAX = 500
_PAGING = {"_count", "_offset"}
_ISSUE_CODES = {"TOO_LARGE": "too-long"}

HospitalHandler = Callable[[Request, City, Hospital], Awaitable[Response]]
Condition = Callable[[datetime], bool]


def at(hospital: Hospital, handler: HospitalHandler) -> Handler:
    """The handler at one hospital, its refusals told as OperationOutcome."""

    async def handle(request: Request, city: City) -> Response:
        try:
            return await handler(request, city, hospital)
        except Refusal as refusal:
            return fhir(outcome(refusal), refusal.status)

    return handle


def fhir(resource: Resource, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A resource as the answer."""
    return Response(orjson.dumps(resource), status, headers, MEDIA_TYPE)


def outcome(refusal: Refusal) -> Resource:
    """A refusal as FHIR tells it; the refusal's code is the issue type."""
    code = _ISSUE_CODES.get(refusal.code, refusal.code)
    issue = {"severity": "error", "code": code, "diagnostics": refusal.message}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def check_search(request: Request, known: set[str]) -> None:
    """Raise Refusal 400 `not-supported` for a search parameter that would be ignored."""
    unknown = set(request.query_params) - known - _PAGING
    if unknown:
        raise Refusal(400, "not-supported", f"unknown search parameters: {sorted(unknown)}")


def bundle(request: Request, found: Sequence[Resource]) -> Response:
    """One page of a search's results, with a link to the next where there is one."""
    count = _page_number(request, "_count", COUNT_DEFAULT, COUNT_MAX)
    offset = _page_number(request, "_offset", 0, 10_000_000)
    base = str(request.url).partition("?")[0]
    links = [{"relation": "self", "url": str(request.url)}]
    if offset + count < len(found) and count:
        kept = [pair for pair in request.query_params.multi_items() if pair[0] not in _PAGING]
        query = urlencode([*kept, ("_count", count), ("_offset", offset + count)])
        links.append({"relation": "next", "url": f"{base}?{query}"})
    root = base.rpartition("/")[0]
    members: Resource = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        "link": links,
    }
    entries = [
        {
            "fullUrl": f"{root}/{resource['resourceType']}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        for resource in found[offset : offset + count]
    ]
    return fhir(members | {"entry": entries} if entries else members)


def reference_id(request: Request, name: str, kinds: Sequence[str]) -> tuple[str, str] | None:
    """A reference parameter `Kind/id` (the kind may be left out where only one fits), or None."""
    text = request.query_params.get(name)
    if text is None:
        return None
    kind, slash, identifier = text.rpartition("/")
    if not slash and len(kinds) == 1:
        kind = kinds[0]
    if kind not in kinds or not identifier:
        raise Refusal(400, "invalid", f"{name} must be one of {', '.join(kinds)}/id")
    return kind, identifier


def moment_conditions(request: Request, name: str) -> list[Condition]:
    """The bounds that date parameters like `start=ge2026-05-01` set. Raises Refusal 400."""
    return [_condition(text) for text in request.query_params.getlist(name)]


def _condition(text: str) -> Condition:
    prefix, value = (text[:2], text[2:]) if text[:2].isalpha() else ("eq", text)
    try:
        low = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError:
        raise Refusal(400, "invalid", f"not a date or time: {text}") from None
    high = low + (timedelta(days=1) if len(value) == 10 else timedelta(seconds=1))
    if low.tzinfo is None:
        low, high = low.replace(tzinfo=SHANGHAI), high.replace(tzinfo=SHANGHAI)
    conditions: dict[str, Condition] = {
        "eq": lambda moment: low <= moment < high,
        "ge": lambda moment: moment >= low,
        "gt": lambda moment: moment >= high,
        "lt": lambda moment: moment < low,
        "le": lambda moment: moment < high,
    }
    if prefix not in conditions:
        raise Refusal(400, "not-supported", f"prefix {prefix} is not supported")
    return conditions[prefix]


def _page_number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 8):
        raise Refusal(400, "invalid", f"{name} must be a whole number")
    return min(int(text), most)
