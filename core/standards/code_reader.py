"""Reading a signed code without a network: at a gate, at a hospital's counter, in a script.

A code is a compact JWS (RFC 7515) with EdDSA (RFC 8037) and the claims of RFC 7519, as
`core.standards.signed_code` issues it. A reader has the issuer's published keys (a JWK Set, RFC
7517, of `/.well-known/jwks.json`) and a clock, and nothing else of this house: this file imports
nothing of it. A code opens once: what is remembered is its `jti`, never its text, because one
signature can be written in several ways.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

LIFE_MOST = timedelta(seconds=60)
"""A code that would live longer is none."""
SKEW_MOST = timedelta(seconds=30)
"""How far the reader's clock may be behind the issuer's."""
GRACE = timedelta(hours=24)
"""How long keys are believed that could not be fetched again."""
_TEXT_MOST = 4096
_UNREADABLE = (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError, OSError)


class CodeRefused(Exception):
    """The code opens nothing; `reason` is a stable code."""

    reason = "REFUSED"


class CodeInvalid(CodeRefused):
    """A text that is no code of the issuer's for these readers: forged, or of another form."""

    reason = "INVALID"


class CodeExpired(CodeRefused):
    """A code that is over."""

    reason = "EXPIRED"


class ClockSkew(CodeRefused):
    """A code that begins later than the reader's clock allows: one of the two clocks is wrong."""

    reason = "CLOCK_SKEW"


class CodeUsed(CodeRefused):
    """A code that was read before."""

    reason = "ALREADY_USED"


class KeysOld(CodeRefused):
    """The reader's keys were fetched too long ago."""

    reason = "KEYS_OLD"


@dataclass(frozen=True, slots=True)
class ReadCode:
    """What a good code says. `subject` is a pseudonym, `number` that by which it opens once."""

    subject: str
    number: str
    issued_at: datetime
    expires_at: datetime


class CodeReader:
    """Reads the codes of one issuer for one kind of reader, each once.

    `jwks` is the published key set, `fetched_at` when it was fetched; it is believed for `grace`.
    """

    def __init__(
        self,
        jwks: Mapping[str, Any],
        *,
        issuer: str,
        audience: str,
        fetched_at: datetime,
        grace: timedelta = GRACE,
    ) -> None:
        self._keys = {key["kid"]: jwt.PyJWK(key) for key in jwks["keys"] if _signs(key)}
        self._issuer = issuer
        self._audience = audience
        self._fetched_at = fetched_at
        self._grace = grace
        self._used: dict[str, datetime] = {}

    def read(self, text: str, now: datetime) -> ReadCode:
        """A code that is good at this moment, which is used up by that.

        Raises CodeInvalid, ClockSkew, CodeExpired, CodeUsed, KeysOld.
        """
        code = self.check(text, now)
        self._used = {number: end for number, end in self._used.items() if end > now}
        if code.number in self._used:
            raise CodeUsed
        self._used[code.number] = code.expires_at
        return code

    def check(self, text: str, now: datetime) -> ReadCode:
        """As `read`, for who remembers elsewhere which codes are used. Raises but for CodeUsed."""
        if now - self._fetched_at > self._grace:
            raise KeysOld
        try:
            code = self._decode(text)
        except _UNREADABLE:
            raise CodeInvalid from None
        if not timedelta() < code.expires_at - code.issued_at <= LIFE_MOST:
            raise CodeInvalid
        if now < code.issued_at - SKEW_MOST:
            raise ClockSkew
        if now >= code.expires_at:
            raise CodeExpired
        return code

    def _decode(self, text: str) -> ReadCode:
        if len(text) > _TEXT_MOST:
            raise ValueError("too long")
        key = self._keys[jwt.get_unverified_header(text)["kid"]]
        claims = jwt.decode(
            text,
            key,
            algorithms=["EdDSA"],
            audience=self._audience,
            issuer=self._issuer,
            options={
                "require": ["sub", "jti", "nbf", "exp"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
        begins, ends = claims["nbf"], claims["exp"]
        if not (type(begins) is int and type(ends) is int):
            raise ValueError("times are whole seconds")
        return ReadCode(
            str(claims["sub"]),
            str(claims["jti"]),
            datetime.fromtimestamp(begins, UTC),
            datetime.fromtimestamp(ends, UTC),
        )


def _signs(key: Mapping[str, Any]) -> bool:
    return (key.get("kty"), key.get("crv")) == ("OKP", "Ed25519") and "kid" in key
