"""Where a verifier reads a presentation code: `POST /licences/v1/check`. See docs/licences.md."""

from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.context.app import App
from core.context.contributions import Routes
from core.context.http import PRIVATE, problem, read_object
from core.deadline import Deadline
from core.errors import AppError, InvalidInput
from core.ids import new_id
from core.texts import Locale, Named
from modules.affairs.licences import texts
from modules.affairs.licences.domain import Shown
from modules.affairs.licences.service import verify
from modules.affairs.verifiers.service import authenticate
from modules.affairs.verifiers.texts import REASON_MISSING

PATH = "/licences/v1/check"
BODY_MAX_BYTES = 8_192
REASON_CHARS_MAX = 24


def routes(app: App) -> list[Route]:
    """The address of verifiers."""

    async def check(request: Request) -> Response:
        try:
            shown = await _check(app, request)
        except AppError as refused:
            return problem(refused, Locale.from_header(request.headers.get("accept-language")))
        return JSONResponse(_answer(shown), headers=PRIVATE)

    return [Route(PATH, check, methods=["POST"])]


async def _check(app: App, request: Request) -> Shown:
    """What a verifier is shown. Raises LoginRequired without its key, and as `verify` does."""
    deadline = Deadline.after(app.settings.request_deadline_s)
    verifier = await authenticate(app, request.headers.get("authorization"))
    body = await _read(request)
    code, reason = body.get("code"), body.get("reason")
    if not isinstance(code, str):
        raise InvalidInput(texts.PRESENTATION_INVALID, "code")
    said = reason.strip() if isinstance(reason, str) else ""
    if not (0 < len(said) <= REASON_CHARS_MAX and said.isprintable()):  # citizens read it
        raise InvalidInput(REASON_MISSING, "reason")
    named = replace(verifier, name=f"{verifier.name}:{said}")
    return await verify(app, deadline, named, code, new_id().hex)


async def _read(request: Request) -> dict[str, Any]:
    """The JSON object of a request, at most 8 KB. Raises InvalidInput for anything else."""
    body = await read_object(request, BODY_MAX_BYTES)
    if body is None:
        raise InvalidInput(texts.PRESENTATION_INVALID, "code")
    return body


def _answer(shown: Shown) -> dict[str, Any]:
    licence = shown.licence
    return {
        "kind": licence.kind,
        "name": _both(licence.name),
        "issuer": licence.issuer_zh,
        "status": licence.status,
        "validUntil": licence.valid_until.isoformat() if licence.valid_until else None,
        "fields": [
            {"name": field.name, "title": _both(field.title), "value": field.value}
            for field in shown.fields
        ],
        "shownAt": shown.shown_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _both(name: Named) -> dict[str, str]:
    return {"zh": name.zh, "en": name.en}


ROUTES = Routes(routes)
