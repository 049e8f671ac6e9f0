"""Whether an input is known, and if not, why: five kinds of silence that are never one another.

An application or a file says it per source in a field named `source:NAME` (`source:court`):

  answered       asked, and what it holds is in the columns; a blank among them is not on record
  none           asked, and nothing is on record
  not_asked      nobody asked (also what a blank column of a source means if no status is given)
  not_consented  the applicant did not agree
  down           asked, and no answer came
"""

from collections.abc import Mapping
from enum import IntEnum

STATUS_PREFIX = "source:"


class Presence(IntEnum):
    """Why a value is there or not; whatever is at or above NOT_ASKED was withheld from us."""

    KNOWN = 0
    BLANK = 1
    NONE = 2
    UNSEEN = 3  # the value is there, and training met none of its kind
    NOT_ASKED = 4
    NOT_CONSENTED = 5
    DOWN = 6


WITHHELD = Presence.NOT_ASKED
"""From here on the value may exist, and its absence says nothing about the applicant."""

STATUSES: Mapping[str, Presence] = {
    "answered": Presence.BLANK,
    "none": Presence.NONE,
    "not_asked": Presence.NOT_ASKED,
    "not_consented": Presence.NOT_CONSENTED,
    "down": Presence.DOWN,
}
"""What a blank column means under each status of its source."""

TEXTS: Mapping[Presence, tuple[str, str]] = {
    Presence.BLANK: ("未登记", "not on record"),
    Presence.NONE: ("已查询，无记录", "asked, none on record"),
    Presence.UNSEEN: ("无同类历史可参照", "no past loans of its kind to judge by"),
    Presence.NOT_ASKED: ("未查询", "not asked for"),
    Presence.NOT_CONSENTED: ("未获授权查询", "not consented to"),
    Presence.DOWN: ("数据源暂不可用", "the source did not answer"),
}


def status_field(source: str) -> str:
    """The field that says how a source answered."""
    return STATUS_PREFIX + source


def absence_text(subject: tuple[str, str], presence: Presence) -> tuple[str, str]:
    """What may be said of an input that is not known: its subject and why, never its value."""
    zh, en = TEXTS[presence]
    return f"{subject[0]}：{zh}", f"{subject[1]}: {en}"
