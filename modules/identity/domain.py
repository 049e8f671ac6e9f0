"""Rules of identity, without I/O: codes, refresh tokens, authenticators, names, mandates."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto
from uuid import UUID

from core.states import Edge, StateMachine

CODE_LIFE = timedelta(minutes=5)
SPOKEN_CODE_LIFE = timedelta(minutes=10)
"""Who has a code read out writes it down, and types it slowly."""
SPOKEN_CODES_PER_HOUR, SPOKEN_CODES_PER_DAY = 5, 20
"""What a voice service calls one number at most (help.aliyun.com, SingleCallByTts)."""
CAPTCHA_AFTER_PHONE, CAPTCHA_AFTER_SPOKEN, CAPTCHA_AFTER_DEVICE = 5, 1, 5
CAPTCHA_AFTER_ADDRESS = 1_500
"""So many codes of an hour a phone, a device or an address has before who asks for the next one has
to show to be no machine; not on a device that the phone's owner was on."""
CODE_COOLDOWN = timedelta(seconds=60)
CODE_ATTEMPTS = 5
CODES_PER_HOUR = 10
ADDRESS_CODES_PER_HOUR = 2_000
"""Against texts to the whole city. Thousands of phones share one address of a mobile carrier
(RFC 6888), so what holds one person back is counted by phone."""
PHONE_FAILURES = 10
ADDRESS_FAILURES = 1_000
FAILURE_WINDOW = timedelta(minutes=15)
DELIVERY_PATIENCE = timedelta(seconds=20)
"""A text that the gateway has not taken by then is told to be late."""
REFRESH_LIFE = timedelta(days=60)
REFRESH_GRACE = timedelta(minutes=10)
"""How long tokens before the newest are still answered: a phone may have lost the reply, and may be
in a tunnel or asleep before it asks again (advplyr/audiobookshelf#5376)."""
GRACE_GENERATIONS = 3
STAFF_LIFE = timedelta(hours=12)
"""A session of staff ends after a day's work, however often it is refreshed."""
SILENCE = timedelta(days=90)
"""A number that was silent so long may be somebody else's by now: carriers give numbers out again
after 90 days. On a new device the real name is asked for again."""
SESSIONS_MAX = 20
REAL_NAME_TRIES_PER_DAY = 5
CLAIM_LIFE = timedelta(days=1)

PROPOSAL_LIFE = timedelta(days=7)
PROPOSALS_PER_DAY = 5
PROXY_DAYS_MAX = 3 * 366
PROXIES_MAX = 10
"""For how many people one may be a proxy at once, open proposals included."""
CHILD_LOOKUPS_PER_DAY = 10

TOTP_STEP_S = 30
_TOTP_DRIFT_STEPS = 1

_DEVICE = re.compile(r"[\x21-\x7e]{8,64}")


MANDATE = StateMachine(
    name="mandate",
    table="identity_mandate",
    column="state",
    initial=("proposed", "active"),
    edges=(
        Edge("proposed", "confirm", "active"),
        Edge("proposed", "decline", "ended"),
        Edge("active", "end", "ended"),
    ),
)


RECOVERY = StateMachine(
    name="recovery",
    table="identity_recovery",
    column="state",
    initial=("proposed", "disputed"),
    edges=(
        Edge("disputed", "approve", "approved"),
        Edge("disputed", "dismiss", "dismissed"),
        Edge("proposed", "approve", "approved"),
        Edge("proposed", "withdraw", "withdrawn"),
        Edge("approved", "complete", "done"),
        Edge("approved", "withdraw", "withdrawn"),
    ),
)


class Platform(StrEnum):
    """A platform with mini-programmes: WECHAT or ALIPAY."""

    WECHAT = "WECHAT"
    ALIPAY = "ALIPAY"


PROVIDERS = {Platform.WECHAT: "wechat_mini", Platform.ALIPAY: "alipay_mini"}
"""Who sends messages to a platform's users (`notifications`)."""


class CodeChannel(StrEnum):
    """How a one-time code comes: TEXT, by a text message; VOICE, read out by a call."""

    TEXT = "TEXT"
    VOICE = "VOICE"


