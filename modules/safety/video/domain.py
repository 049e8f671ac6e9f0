"""Cameras of schools: when they may be seen, and the addresses by which they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from core.clock import SHANGHAI
from core.texts import Named

SERVICE = "school-video"
LIFE = timedelta(minutes=5)
"""How long an address is good."""
SURE_FOR = timedelta(seconds=10)
"""How long a process rests on having looked who may see; an end is felt within it."""
OUTAGE = timedelta(seconds=50)
"""How long it does so while it cannot look: an end is felt within a minute even then."""
LIVE = timedelta(seconds=60)
"""Who has fetched nothing for so long is watching no more."""
VIEWS_MAX = 2
"""Cameras that one guardian watches at a time."""
KEPT = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera of a school that guardians are permitted to see at its hours."""

    camera_ref: Annotated[str, "Its lasting id."]
    school_code: str
    name: Annotated[Named, "What it shows."]
    opens: Annotated[str, "From when it may be seen, HH:MM."]
    closes: Annotated[str, "Until when, HH:MM; 24:00 is the end of the day."]
    every_day: Annotated[bool, "Whether it may be seen on days without school too."]

    def is_open(self, now: datetime) -> bool:
        """Whether it may be seen at this hour of the day."""
        return self.opens <= f"{now.astimezone(SHANGHAI):%H:%M}" < self.closes


class Verdict(StrEnum):
    """What an address is answered. YES: it is served. NO: it is forged, over, another's, or its
    ground is gone. UNKNOWN: nobody can look at present.
    """

    YES = "YES"
    NO = "NO"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class SchoolVideo:
    """Where a camera is seen."""

    view_id: Annotated[UUID, "The entry of the viewing log."]
    url: Annotated[str, "The playlist's address: HLS, signed for the viewer, for five minutes."]
    token: Annotated[str, "What a media server is given as `token` in the place of the address."]
    expires_at: Annotated[datetime, "When the address ends: ask again then, and on a 403."]


@dataclass(frozen=True, slots=True)
class SchoolVideoView:
    """That a guardian has watched a camera: an entry of the viewing log."""

    view_id: Annotated[UUID, "Its id."]
    camera_ref: Annotated[str, "The camera."]
    by_me: Annotated[bool, "Whether it was the viewer; otherwise another guardian of the child."]
    opened_at: Annotated[datetime, "When."]
    last_seen_at: Annotated[datetime, "Until when."]


@dataclass(frozen=True, slots=True)
class SchoolCameras:
    """The cameras of a child's school."""

    school: Annotated[Named, "The school's name."]
    cameras: Annotated[Sequence[Camera], "Those that guardians may see, at any hour."]
    is_school_day: Annotated[bool, "Whether they may be seen today at all."]
