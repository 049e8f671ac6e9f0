"""The rules, on frozen dataclasses: no database, no network, no clock.

What stands here is tested without any of them, and reads like the department's own rule book.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

FOLLOWED_MAX = 20


class FountainState(StrEnum):
    """WORKING gives water, CLOSED does not."""

    WORKING = "WORKING"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class Fountain:
    """A public drinking fountain.

    What stands in `Annotated` is what clients read of a field in the schema. `fountain_ref` is the
    network's own id, hence not `id`.
    """

    fountain_ref: Annotated[str, "The network's id of it."]
    name: Annotated[str, "Where it stands."]
    district_code: str
    state: Annotated[FountainState, "Whether it gives water."]
    since_at: Annotated[datetime, "Since when."]


def closed(fountains: Sequence[Fountain]) -> list[Fountain]:
    """Those that give no water, the latest closure first."""
    dry = [fountain for fountain in fountains if fountain.state is FountainState.CLOSED]
    return sorted(dry, key=lambda fountain: fountain.since_at, reverse=True)


def closure_key(fountain: Fountain) -> str:
    """The permanent name of this closure: who was told of it is not told again."""
    return f"{fountain.fountain_ref}:{fountain.since_at.isoformat()}"
