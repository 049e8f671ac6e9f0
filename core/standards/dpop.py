"""DPoP proofs (RFC 9449): that a request comes from whoever holds the key its token is bound to.

A proof is looked at here; that it is used once is for its reader, who keeps `use_key` until
`forget_at`.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from core.standards.jose import (
    InvalidToken,
    base64url,
    claims_of,
    header_of,
    text_claim,
    thumbprint,
    time_claim,
)

TYPE = "dpop+jwt"
_PORTS = {"http": 80, "https": 443}
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"  # RFC 3986 section 2.3
)
_METHOD = re.compile("[A-Z]{1,16}")


@dataclass(frozen=True, slots=True)
class Window:
    """How old a proof may be, and by how much two clocks may differ."""

    life: timedelta = timedelta(seconds=60)
    skew: timedelta = timedelta(seconds=15)

    def admits(self, made_at: datetime, now: datetime) -> bool:
        """Whether a proof of a moment is good now."""
        return made_at - self.skew <= now < self.ends_at(made_at)

    def ends_at(self, made_at: datetime) -> datetime:
        """The first moment at which it is good no more; until then its use is remembered."""
        return made_at + self.life + self.skew


WINDOW = Window()


@dataclass(frozen=True, slots=True)
class Proof:
    """A good proof: of which key, and what makes it the only one of its kind."""

    thumbprint: str
    use_key: str
    """64 hexadecimal digits of key and `jti` alone: nothing else that is sent makes it another."""
    forget_at: datetime


def read_proof(
    headers: Sequence[str],
    *,
    method: str,
    url: str,
    now: datetime,
    access_token: str | None = None,
    window: Window = WINDOW,
) -> Proof:
    """The one proof of a request for `method` and `url` (our public address), section 4.3.

    `headers` are all DPoP headers that came; with `access_token` the proof must be made for it.
    Raises InvalidToken.
    """
    if len(headers) != 1:
        raise InvalidToken("exactly one DPoP header is needed")
    (token,) = headers
    header = header_of(token)
    jwk = header.get("jwk")
    if header.get("typ") != TYPE or not isinstance(jwk, dict):
        raise InvalidToken(f"a proof has typ {TYPE} and its public key as jwk")
    claims = claims_of(token, jwk)
    proof_id, made_at = text_claim(claims, "jti"), time_claim(claims, "iat")
    stated_method = text_claim(claims, "htm")
    if _METHOD.fullmatch(stated_method) is None or stated_method != method:
        raise InvalidToken("htm is not the method of the request")
    if normal_url(text_claim(claims, "htu", 2_048)) != normal_url(url):
        raise InvalidToken("htu is not the address of the request")
    if not window.admits(made_at, now):
        raise InvalidToken("iat is too long ago or ahead")
    if access_token is not None:
        expected = token_hash(access_token)
        if not hmac.compare_digest(text_claim(claims, "ath").encode(), expected.encode()):
            raise InvalidToken("ath is not of the access token")
    key_thumbprint = thumbprint(jwk)
    use_key = hashlib.sha256(f"{key_thumbprint}\x00{proof_id}".encode()).hexdigest()
    return Proof(key_thumbprint, use_key, window.ends_at(made_at))


def token_hash(access_token: str) -> str:
    """What a proof names its access token by (`ath`)."""
    return base64url(hashlib.sha256(access_token.encode()).digest())


def normal_url(url: str) -> str:
    """One spelling of an http(s) address, without query and fragment (RFC 3986 section 6.2).

    Scheme and host in lower case, no default port, no escape without need, no dot segments.
    Raises InvalidToken for anything else.
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError:
        raise InvalidToken("htu is no address") from None
    if scheme not in _PORTS or not host or parts.username is not None or not url.isascii():
        raise InvalidToken("htu is no http address")
    named = f"[{host}]" if ":" in host else host
    place = named if port in (None, _PORTS[scheme]) else f"{named}:{port}"
    return f"{scheme}://{place}{_normal_path(parts.path)}"


def _normal_path(path: str) -> str:
    segments: list[str] = []
    parts = _ESCAPE.sub(_normal_escape, path or "/").split("/")[1:]
    for part in parts:
        if part == "..":
            segments = segments[:-1]
        elif part != ".":
            segments.append(part)
    if parts[-1] in (".", ".."):
        segments.append("")
    return "/" + "/".join(segments)


def _normal_escape(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else found[0].upper()
