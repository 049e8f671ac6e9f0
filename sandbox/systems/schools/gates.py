"""School gates: they owe the product every reading, in signed batches, until it takes them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms
from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.institutions import schools
from sandbox.server.callbacks import Sender
from sandbox.server.system import City
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.shared.documents import find_anybody
from sandbox.systems.schools.registry import enrolment, gate_key

SYSTEM = "schools"
PATH = "/ingest/schools/v1/events"
WAITS_S = (1, 5, 30, 300, 900, 3600, 4 * 3600)
COVERED = ("@method", "@path", "content-digest")


class Passage(Body):
    """Somebody goes through the gate of their school, now unless it says when."""

    person: str = Field(description="A demo person's key, or the number of a document.")
    direction: Literal["IN", "OUT"]
    at: AwareDatetime | None = None
    event_id: str | None = None


class Heartbeat(Body):
    """A school's gates say that they are there."""

    school: str


@dataclass
class _Post:
    """A request as the library signs it."""

    body: bytes
    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


class _Key(HTTPSignatureKeyResolver):
    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def resolve_private_key(self, key_id: str) -> Ed25519PrivateKey:
        return self._key


def signed_headers(
    key: Ed25519PrivateKey,
    school: str,
    body: bytes,
    created: datetime,
    *,
    method: str = "POST",
    path: str = PATH,
) -> dict[str, str]:
    """The headers of a request: RFC 9421 over method, path and the body's digest (RFC 9530)."""
    post = _Post(body, method, f"https://product{path}")
    HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=_Key(key)).sign(
        post, key_id=school, created=created, covered_component_ids=COVERED, body=body
    )
    return {"Content-Type": "application/json", **post.headers}


async def pass_gate(request: Request, city: City) -> Response:
    """Let somebody through: the gate owes the product the reading from now on."""
    passage = await read_body(request, Passage)
    named = [p for p in city.population.demo if p.key == passage.person]
    person = named[0] if named else find_anybody(city, passage.person)
    enrolled = enrolment(city, person) if person is not None else None
    if enrolled is None:
        raise Refusal(404, "NOT_ENROLLED", "this person goes to no school")
    at = (passage.at or city.now()).astimezone(UTC)
    event = {
        "event_id": passage.event_id or f"E{city.serial('gate_event')}",
        "pupil_ref": enrolled["pupil_ref"],
        "gate_ref": "gate-1",
        "direction": passage.direction,
        "at": at.isoformat(timespec="seconds"),
    }
    _owe(city, str(enrolled["school_code"]), [event])
    return reply(event | {"school": enrolled["school_code"]}, 201)


async def heartbeat(request: Request, city: City) -> Response:
    """Have a school's gates send an empty batch."""
    code = (await read_body(request, Heartbeat)).school
    if code not in {school["code"] for school in schools()}:
        raise Refusal(404, "NO_SUCH_SCHOOL", "no such school")
    _owe(city, code, [])
    return Response(status_code=202)


def _owe(city: City, code: str, events: list[dict[str, object]]) -> None:
    if city.settings.api_url:
        body = orjson.dumps({"school": code, "events": events})
        city.callbacks.enqueue(SYSTEM, f"{city.settings.api_url}{PATH}", body)


@asynccontextmanager
async def running(city: City) -> AsyncIterator[None]:
    """Sign what the gates send anew at each attempt: the signature carries the gate's clock."""

    def headers(body: bytes) -> dict[str, str]:
        code = orjson.loads(body)["school"]
        return signed_headers(gate_key(city.settings.seed, code), code, body, city.now())

    city.callbacks.register(SYSTEM, Sender(headers, WAITS_S))
    yield
