"""Every query of this module. Functions that change something take the command's transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.database import Transaction, fetch_one
from modules._example.models import FountainFollow


async def lock_citizen(tx: Transaction, citizen_id: UUID) -> None:
    """Let one command at a time follow for this citizen, so that the limit can be counted."""
    await tx.execute_query(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [f"fountains:{citizen_id}"]
    )


async def ensure_follow(
    tx: Transaction,
    follow_id: UUID,
    citizen_id: UUID,
    *,
    fountain_ref: str,
    district_code: str,
    now: datetime,
) -> UUID:
    """The id of the citizen's follow of this fountain, made now where there is none."""
    row = await fetch_one(
        tx,
        """INSERT INTO example_fountain_follow
             (id, citizen_id, fountain_ref, district_code, followed_at)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (citizen_id, fountain_ref) DO UPDATE
             SET district_code = EXCLUDED.district_code
           RETURNING id""",
        follow_id,
        citizen_id,
        fountain_ref,
        district_code,
        now,
    )
    assert row is not None
    found: UUID = row["id"]
    return found


async def count_follows(tx: Transaction, citizen_id: UUID) -> int:
    """How many fountains a citizen follows."""
    return await FountainFollow.filter(citizen_id=citizen_id).using_db(tx).count()


async def list_follows(citizen_id: UUID) -> Sequence[FountainFollow]:
    """A citizen's follows, newest first; at most twenty, so there are no pages."""
    return await FountainFollow.filter(citizen_id=citizen_id).order_by("-id")


async def list_followed_districts() -> Sequence[str]:
    """The districts in which anybody follows a fountain."""
    rows = await FountainFollow.all().distinct().order_by("district_code").values("district_code")
    return [str(row["district_code"]) for row in rows]


async def list_followers(fountain_ref: str) -> Sequence[UUID]:
    """Who follows a fountain."""
    rows = await FountainFollow.filter(fountain_ref=fountain_ref).values("citizen_id")
    return [row["citizen_id"] for row in rows]
