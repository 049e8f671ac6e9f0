"""Resume tickets: how a client comes back to an action that needed a login first.

A ticket names the refused action and is bound to its input and idempotency key by a keyed hash;
the input itself stays with the client. It conveys no right: the action is decided afresh. It is
signed because an app goes where a ticket points, and bound to the viewer where one was known.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt
import orjson

from core.assurance import Assurance
from core.context.call import Call
from core.errors import Conflict, InvalidInput
from core.refusal_texts import RESUME_MISMATCH, TICKET_INVALID
from core.security.authorization import Need

if TYPE_CHECKING:
    from core.context.app import App

TICKET_LIFE = timedelta(minutes=30)
_AUDIENCE = "quancheng-resume"
_INPUT_MAX_CHARS = 4_000


@dataclass(frozen=True, slots=True)
class Action:
    """One use of one root field: where it leads, its input, and what it needs."""

    operation: str
    arguments: Mapping[str, Any]
    need: Need
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket says."""

    operation: str
    service: str | None
    idempotency_key: str | None
    input_hash: str
    need: Need
    expires_at: datetime


def issue(call: Call, action: Action) -> str:
    """A ticket for an action that was refused to this caller."""
    key = action.arguments.get("idempotency_key")
    claims = {
        "op": action.operation,
        "svc": action.service,
        "key": key if isinstance(key, str) and len(key) <= 64 else None,
        "inp": _input_hash(call.app, action),
        "lvl": action.need.level,
        "frs": action.need.fresh,
        "scp": action.need.scope,
        "asr": action.need.assurance,
        "own": str(call.viewer.user_id) if call.viewer else None,
    }
    return call.app.tokens.sign(claims, audience=_AUDIENCE, life=TICKET_LIFE)


def read(call: Call, ticket: str) -> Ticket:
    """What a ticket says. Raises InvalidInput TICKET_INVALID.

    Forged, outdated and somebody else's are told in the same words.
    """
    try:
        claims = call.app.tokens.read(ticket, audience=_AUDIENCE, claims=("op", "inp"))
        owner = claims["own"]
        if owner is not None and (call.viewer is None or owner != str(call.viewer.user_id)):
            raise ValueError("of another viewer")
        return Ticket(
            claims["op"],
            claims["svc"],
            claims["key"],
            claims["inp"],
            Need(
                claims["lvl"],
                claims["frs"],
                claims["scp"],
                assurance=Assurance(claims["asr"]) if claims["asr"] else None,
            ),
            datetime.fromtimestamp(claims["exp"], UTC),
        )
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError):
        raise InvalidInput(TICKET_INVALID, "ticket") from None


def refuse_other(call: Call, action: Action) -> None:
    """Hold a caller who presents a ticket to the input it was given for.

    Raises Conflict RESUME_MISMATCH for another input or key, InvalidInput for a bad ticket. A
    ticket for another operation says nothing about this one.
    """
    if call.resume_ticket is None:
        return
    ticket = read(call, call.resume_ticket)
    if ticket.operation == action.operation and ticket.input_hash != _input_hash(call.app, action):
        raise Conflict(RESUME_MISMATCH)


def _input_hash(app: "App", action: Action) -> str:
    plain = orjson.dumps(
        dict(action.arguments),
        option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS,
        default=lambda value: repr(value)[:_INPUT_MAX_CHARS],
    )
    message = b"resume" + action.operation.encode() + b"\x00" + plain
    return hmac.new(app.keys.pii_index, message, hashlib.sha256).hexdigest()