class Delivery(StrEnum):
    """How a one-time code gets on. UNDERWAY: it was just sent. SENT: the gateway has taken it.
    LATE: the gateway has not taken it yet. FAILED: it cannot be delivered, ask for another.
    """

    UNDERWAY = "UNDERWAY"
    SENT = "SENT"
    LATE = "LATE"
    FAILED = "FAILED"


class Ending(StrEnum):
    """Why a session ended before its time. OWN_DEVICE: at its own device's wish. OTHER_DEVICE: at
    that of another one. MADE_ROOM: for a newer one. REUSED: a spent token came again. OWNER_BACK:
    the account went to its owner, by a recovery or a stronger proof. PLATFORM_ENDED: the user of a
    mini-programme took back at the platform what let it open the account. SUSPENDED: an operator
    took a member of staff's roles. ACCOUNT_CLOSED: with the account, by a death or at its owner's
    wish. MISTAKEN_DEATH: as before, by a record that was withdrawn."""

    OWN_DEVICE = "own device"
    OTHER_DEVICE = "other device"
    MADE_ROOM = "made room"
    REUSED = "reused"
    OWNER_BACK = "owner back"
    PLATFORM_ENDED = "platform ended"
    SUSPENDED = "suspended"
    ACCOUNT_CLOSED = "account closed"
    MISTAKEN_DEATH = "mistaken death"


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


def spoken(code: str) -> str:
    """A code digit by digit."""
    return ",".join(code)


def code_of(key: bytes, code_id: UUID) -> str:
    """Six digits that nobody guesses and we can tell again: from the code's id."""
    digest = hmac.new(key, b"shown-code" + code_id.bytes, hashlib.sha256).digest()
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06d}"


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
    grace_from: int,
    rotated_at: datetime,
    last_used_at: datetime,
    ends_at: datetime | None,
    revoked: bool,
    now: datetime,
) -> RefreshCheck:
    """Judge a genuine token. A spent one outside the grace means a thief: the session must end."""
    if revoked or now - last_used_at > REFRESH_LIFE or (ends_at is not None and now >= ends_at):
        return RefreshCheck.ENDED
    if token.generation == generation:
        return RefreshCheck.NEWEST
    oldest = max(grace_from, generation - GRACE_GENERATIONS)
    if oldest <= token.generation < generation and now - rotated_at <= REFRESH_GRACE:
        return RefreshCheck.GRACE
    return RefreshCheck.SPENT


def judge_delivery(state: str | None, sent_for: timedelta) -> Delivery:
    """How a code is getting on, from the state of its text and the time since it was asked for."""
    if state == "sent":
        return Delivery.SENT
    if state == "failed":
        return Delivery.FAILED
    return Delivery.LATE if sent_for > DELIVERY_PATIENCE else Delivery.UNDERWAY


def totp(secret: bytes, step: int) -> str:
    """The six digits of a time step (RFC 6238 with HMAC-SHA-1, the authenticators' default)."""
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 1_000_000:06d}"


def match_totp(secret: bytes, code: str, *, now: datetime, last_step: int) -> int | None:
    """The time step whose code this is, one step early or late; None for wrong and used ones."""
    present = int(now.timestamp()) // TOTP_STEP_S
    matched = None
    for step in range(present - _TOTP_DRIFT_STEPS, present + _TOTP_DRIFT_STEPS + 1):
        equal = hmac.compare_digest(totp(secret, step).encode(), code.encode())
        if equal and step > last_step:
            matched = step
    return matched


def shown_address(address: str) -> str:
    """What of a network address is shown to its owner: the half that tells the network."""
    parts = address.split(".")
    if len(parts) == 4:
        return f"{parts[0]}.{parts[1]}.*.*"
    groups = address.split(":")
    return f"{groups[0]}:{groups[1]}:…" if len(groups) > 2 and groups[0] else ""


def clean_device_name(name: str) -> str:
    """A device's name as it is listed: one line, at most 64 characters, nothing invisible."""
    return "".join(c for c in name if c.isprintable())[:64]


def is_device_id(device_id: str) -> bool:
    """Whether the app's own device identifier has the agreed form."""
    return _DEVICE.fullmatch(device_id) is not None


def _refresh_mac(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, b"refresh" + body, hashlib.sha256).digest()
