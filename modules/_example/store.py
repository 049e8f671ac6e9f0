"""Every query of this module. Functions that change something take the command's transaction."""

from collections.abc import Sequence
from uuid import UUID

from kinds.owned import OwnedList
from modules._example import domain, texts
from modules._example.models import FountainFollow

FOLLOWED = OwnedList(
    FountainFollow,
    most=domain.FOLLOWED_MAX,
    too_many=texts.TOO_MANY_FOUNTAINS,
    same=("fountain_ref",),
    renamed=("district_code",),
)
"""A citizen's list of followed fountains: `kinds.owned` adds to it and counts."""


async def list_followed_districts() -> Sequence[str]:
    """The districts in which anybody follows a fountain."""
    rows = await FountainFollow.all().distinct().order_by("district_code").values("district_code")
    return [str(row["district_code"]) for row in rows]


async def list_followers(fountain_ref: str) -> Sequence[UUID]:
    """Who follows a fountain."""
    rows = await FountainFollow.filter(fountain_ref=fountain_ref).values("citizen_id")
    return [row["citizen_id"] for row in rows]
