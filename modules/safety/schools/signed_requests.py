"""Requests that schools sign: which school it is, and when by its clock."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from starlette.requests import Request

from core.context.app import App
from core.context.http import read_body
from core.deadline import Deadline
from core.errors import InvalidInput, LoginRequired
from core.standards.http_signatures import SignatureInvalid, SignedMessage, Signer, verify
from modules.safety.schools import texts
from modules.safety.schools.domain import School
from modules.safety.schools.upstream import list_schools, unreadable_registry

BODY_MAX_BYTES = 256_000


async def signed_by_school(app: App, request: Request) -> tuple[School, Signer, bytes]:
    """The school that has signed a request, when, and the body.

    Raises LoginRequired where none has, InvalidInput for a body that is too large, Unavailable,
    also where the school may be one whose record cannot be read: its gates come again.
    """
    body = await read_body(request, BODY_MAX_BYTES)
    if body is None:
        raise InvalidInput(texts.REQUEST_TOO_LARGE, "body", most=BODY_MAX_BYTES)
    schools = await list_schools(app, Deadline.after(app.settings.request_deadline_s))
    message, unread = SignedMessage(request.method, request.url.path, request.headers, body), set()

    def find_key(code: str) -> Ed25519PublicKey | None:
        if schools.may_have(code):
            unread.add(code)
        school = schools.find(code)
        return None if school is None else school.gate_key

    try:
        signer = verify(message, find_key)
    except SignatureInvalid:
        if unread:
            raise unreadable_registry() from None
        raise LoginRequired(texts.SIGNATURE_INVALID) from None
    return schools.records[signer.key_id], signer, body
