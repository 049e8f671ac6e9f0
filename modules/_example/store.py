"""Every query of this module. Functions that change something take the command's transaction."""

from collections.abc import Sequence

from tortoise.queryset import QuerySet

from modules._example.models import FountainFollow


async def list_followed_districts() -> Sequence[str]:
    """The districts in which anybody follows a fountain."""
    rows = await FountainFollow.all().distinct().order_by("district_code").values("district_code")
    return [str(row["district_code"]) for row in rows]


def followers_of(fountain_ref: str) -> QuerySet[FountainFollow]:
    """Who follows a fountain, to be read page by page."""
    return FountainFollow.filter(fountain_ref=fountain_ref)
