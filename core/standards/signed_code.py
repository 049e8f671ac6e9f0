"""A signed code for a QR: short-lived, for one kind of reader, good once, believed offline.

A compact JWS (RFC 7515) with EdDSA (RFC 8037) and the claims of RFC 7519: `sub` is who shows it,
`aud` who may read it, `exp` when it is over, `jti` the number that a reader remembers so that it
opens once. A reader needs our public keys (`/.well-known/jwks.json`) and a clock, no network: see
`core.standards.code_reader`.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from core.security.authentication import Tokens
from core.standards.code_reader import CodeExpired, CodeInvalid

__all__ = [
    "CodeExpired",
    "CodeInvalid",
    "ReaderKey",
    "SignedCode",
    "issue_code",
    "read_code",
    "reader_key",
]

_NUMBER_BYTES = 12


@dataclass(frozen=True, slots=True)
class SignedCode:
    """What the QR says, and when it is over."""

    text: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ReaderKey:
    """The public key that readers check today's codes with: its id, and a JWK's `x`."""

    kid: str
    public_key: str


def issue_code(
    tokens: Tokens,
    *,
    subject: str,
    audience: str,
    life: timedelta,
    number: str | None = None,
    at: datetime | None = None,
) -> SignedCode:
    """A new code, different at every call unless `number` and `at`, when it begins, are given.

    `subject` should be a pseudonym: a QR is seen by many. `life` is in whole seconds.
    """
    claims = {"sub": subject, "jti": number or secrets.token_urlsafe(_NUMBER_BYTES)}
    text = tokens.sign(claims, audience=audience, life=life, at=at)
    ends = jwt.decode(text, options={"verify_signature": False})["exp"]
    return SignedCode(text, datetime.fromtimestamp(ends, UTC))


def read_code(tokens: Tokens, text: str, *, audience: str) -> str:
    """The number of a code, by which alone a reader may remember it: a signature can be written in
    several ways. Raises CodeExpired and CodeInvalid."""
    try:
        return str(tokens.read(text, audience=audience, claims=("jti",))["jti"])
    except jwt.ExpiredSignatureError:
        raise CodeExpired from None
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError):
        raise CodeInvalid from None


def reader_key(tokens: Tokens) -> ReaderKey:
    """The key of the codes that are issued now; readers that know it need no other."""
    newest = tokens.jwks()["keys"][0]
    return ReaderKey(newest["kid"], newest["x"])
