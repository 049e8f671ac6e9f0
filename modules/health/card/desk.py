"""What hospitals ask and tell: whose code this is, a patient's record, that a report is ready.

See docs/health.md.

A hospital signs each question with a code of its own (`core.standards.code_reader`: issuer, its
code; audience, our issuer), by a key that it publishes. The citizen finds it in their access log.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.context.app import App
from core.context.contributions import Routes
from core.context.http import PRIVATE, problem, read_object, text_in
from core.database import transaction
from core.deadline import Deadline
from core.errors import AppError, Conflict, InvalidInput, LoginRequired, Unavailable
from core.ids import new_id
from core.people import consents
from core.people.directory import find_person
from core.people.parties import list_reached
from core.people.personal_read import Access, Purpose, Verifier, open_access_shown
from core.queue.jobs import Lane, job
from core.refusal_texts import INVALID_INPUT, UPSTREAM_UNAVAILABLE
from core.standards.code_reader import CodeReader, CodeRefused
from core.standards.fhir import FHIR_JSON
from core.texts import Locale
from core.upstream.client import UpstreamError
from modules.health.card import service, texts
from modules.health.card.domain import SERVICE
from modules.health.card.upstream import find_card, read_hospital_keys
from modules.health.models import HealthCardRow, HealthCardUse
from modules.health.policy import hospital_name, hospitals_of
from modules.health.record.export import make_summary
from modules.health.records.lookup import PURPOSE as RECORDS_PURPOSE
from modules.health.records.lookup import RECORD_SERVICE, REPORT_SERVICE
from notifications import api as notifications
from notifications.api import Parcel, Template

PATH = "/health-card/v1/{hospital}"
KEYS_FRESH, KEYS_STALE = timedelta(minutes=10), timedelta(days=1)
USES_KEPT = timedelta(days=1)
BODY_MAX_BYTES = 8_192

REPORT_NO_MOST = 64
REPORT_READY = Template("health.report_ready", texts.REPORT_TITLE, texts.REPORT_BODY)


@dataclass(frozen=True, slots=True)
class Desk:
    """A hospital that asks something."""

    app: App
    deadline: Deadline
    hospital_ref: str
    verifier: Verifier


Serve = Callable[[Desk, Mapping[str, Any]], Awaitable[Response]]


def routes(app: App) -> list[Route]:
    """The addresses of hospitals."""
    return [
        _route(app, "/check", _check),
        _route(app, "/record", _record),
        _route(app, "/reports", _report_ready),
    ]


async def authenticate(
    app: App, deadline: Deadline, hospital_ref: str, authorization: str | None
) -> Verifier:
    """The hospital that has signed a question.

    Raises LoginRequired for any other signature, Unavailable where its keys cannot be read.
    """
    if hospital_ref not in hospitals_of(app):
        raise LoginRequired(texts.HOSPITAL_UNKNOWN)
    now = app.clock.now()
    keys = await app.last_good.read_through(
        ("hospital_keys", hospital_ref),
        lambda: read_hospital_keys(app, deadline, hospital_ref),
        clock=app.clock,
        max_stale=KEYS_STALE,
        fresh=KEYS_FRESH,
    )
    if keys.value is None:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.PLATFORM)
    token = (authorization or "").partition(" ")[2].strip()
    try:
        reader = CodeReader(
            keys.value, issuer=hospital_ref, audience=app.tokens.issuer, fetched_at=now
        )
        reader.check(token, now)
    except (CodeRefused, KeyError, TypeError, ValueError):
        raise LoginRequired(texts.HOSPITAL_UNKNOWN) from None
    name = hospital_name(app, hospital_ref).zh
    return Verifier(uuid5(NAMESPACE_URL, f"urn:quancheng:hospital:{hospital_ref}"), name)


@job("health.forget_card_uses", lane=Lane.BULK, every="25 19 * * *")
async def forget_card_uses(app: App) -> None:
    """Every night: forget the codes that are over for long."""
    await HealthCardUse.filter(used_at__lt=app.clock.now() - USES_KEPT).delete()


def _route(app: App, path: str, serve: Serve) -> Route:
    """An address to which a hospital posts a JSON object that it has signed."""

    async def endpoint(request: Request) -> Response:
        deadline = Deadline.after(app.settings.request_deadline_s)
        hospital_ref = request.path_params["hospital"]
        try:
            authorization = request.headers.get("authorization")
            verifier = await authenticate(app, deadline, hospital_ref, authorization)
            return await serve(Desk(app, deadline, hospital_ref, verifier), await _read(request))
        except UpstreamError as error:
            refused: AppError = Unavailable(UPSTREAM_UNAVAILABLE, upstream=error.upstream)
        except AppError as error:
            refused = error
        return problem(refused, Locale.from_header(request.headers.get("accept-language")))

    return Route(PATH + path, endpoint, methods=["POST"])


async def _open(
    desk: Desk, body: Mapping[str, Any], service_id: str, purpose: Purpose
) -> tuple[HealthCardRow, Access]:
    """The card of the code in a body, which is used up by that, and the access of its reader."""
    card = await service.take(desk.app, text_in(body, "code"), desk.hospital_ref)
    access = await open_access_shown(
        desk.app,
        card.citizen_id,
        desk.verifier,
        service=service_id,
        purpose=purpose,
        fields=purpose.fields,
        request_id=new_id().hex,
    )
    return card, access


async def _check(desk: Desk, body: Mapping[str, Any]) -> Response:
    """Whose code it is: `{"card", "cardNo", "state", "name"}`."""
    row, access = await _open(desk, body, SERVICE, service.PURPOSE)
    card = await find_card(desk.app, desk.deadline, access)
    if card is None:
        raise Conflict(texts.NOT_ACTIVE)
    answer = {"card": row.id.hex, "cardNo": card.card_no, "state": card.state}
    return JSONResponse(answer | {"name": access.person.name}, headers=PRIVATE)


async def _record(desk: Desk, body: Mapping[str, Any]) -> Response:
    """The patient summary without what is under a label."""
    _, access = await _open(desk, body, RECORD_SERVICE, RECORDS_PURPOSE)
    summary = await make_summary(desk.app, desk.deadline, access, restricted=False)
    return Response(summary, headers=PRIVATE, media_type=FHIR_JSON)


async def _report_ready(desk: Desk, body: Mapping[str, Any]) -> Response:
    """Tell the owner of a card (`card`, as `check` answered it) of a report (`reportNo`), once.

    Who has not consented, or has no card any more, is told nothing; no hospital learns of that.
    """
    app, report_no = desk.app, text_in(body, "reportNo")
    if not 0 < len(report_no) <= REPORT_NO_MOST:
        raise InvalidInput(INVALID_INPUT, "reportNo", detail="reportNo has 1 to 64 characters")
    row = await HealthCardRow.get_or_none(id=_id_of(text_in(body, "card")))
    person = await find_person(app, row.citizen_id) if row is not None else None
    if person is not None:
        purpose, now = RECORDS_PURPOSE, app.clock.now()
        readers = await list_reached(app, person, REPORT_SERVICE)
        async with transaction() as tx:
            if await consents.find_live(tx, person.id, purpose.id, purpose.text_version, now):
                params = {"hospital": hospital_name(app, desk.hospital_ref)}
                parcels = [Parcel(reader, params) for reader in readers]
                link = app.city.deep_link.format(id=REPORT_SERVICE)
                key = f"report-ready:{desk.hospital_ref}:{report_no}"
                await notifications.send_many(app, tx, REPORT_READY, parcels, key, deep_link=link)
    return JSONResponse({}, 202, headers=PRIVATE)


def _id_of(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(texts.CODE_INVALID, "card") from None


async def _read(request: Request) -> Mapping[str, Any]:
    body = await read_object(request, BODY_MAX_BYTES)
    if body is None:
        raise InvalidInput(texts.CODE_INVALID, "code")
    return body


ROUTES = Routes(routes)
