"""Every query of the viewing log."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.database import Transaction, connection, fetch_all, lock_name
from modules.safety.video.models import SchoolVideoView


async def lock_guardian(tx: Transaction, guardian_id: UUID) -> None:
    """Let one camera at a time be opened by a guardian."""
    await lock_name(tx, f"video:{guardian_id}")


async def list_live(tx: Transaction, guardian_id: UUID, since: datetime) -> list[SchoolVideoView]:
    """What a guardian is watching: whatever was fetched for them since a moment."""
    rows = SchoolVideoView.filter(citizen_id=guardian_id, last_seen_at__gt=since)
    return await rows.using_db(tx).order_by("opened_at")


async def note_seen(view_id: UUID, player_index: bytes, now: datetime) -> bytes:
    """Write down that a view is fetched; the first player is the view's own. Returns that one."""
    (row,) = await fetch_all(
        connection(),
        """UPDATE safety_video_view
              SET player_index = coalesce(player_index, $2),
                  last_seen_at = greatest(last_seen_at, $3)
            WHERE id = $1 RETURNING player_index""",
        view_id,
        player_index,
        now,
    )
    return bytes(row["player_index"])


async def list_of_child(child_id: UUID, limit: int) -> Sequence[SchoolVideoView]:
    """The log of a child's guardians, the newest first."""
    return await SchoolVideoView.filter(child_id=child_id).order_by("-opened_at").limit(limit)


async def list_of_school(
    school_code: str, since: datetime, limit: int
) -> Sequence[SchoolVideoView]:
    """The log of a school's cameras from a moment on, in order."""
    rows = SchoolVideoView.filter(school_code=school_code, opened_at__gte=since)
    return await rows.order_by("opened_at", "id").limit(limit)


async def delete_old(before: datetime) -> None:
    """Forget what was watched before a moment."""
    await SchoolVideoView.filter(opened_at__lt=before).delete()
