"""Rules of signing in, without I/O: codes, refresh tokens, names."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

CODE_LIFE = timedelta(minutes=5)
CODE_COOLDOWN = timedelta(seconds=60)
CODE_ATTEMPTS = 5
CODES_PER_HOUR = 10
ADDRESS_CODES_PER_HOUR = 60
PHONE_FAILURES = 10
ADDRESS_FAILURES = 100
FAILURE_WINDOW = timedelta(minutes=15)
REFRESH_LIFE = timedelta(days=60)
REFRESH_GRACE = timedelta(seconds=60)
"""How long the token before the newest is still answered: a phone may have lost the reply."""

_NAME = re.compile(r"[㐀-鿿豈-﫿\U00020000-\U0003ffff]+(·[㐀-鿿豈-﫿\U00020000-\U0003ffff]+)*")
_LATIN_NAME = re.compile(r"[A-Za-z][A-Za-z'. -]*")
_DEVICE = re.compile(r"[\x21-\x7e]{8,64}")
_DOTS = str.maketrans(dict.fromkeys("•‧∙・.", "·"))


class CodeCheck(Enum):
    """What a presented code turned out to be."""

    GOOD = auto()
    WRONG = auto()
    EXPIRED = auto()


class RefreshCheck(Enum):
    """What a presented refresh token turned out to be."""

    NEWEST = auto()
    GRACE = auto()
    SPENT = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What a refresh token says: the session and which of its tokens this is."""

    session_id: UUID
    generation: int


def make_code() -> str:
    """Six random digits."""
    return f"{secrets.randbelow(1_000_000):06d}"


def hash_code(key: bytes, code_id: UUID, code: str) -> bytes:
    """A code as it is stored: HMAC under the installation's key, bound to its row."""
    return hmac.new(key, b"login-code" + code_id.bytes + code.encode(), hashlib.sha256).digest()


def check_code(
    presented_hash: bytes,
    *,
    stored_hash: bytes,
    attempts: int,
    used: bool,
    expires_at: datetime,
    now: datetime,
) -> CodeCheck:
    """Compare in constant time. A code is good once, within its life, for five attempts."""
    equal = hmac.compare_digest(presented_hash, stored_hash)
    if used or attempts >= CODE_ATTEMPTS or now >= expires_at:
        return CodeCheck.EXPIRED
    return CodeCheck.GOOD if equal else CodeCheck.WRONG


def write_refresh(key: bytes, token: RefreshToken) -> str:
    """A refresh token: what it says plus an HMAC, so that the same one can be given again."""
    body = token.session_id.bytes + token.generation.to_bytes(4, "big")
    return base64.urlsafe_b64encode(body + _refresh_mac(key, body)).decode().rstrip("=")


def read_refresh(key: bytes, text: str) -> RefreshToken | None:
    """What a refresh token says; None for one that we did not write."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    body, mac = raw[:20], raw[20:]
    if len(raw) != 52 or not hmac.compare_digest(mac, _refresh_mac(key, body)):
        return None
    return RefreshToken(UUID(bytes=body[:16]), int.from_bytes(body[16:], "big"))


def check_refresh(
    token: RefreshToken,
    *,
    generation: int,
    rotated_at: datetime,
    last_used_at: datetime,
    revoked: bool,
    now: datetime,
) -> RefreshCheck:
    """Judge a genuine token. A spent one outside the grace means a thief: the session must end."""
    if revoked or now - last_used_at > REFRESH_LIFE:
        return RefreshCheck.ENDED
    if token.generation == generation:
        return RefreshCheck.NEWEST
    if token.generation == generation - 1 and now - rotated_at <= REFRESH_GRACE:
        return RefreshCheck.GRACE
    return RefreshCheck.SPENT


def clean_name(name: str) -> str | None:
    """A real name in one spelling, or None where it cannot be one.

    Minority names carry a middle dot, typed in several ways; rare characters come from every CJK
    block. At most 50 characters, as on the ID card.
    """
    cleaned = name.strip()
    if _LATIN_NAME.fullmatch(cleaned) and len(cleaned) <= 50:
        return cleaned
    cleaned = cleaned.translate(_DOTS)
    return cleaned if _NAME.fullmatch(cleaned) and len(cleaned) <= 50 else None


def is_device_id(device_id: str) -> bool:
    """Whether the app's own device identifier has the agreed form."""
    return _DEVICE.fullmatch(device_id) is not None


def clean_device_name(name: str) -> str:
    """A device's name for people: what can be printed of it, at most 64 characters."""
    return "".join(character for character in name if character.isprintable())[:64]


def _refresh_mac(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, b"refresh" + body, hashlib.sha256).digest()
