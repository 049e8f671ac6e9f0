"""Where a client stands in a stream of rows, so that it loses none while it is away.

Rows have time-ordered ids, made before their transaction commits: a row may become visible after
one with a later id. So a position is the newest id and, by their tails, the ids that were taken
in the minutes before it: reading starts that much earlier and leaves out what was taken already.
"""

import re
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

OVERLAP_MS = 120_000
"""No transaction takes longer from making an id to committing (`core.database` ends idle ones)."""

_TAIL_DIGITS = 8
_TOLD_MAX = 64
_HEX_DIGITS = 32
_TEXT = re.compile(
    r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}"
    rf"(\.([0-9a-f]{{{_TAIL_DIGITS}}}){{0,{_TOLD_MAX}}})?"
)
"""A position as a client may hand it back: what else it may send is never sent on."""


@dataclass(slots=True)
class Position:
    """How far a stream has been taken. Its text is what the client hands back."""

    newest: UUID = field(default_factory=lambda: UUID(int=0))
    _tails: dict[str, int] = field(default_factory=dict)
    """The ids taken within the overlap, by tail, with their milliseconds."""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The position that a client hands back, or None for what is none of ours.

        The id of a row alone is a position too: of a client that has seen that row last.
        """
        if _TEXT.fullmatch(text) is None:
            return None
        head, _, tails = text.partition(".")
        newest = UUID(head)
        position = cls(newest)
        position._tails[_tail(newest)] = _unix_ms(newest)
        for start in range(0, len(tails), _TAIL_DIGITS):
            position._tails[tails[start : start + _TAIL_DIGITS]] = _unix_ms(newest)
        return position

    @property
    def floor(self) -> UUID:
        """No row with an id below this can still become visible."""
        return UUID(int=max(0, _unix_ms(self.newest) - OVERLAP_MS) << 80)

    def take(self, row_id: UUID) -> bool:
        """Note a row as taken; False where it was taken before."""
        tail = _tail(row_id)
        if tail in self._tails:
            return False
        self._tails[tail] = _unix_ms(row_id)
        if row_id > self.newest:
            self.newest = row_id
            oldest_ms = _unix_ms(row_id) - OVERLAP_MS
            self._tails = {tail: ms for tail, ms in self._tails.items() if ms >= oldest_ms}
        return True

    def __str__(self) -> str:
        tails = list(self._tails)[-_TOLD_MAX:]
        return f"{self.newest.hex}.{''.join(tails)}"


@dataclass(slots=True)
class Resume:
    """What transport and resolver of one subscription tell each other; `call.once` holds it."""

    last_event_id: str | None = None
    """From the client: the last event it has seen."""
    started_id: str | None = None
    """From the resolver: where the stream began, for a client that leaves before any event."""
    event_id: str | None = None
    """From the resolver: the id of the event it is about to give."""

    def come_back(self, event_id: str | None) -> None:
        """Note what the client has seen last. What is no position of ours is as nothing: the
        client is then told where the stream begins, and keeps that."""
        if event_id is not None and Position.parse(event_id) is not None:
            self.last_event_id = event_id


def _unix_ms(row_id: UUID) -> int:
    return row_id.int >> 80


def _tail(row_id: UUID) -> str:
    return row_id.hex[_HEX_DIGITS - _TAIL_DIGITS :]
