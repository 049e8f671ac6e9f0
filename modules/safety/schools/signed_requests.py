"""Requests that schools sign: which school it is, and when by its clock."""

from starlette.requests import Request

from core.context.app import App
from core.context.http import read_body
from core.deadline import Deadline
from core.errors import InvalidInput, LoginRequired
from core.standards.http_signatures import SignatureInvalid, SignedMessage, Signer, verify
from modules.safety.schools import texts
from modules.safety.schools.domain import School
from modules.safety.schools.upstream import list_schools

BODY_MAX_BYTES = 256_000


async def signed_by_school(app: App, request: Request) -> tuple[School, Signer, bytes]:
    """The school that has signed a request, when, and the body.

    Raises LoginRequired where none has, InvalidInput for a body that is too large, Unavailable.
    """
    body = await read_body(request, BODY_MAX_BYTES)
    if body is None:
        raise InvalidInput(texts.REQUEST_TOO_LARGE, "body", most=BODY_MAX_BYTES)
    schools = await list_schools(app, Deadline.after(app.settings.request_deadline_s))
    message = SignedMessage(request.method, request.url.path, request.headers, body)
    try:
        signer = verify(message, lambda code: schools[code].gate_key if code in schools else None)
    except SignatureInvalid:
        raise LoginRequired(texts.SIGNATURE_INVALID) from None
    return schools[signer.key_id], signer, body
