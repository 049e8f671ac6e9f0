"""What a hospital does with a card's code: learn whose it is, or read the record (docs/health.md).

A hospital signs each question with a code of its own (`core.standards.code_reader`: issuer, its
code; audience, our issuer), by a key that it publishes. The citizen finds it in their access log.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.context.app import App
from core.context.contributions import Routes
from core.context.http import PRIVATE, problem
from core.deadline import Deadline
from core.errors import AppError, Conflict, InvalidInput, LoginRequired, Unavailable
from core.ids import new_id
from core.people.personal_read import Access, Purpose, Verifier, open_access_shown
from core.queue.jobs import Lane, job
from core.refusal_texts import UPSTREAM_UNAVAILABLE
from core.standards.code_reader import CodeReader, CodeRefused
from core.standards.fhir import FHIR_JSON
from core.texts import Locale
from core.upstream.client import UpstreamError
from modules.health.card import service, texts
from modules.health.card.upstream import find_card, read_hospital_keys
from modules.health.models import HealthCardUse
from modules.health.policy import hospital_name, hospitals_of
from modules.health.record.export import make_summary
from modules.health.records.lookup import PURPOSE as RECORDS_PURPOSE
from modules.health.records.lookup import RECORD_SERVICE

PATH = "/health-card/v1/{hospital}"
KEYS_FRESH, KEYS_STALE = timedelta(minutes=10), timedelta(days=1)
USES_KEPT = timedelta(days=1)
BODY_MAX_BYTES = 8_192

Answer = Callable[[App, Deadline, Access], Awaitable[Response]]


def routes(app: App) -> list[Route]:
    """The addresses of hospitals."""
    return [
        _route(app, "/check", service.SERVICE, service.PURPOSE, _whose),
        _route(app, "/record", RECORD_SERVICE, RECORDS_PURPOSE, _record),
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


def _route(app: App, path: str, service_id: str, purpose: Purpose, answer: Answer) -> Route:
    """An address to which a hospital posts `{"code": …}`; the code is used up even where the
    answer fails."""

    async def serve(request: Request) -> Response:
        deadline = Deadline.after(app.settings.request_deadline_s)
        try:
            hospital_ref = request.path_params["hospital"]
            authorization = request.headers.get("authorization")
            verifier = await authenticate(app, deadline, hospital_ref, authorization)
            code = (await _read(request)).get("code")
            citizen_id = await service.take(app, str(code), hospital_ref)
            access = await open_access_shown(
                app,
                citizen_id,
                verifier,
                service=service_id,
                purpose=purpose,
                fields=purpose.fields,
                request_id=new_id().hex,
            )
            return await answer(app, deadline, access)
        except UpstreamError as error:
            refused: AppError = Unavailable(UPSTREAM_UNAVAILABLE, upstream=error.upstream)
            return problem(refused, _locale(request))
        except AppError as error:
            return problem(error, _locale(request))

    return Route(PATH + path, serve, methods=["POST"])


async def _whose(app: App, deadline: Deadline, access: Access) -> Response:
    card = await find_card(app, deadline, access)
    if card is None:
        raise Conflict(texts.NOT_ACTIVE)
    body = {"cardNo": card.card_no, "state": card.state, "name": access.person.name}
    return JSONResponse(body, headers=PRIVATE)


async def _record(app: App, deadline: Deadline, access: Access) -> Response:
    """The patient summary without what is under a label."""
    body = await make_summary(app, deadline, access, restricted=False)
    return Response(body, headers=PRIVATE, media_type=FHIR_JSON)


async def _read(request: Request) -> Mapping[str, Any]:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_MAX_BYTES:
            raise InvalidInput(texts.CODE_INVALID, "code")
    try:
        body = orjson.loads(bytes(raw))
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise InvalidInput(texts.CODE_INVALID, "code")
    return body


def _locale(request: Request) -> Locale:
    return Locale.from_header(request.headers.get("accept-language"))


ROUTES = Routes(routes)
