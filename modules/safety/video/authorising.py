"""Whether an address is served: looked up, remembered for seconds, ended within a minute."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from core.context.app import App
from core.database import is_unavailable
from core.deadline import Deadline
from core.errors import Unavailable
from modules.safety.schools.guardians import is_guardian
from modules.safety.video import store
from modules.safety.video.domain import OUTAGE, SURE_FOR, Verdict
from modules.safety.video.models import SchoolVideoView
from modules.safety.video.signing import ADDRESS, PLAYER, Signed, is_genuine
from modules.safety.video.upstream import list_cameras

_REMEMBERED_MAX = 20_000
_DEADLINE_S = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """A view as this process has last looked it up. None: it may be watched no more."""

    looked_at: datetime
    camera_ref: str | None
    address_index: bytes = b""
    player_index: bytes = b""


class Views:
    """The views that this process serves."""

    def __init__(self) -> None:
        self._known: dict[UUID, Known] = {}

    def find(self, view_id: UUID) -> Known | None:
        """What was last looked up of a view."""
        return self._known.get(view_id)

    def keep(self, view_id: UUID, known: Known) -> Known:
        """Remember a view; those looked up longest ago make room."""
        self._known.pop(view_id, None)
        self._known[view_id] = known
        while len(self._known) > _REMEMBERED_MAX:
            del self._known[next(iter(self._known))]
        return known


async def authorise(app: App, signed: Signed, address: str, player: str) -> tuple[Verdict, str]:
    """Whether an address of a stream is served to who asks, and which camera it is.

    `address` is the network address, `player` the programme that asks.
    """
    if not is_genuine(app, signed):
        return Verdict.NO, ""
    asks = Known(
        app.clock.now(),
        None,
        app.vault.blind_index(address, ADDRESS),
        app.vault.blind_index(player, PLAYER),
    )
    known = app.once(Views, Views).find(signed.view_id)
    if known is None or asks.looked_at - known.looked_at >= SURE_FOR:
        try:
            known = await _look_up(app, signed.view_id, asks)
        except Exception as error:
            if not (isinstance(error, Unavailable) or is_unavailable(error)):
                raise
            log.warning("a view cannot be looked up", error=type(error).__name__)
            if known is None or asks.looked_at - known.looked_at >= OUTAGE:
                return Verdict.UNKNOWN, ""
    if known is None or known.camera_ref is None or not _fits(known, asks):
        return Verdict.NO, ""
    return Verdict.YES, known.camera_ref


async def _look_up(app: App, view_id: UUID, asks: Known) -> Known | None:
    """The view as it is now, remembered; None for who asks from elsewhere, which is not.

    The first player is the view's own. Raises Unavailable without the platform, and what a lost
    database raises.
    """
    views, now = app.once(Views, Views), asks.looked_at
    row = await SchoolVideoView.get_or_none(id=view_id)
    if row is None or not await is_guardian(app, row.citizen_id, row.child_id):
        return views.keep(view_id, Known(now, None))
    if not hmac.compare_digest(bytes(row.address_index), asks.address_index):
        return None
    cameras = await list_cameras(app, Deadline.after(_DEADLINE_S), row.school_code)
    camera = next((one for one in cameras if one.camera_ref == row.camera_ref), None)
    if camera is None or not camera.is_open(now):
        return views.keep(view_id, Known(now, None))
    own = await store.note_seen(view_id, asks.player_index, now)
    return views.keep(view_id, Known(now, row.camera_ref, asks.address_index, own))


def _fits(known: Known, asks: Known) -> bool:
    return hmac.compare_digest(known.address_index, asks.address_index) and hmac.compare_digest(
        known.player_index, asks.player_index
    )
