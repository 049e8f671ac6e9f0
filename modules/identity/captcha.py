"""The captcha: where codes are asked for too often, who asks shows to be no machine.

It guards phones from texts that nobody wanted, and locks nobody out: a device that the phone's
owner was on is never asked, and while the captcha service is silent who asks gets a pass of ours in
the place of a ticket (the limits of codes stand). A city without the service asks nobody.
See docs/upstreams/captcha.md.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import jwt
import structlog

from core.context.app import App
from core.context.call import Call
from core.database import connection, idempotency, rate_limit, transaction
from core.errors import InvalidInput
from core.ids import new_id
from core.upstream.client import UpstreamError
from core.upstream.operation import Request, System, json_of
from modules.identity import texts

PASS_LIFE = timedelta(minutes=5)
_AUDIENCE = "quancheng-captcha-pass"

CAPTCHA = System("captcha", optional=True)

log = structlog.get_logger(__name__)


class Verdict(StrEnum):
    """What the service says of a ticket."""

    PASSED = "PASSED"
    FAILED = "FAILED"


@CAPTCHA.operation("POST", "/challenges", answers=json_of(str, "url"), safe=True)
def open_challenge(request_ref: str, address: str) -> Request:
    """The page of a challenge; one for each `request_ref`."""
    return Request(json={"request_ref": request_ref, "address": address})


@CAPTCHA.operation("POST", "/verifications", answers=json_of(Verdict, "result"))
def verify(ticket: str, address: str) -> Request:
    """Whether a ticket is good at this address; it is spent."""
    return Request(json={"ticket": ticket, "address": address})


@dataclass(frozen=True, slots=True)
class Challenge:
    """Where a challenge is solved; or, while nobody can say, the pass that goes in its place."""

    url: str | None
    ticket: str | None


async def begin(call: Call) -> Challenge:
    """A challenge for who is to show to be no machine, at the address that they come from."""
    app = call.app
    try:
        url = await open_challenge(app, call.deadline, new_id().hex, call.address)
    except UpstreamError as error:
        log.warning("captcha silent", reason=error.reason)
        claims = {"sub": call.address, "jti": new_id().hex}
        return Challenge(None, app.tokens.sign(claims, audience=_AUDIENCE, life=PASS_LIFE))
    return Challenge(url, None)


async def is_due(app: App, limits: dict[str, int]) -> bool:
    """Whether one of these counters of codes says that people do not ask so often."""
    if app.upstreams.find_address(CAPTCHA.name) is None:
        return False
    return await rate_limit.is_any_used_up(connection(), app.clock, limits)


async def require(call: Call, ticket: str | None) -> None:
    """Return where a ticket is good, or the service silent. Raises InvalidInput CAPTCHA_REQUIRED
    without one, CAPTCHA_REFUSED for one that is spent, too old or of another address."""
    if not ticket:
        raise InvalidInput(texts.CAPTCHA_REQUIRED, "captcha")
    if await _is_our_pass(call, ticket):
        return
    try:
        verdict = await verify(call.app, call.deadline, ticket[:512], call.address)
    except UpstreamError as error:
        log.warning("captcha silent", reason=error.reason)
        return
    if verdict is not Verdict.PASSED:
        raise InvalidInput(texts.CAPTCHA_REFUSED, "captcha")


async def _is_our_pass(call: Call, ticket: str) -> bool:
    """Whether it is a pass of ours for this address, used for the first time."""
    app = call.app
    try:
        claims = app.tokens.read(ticket, audience=_AUDIENCE, claims=("sub", "jti"))
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError):
        return False
    async with transaction() as tx:
        is_first = await idempotency.use_once(app.clock, tx, _AUDIENCE, str(claims["jti"]))
    if claims["sub"] != call.address or not is_first:
        raise InvalidInput(texts.CAPTCHA_REFUSED, "captcha")
    return True
