"""Rules of OpenID Connect Core 1.0 that need no table: requests, subjects, PKCE."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

REQUEST_LIFE = timedelta(minutes=10)
CODE_LIFE = timedelta(minutes=1)
TOKEN_LIFE = timedelta(minutes=15)
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9\-_]{43}")
_TEXT_CHARS_MAX = 512


class OpenidScope(StrEnum):
    """What an app may know: OPENID who it is, PROFILE the real name, PHONE the number."""

    OPENID = "openid"
    PROFILE = "profile"
    PHONE = "phone"


class RequestRefused(Exception):
    """A refusal that goes back to the app; `error` is the registered code."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class AppRequest:
    """A good request to sign somebody in, as it is signed and handed to our own app."""

    client_id: UUID
    redirect_uri: str
    scopes: tuple[OpenidScope, ...]
    code_challenge: str
    state: str | None
    nonce: str | None
    max_age_s: int | None


def read_request(client_id: UUID, redirect_uri: str, query: Mapping[str, str]) -> AppRequest:
    """The request of an address whose client and redirect address are known to be good.

    Raises RequestRefused (RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6). Without
    PKCE by S256 none is taken (RFC 9700 section 2.1.1).
    """
    if query.get("response_type") != "code":
        raise RequestRefused("unsupported_response_type", "response_type must be code")
    if query.get("response_mode", "query") != "query":
        raise RequestRefused("invalid_request", "response_mode must be query")
    if "request" in query or "request_uri" in query:
        code = "request_not_supported" if "request" in query else "request_uri_not_supported"
        raise RequestRefused(code, "send plain parameters")
    if query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(
        query.get("code_challenge", "")
    ):
        raise RequestRefused("invalid_request", "PKCE with S256 is needed (RFC 7636)")
    if "none" in query.get("prompt", "").split():
        raise RequestRefused("login_required", "people confirm each sign-in in their app")
    if any(len(query.get(name, "")) > _TEXT_CHARS_MAX for name in ("state", "nonce")):
        raise RequestRefused("invalid_request", "state or nonce is too long")
    return AppRequest(
        client_id,
        redirect_uri,
        _scopes(query.get("scope", "")),
        query["code_challenge"],
        query.get("state"),
        query.get("nonce"),
        _max_age_s(query),
    )


def _scopes(text: str) -> tuple[OpenidScope, ...]:
    wanted = text.split()
    if OpenidScope.OPENID not in wanted:
        raise RequestRefused("invalid_scope", "scope must contain openid")
    # scopes that we do not know are passed over (OpenID Connect Core section 3.1.2.1)
    return tuple(scope for scope in OpenidScope if scope in wanted)


def _max_age_s(query: Mapping[str, str]) -> int | None:
    text = "0" if "login" in query.get("prompt", "").split() else query.get("max_age")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise RequestRefused("invalid_request", "max_age must be a number of seconds")
    return int(text)


def subject_of(key: bytes, sector: str, citizen_id: UUID) -> str:
    """Somebody's name in one sector; no two sectors can find out that it is one person (8.1)."""
    digest = hmac.new(key, f"openid\x00{sector}\x00{citizen_id}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def is_verifier(verifier: str, challenge: str) -> bool:
    """Whether a code verifier is that of a challenge (RFC 7636 section 4.6)."""
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return hmac.compare_digest(made, challenge)
