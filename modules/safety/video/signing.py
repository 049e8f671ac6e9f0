"""Addresses of streams: each signed for one guardian's view, one camera and one path.

An address is `/school-video/<view>/<path>?until=…&signature=…`: all that is needed stands in it, as
players send neither headers nor cookies for a segment. What is signed anew at each reload of a
playlist is in the query alone: a segment keeps its path, or hls.js ends playback ("media sequence
mismatch").
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from core.context.app import App
from modules.safety.video.domain import LIFE, SchoolVideo

BASE = "/school-video"
MASTER = "index.m3u8"
ADDRESS, PLAYER = "safety.video_address", "safety.video_player"
_PURPOSE = "safety.video"
_SIGNATURE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Signed:
    """What the parts of an address claim; believed once `is_genuine` says so."""

    view_id: UUID
    until: int
    signature: str
    path: str

    @property
    def ends_at(self) -> datetime:
        """When it ends."""
        return datetime.fromtimestamp(self.until, UTC)


def issue(app: App, view_id: UUID, camera_ref: str) -> SchoolVideo:
    """The addresses of a view's playlist, and the token that a media server asks about."""
    ends_at = app.clock.now() + LIFE
    until = int(ends_at.timestamp())
    token = f"{view_id}.{until}.{_sign(app, view_id, until, f'camera:{camera_ref}')}"
    return SchoolVideo(
        view_id, address_of(app, view_id, MASTER, until), token, datetime.fromtimestamp(until, UTC)
    )


def address_of(app: App, view_id: UUID, path: str, until: int) -> str:
    """The address of a path of a view's stream."""
    signature = _sign(app, view_id, until, path)
    return f"{BASE}/{view_id}/{path}?until={until}&signature={signature}"


def is_genuine(app: App, signed: Signed) -> bool:
    """Whether an address is one of ours that has not ended."""
    expected = _sign(app, signed.view_id, signed.until, signed.path)
    is_ours = hmac.compare_digest(expected.encode(), signed.signature.encode())
    return is_ours and signed.until > app.clock.now().timestamp()


def read_address(address: str, query: Mapping[str, str]) -> Signed | None:
    """What an address claims, by what stands behind `BASE` and its query; None for another form."""
    view, _, path = address.partition("/")
    return _read(view, query.get("until", ""), query.get("signature", ""), path)


def read_token(token: str, camera_ref: str) -> Signed | None:
    """What a token claims about a camera; None for another form."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    view, until, signature = parts
    return _read(view, until, signature, f"camera:{camera_ref}")


def _read(view: str, until: str, signature: str, path: str) -> Signed | None:
    if not (until.isascii() and until.isdigit()) or len(until) > 12:
        return None
    try:
        return Signed(UUID(view), int(until), signature, path)
    except ValueError:
        return None


def _sign(app: App, view_id: UUID, until: int, path: str) -> str:
    signature = app.vault.blind_index(f"{view_id}/{until}/{path}", _PURPOSE)
    return signature[:_SIGNATURE_BYTES].hex()
