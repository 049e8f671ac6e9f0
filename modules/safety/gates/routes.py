"""Where school gates send their readings: `POST /ingest/schools/v1/events`.

Signed by the school's key (`core.standards.http_signatures`). What is not, whoever sends it, is
refused in the same words after the same work. The contract is docs/upstreams/schools.md.
"""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.clock import ensure_utc
from core.context.app import App
from core.context.contributions import Routes
from core.context.http import PRIVATE, problem
from core.errors import AppError, InvalidInput, LoginRequired
from core.texts import Locale
from modules.safety.gates import texts
from modules.safety.gates.domain import Direction, GateReading
from modules.safety.gates.ingest import Receipt, receive
from modules.safety.schools.signed_requests import signed_by_school
from modules.safety.schools.texts import SIGNATURE_INVALID

PATH = "/ingest/schools/v1/events"
READINGS_MAX = 500

Ref = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,64}$")]


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: Ref
    pupil_ref: Ref
    gate_ref: Ref
    direction: Direction
    at: AwareDatetime


class _Batch(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    school: Ref
    events: Annotated[list[_Event], Field(max_length=READINGS_MAX)]


def routes(app: App) -> list[Route]:
    """The address of school gates."""

    async def events(request: Request) -> Response:
        try:
            receipt = await _take(app, request)
        except AppError as refused:
            return problem(refused, Locale.from_header(request.headers.get("accept-language")))
        return JSONResponse(_answer(receipt), headers=PRIVATE)

    return [Route(PATH, events, methods=["POST"])]


async def _take(app: App, request: Request) -> Receipt:
    """Raises LoginRequired for a bad signature, InvalidInput for a malformed batch, Conflict,
    Unavailable."""
    school, signer, body = await signed_by_school(app, request)
    try:
        batch = _Batch.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise InvalidInput(texts.BATCH_INVALID, where, detail=f"{where}: {first['type']}") from None
    if batch.school != school.code:
        raise LoginRequired(SIGNATURE_INVALID)
    readings = [
        GateReading(one.event_id, one.pupil_ref, one.gate_ref, one.direction, ensure_utc(one.at))
        for one in batch.events
    ]
    return await receive(app, school, signer.created_at, readings)


def _answer(receipt: Receipt) -> dict[str, object]:
    refused = [{"event_id": ref, "code": fault} for ref, fault in receipt.refused.items()]
    return {"accepted": receipt.accepted, "duplicates": receipt.duplicates, "refused": refused}


ROUTES = Routes(routes)
