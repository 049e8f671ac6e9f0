"""Errors as short text for a log: classes, messages and places.

Local variables and source lines are never part of it: they hold what people typed, and rendering
them costs seconds. Frames, chain, messages and the whole are bounded, and of errors from one place
only the first few in a minute have their frames.
"""

import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import TracebackType

from core.telemetry.masking import mask_message

FRAMES_MAX = 20
"""Innermost frames of each error in a chain."""

CHAIN_MAX = 4
MEMBERS_MAX = 3
"""Members of an exception group that are written out."""

TEXT_MAX_CHARS = 6_000
_MESSAGE_MAX_CHARS = 500
_WALK_MAX = 2_000
_ROOT = f"{Path(__file__).resolve().parents[1]}/"


def error_text(error: BaseException, *, frames: bool = True) -> str:
    """The error and what led to it, oldest first; without `frames` its class and message alone."""
    if not frames:
        return error_line(error)
    parts = ["\n".join(_with_frames(link)) for link in _chain(error)]
    text = "\nled to\n".join(parts)
    if len(text) <= TEXT_MAX_CHARS:
        return text
    return "…" + text[1 - TEXT_MAX_CHARS :]  # the newest error stands at the end


def error_line(error: BaseException) -> str:
    """The error's class and masked message in one line."""
    try:
        message = str(error)[:_MESSAGE_MAX_CHARS]
    except Exception:  # an error may be unable to say what it is
        message = "(no message)"
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    message = mask_message(" ".join(message.split()))
    return f"{name}: {message}" if message else name


def _with_frames(error: BaseException) -> list[str]:
    lines = [*_frames(error.__traceback__), error_line(error)]
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions[:MEMBERS_MAX]:
            lines.append(f"  member: {error_line(member)}")
            lines += [f"  {line}" for line in _frames(member.__traceback__)]
    return lines


def _chain(error: BaseException) -> list[BaseException]:
    links = [error]
    while len(links) < CHAIN_MAX:
        last = links[-1]
        before = last.__cause__ or (None if last.__suppress_context__ else last.__context__)
        if before is None or any(before is link for link in links):
            break
        links.append(before)
    return links[::-1]


def _frames(traceback: TracebackType | None) -> list[str]:
    places: deque[tuple[str, int, str]] = deque(maxlen=FRAMES_MAX)
    count = 0
    while traceback is not None and count < _WALK_MAX:
        code = traceback.tb_frame.f_code
        places.append((code.co_filename, traceback.tb_lineno, code.co_qualname))
        traceback, count = traceback.tb_next, count + 1
    left_out = count - len(places)
    first = [f"  … {left_out} frames left out"] if left_out else []
    return first + [f"  {_short(file)}:{line} in {name}" for file, line, name in places]


@lru_cache(maxsize=2_048)
def _short(file: str) -> str:
    """A file as a reader knows it: from the project's root, or from where packages stand."""
    return file.removeprefix(_ROOT).rpartition("/site-packages/")[2]


class FrameBudget:
    """Which errors are logged with their frames: of each class and place the first few a minute."""

    def __init__(
        self,
        *,
        frames_per_minute: int = 5,
        places_max: int = 500,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._each = frames_per_minute
        self._places_max = places_max
        self._monotonic = monotonic
        self._minute = -1
        self._seen: dict[tuple[str, str, int], int] = {}

    def take(self, error: BaseException) -> bool:
        """Whether this one has its frames; counts it."""
        minute = int(self._monotonic() // 60)
        if minute != self._minute:
            self._minute = minute
            self._seen.clear()
        place = _place(error)
        if place not in self._seen and len(self._seen) >= self._places_max:
            return False
        self._seen[place] = self._seen.get(place, 0) + 1
        return self._seen[place] <= self._each


def _place(error: BaseException) -> tuple[str, str, int]:
    """An error's class, and where it was raised."""
    name, traceback, count = type(error).__qualname__, error.__traceback__, 0
    if traceback is None:
        return name, "", 0
    while traceback.tb_next is not None and count < _WALK_MAX:
        traceback, count = traceback.tb_next, count + 1
    return name, traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
