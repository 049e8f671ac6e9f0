"""The rules of reports: what is similar, what a picture's hash is, what people read of a state."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from core.standards.coordinates import GeoPoint, distance_m

PHOTOS_MOST = 6
FOLLOWS_MOST = 200
SIMILAR_M = 60
"""Within it an open report of the same category may be about the same thing."""

SAME_PICTURE_M = 200
"""Within it an open report of any category may be, where its picture looks the same."""

SIMILAR_MOST = 5
_HASH_BITS_APART = 10


class ReportState(StrEnum):
    """Where a report stands. FILED: nobody has accepted it yet. HANDLING: a unit is at work. FIXED:
    the unit is done. DECLINED: nothing will be done, for the reason given. CLOSED: over, nobody
    objected. MERGED: it goes on as another report. WITHDRAWN: its citizen took it back.
    """

    FILED = "FILED"
    HANDLING = "HANDLING"
    FIXED = "FIXED"
    DECLINED = "DECLINED"
    CLOSED = "CLOSED"
    MERGED = "MERGED"
    WITHDRAWN = "WITHDRAWN"


OPEN_STATES = ("filed", "handling")
DONE_STATES = ("fixed", "declined")


class Likeness(StrEnum):
    """Why a report may be about the same thing. CATEGORY: the same category a few steps away.
    PICTURE: a picture that looks the same. BOTH.
    """

    CATEGORY = "CATEGORY"
    PICTURE = "PICTURE"
    BOTH = "BOTH"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open report near a place, as far as likeness needs it."""

    id: UUID
    category: str
    at: GeoPoint
    hashes: Collection[int]


@dataclass(frozen=True, slots=True)
class Similar:
    """An open report that may be about the same thing."""

    id: UUID
    distance_m: Annotated[int, "Metres from the place, as the crow flies."]
    likeness: Annotated[Likeness, "Why it may be the same."]


def find_similar(
    candidates: Collection[Candidate], category: str, at: GeoPoint, hashes: Collection[int]
) -> Sequence[Similar]:
    """The reports that may be about the same thing, the likeliest first, at most SIMILAR_MOST."""
    similar = []
    for one in candidates:
        metres = distance_m(at, one.at)
        is_category = one.category == category and metres <= SIMILAR_M
        is_picture = metres <= SAME_PICTURE_M and looks_same(hashes, one.hashes)
        if is_category or is_picture:
            similar.append(Similar(one.id, metres, _likeness(is_category, is_picture)))
    order = [Likeness.BOTH, Likeness.PICTURE, Likeness.CATEGORY]
    similar.sort(key=lambda one: (order.index(one.likeness), one.distance_m, one.id))
    return similar[:SIMILAR_MOST]


def looks_same(ours: Collection[int], theirs: Collection[int]) -> bool:
    """Whether any two pictures differ in few bits of their hashes."""
    return any((one ^ other).bit_count() <= _HASH_BITS_APART
               for one in map(_unsigned, ours) for other in map(_unsigned, theirs))  # fmt: skip


def _unsigned(hash_: int) -> int:
    return hash_ & ((1 << 64) - 1)


def _likeness(is_category: bool, is_picture: bool) -> Likeness:
    if is_category and is_picture:
        return Likeness.BOTH
    return Likeness.PICTURE if is_picture else Likeness.CATEGORY
