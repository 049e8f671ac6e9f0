"""The last good answers of upstreams, kept in the process for the hour when they do not answer.

A reading says what it is: live, stale (as of when) or unavailable (why). Bounded by entries and
bytes; what was used longest ago goes first.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum, StrEnum
from itertools import islice
from sys import getsizeof
from types import NoneType
from typing import Annotated, Any, Generic, TypedDict, TypeVar, cast

from core.clock import Clock
from core.upstream.exchange import UpstreamError, UpstreamRejected
from core.upstream.records import Records

T = TypeVar("T")
V = TypeVar("V")


class ReadStatus(StrEnum):
    """Where a result comes from. LIVE: just now from its source. STALE: the last good answer,
    see asOf. UNAVAILABLE: nothing to show, see reason.
    """

    LIVE = "LIVE"
    STALE = "STALE"
    UNAVAILABLE = "UNAVAILABLE"


class Freshness(TypedDict):
    """What every answer that depends on an upstream says of itself."""

    status: ReadStatus
    as_of: datetime | None
    reason: str | None


@dataclass(frozen=True)
class Reading(Generic[T]):
    """What a read of an upstream brought."""

    status: Annotated[ReadStatus, "Where the answer comes from."]
    value: T | None
    """None when UNAVAILABLE, and where the upstream's answer is itself None."""
    as_of: Annotated[datetime | None, "When it was true."]
    """None when UNAVAILABLE."""
    reason: Annotated[str | None, "Why it is not LIVE, a stable code."]
    """TIMEOUT, UNAVAILABLE or FAILED."""

    def map(self, change: Callable[[T], V]) -> "Reading[V]":
        """The same reading of what `change` makes of its value; None stays None."""
        value = None if self.value is None else change(self.value)
        return Reading(self.status, value, self.as_of, self.reason)

    @property
    def items(self: "Reading[Sequence[V]]") -> Sequence[V]:
        """The value of a reading of a list, empty where there is nothing to show."""
        value: Any = self.value
        return value.items if isinstance(value, Records) else value or ()

    @property
    def records(self: "Reading[Records[V]]") -> Records[V]:
        """The value of a reading of records, empty where there is nothing to show."""
        return self.value or Records(())

    @property
    def unreadable(self) -> int:
        """Of a reading of records: how many came in a form that cannot be read."""
        return self.value.unreadable if isinstance(self.value, Records) else 0

    @property
    def freshness(self) -> Freshness:
        """All but the value: `Card(**reading.freshness, …)`."""
        return {"status": self.status, "as_of": self.as_of, "reason": self.reason}


def worse(one: Reading[Any], other: Reading[Any]) -> Reading[Any]:
    """Of two readings that are shown together the one that says less: the less live, the older."""
    order = list(ReadStatus)
    return max(one, other, key=lambda reading: (order.index(reading.status), _age(reading)))


def _age(reading: Reading[Any]) -> float:
    return -reading.as_of.timestamp() if reading.as_of else 0.0


@dataclass(frozen=True, slots=True)
class _Entry:
    value: object
    as_of: datetime
    size_bytes: int


class LastGood:
    """The last good value per key, per process.

    A key for personal data must include its subject (the citizen's id): the cache serves whoever
    asks with the same key. Values are shared with later readers, so they must not be changed.
    """

    def __init__(self, max_entries: int = 10_000, max_bytes: int = 64_000_000) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        """The estimated memory the entries take."""
        return self._size_bytes

    def put(self, key: Hashable, value: object, as_of: datetime) -> None:
        """Keep a value. An older one never replaces a newer one; one too large is not kept."""
        size_bytes = _size_bytes((key, value))
        kept = self._entries.get(key)
        if size_bytes > self._max_bytes or (kept is not None and kept.as_of > as_of):
            return
        self.forget(key)
        self._entries[key] = _Entry(value, as_of, size_bytes)
        self._size_bytes += size_bytes
        while len(self._entries) > self._max_entries or self._size_bytes > self._max_bytes:
            self.forget(next(iter(self._entries)))

    def find(self, key: Hashable) -> tuple[object, datetime] | None:
        """The value last put under the key and its time, if still kept."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry.value, entry.as_of

    def forget(self, key: Hashable) -> None:
        """Drop a key, for example when consent is withdrawn. Repeat-safe."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._size_bytes -= entry.size_bytes

    def forget_all(self, prefix: tuple[Hashable, ...]) -> None:
        """Drop every key that is a tuple beginning with `prefix`. Repeat-safe; walks all keys."""
        size = len(prefix)
        for key in [k for k in self._entries if isinstance(k, tuple) and k[:size] == prefix]:
            self.forget(key)

    async def read_through(
        self,
        key: Hashable,
        fetch: Callable[[], Awaitable[T]],
        *,
        clock: Clock,
        max_stale: timedelta,
        fresh: timedelta = timedelta(0),
    ) -> Reading[T]:
        """Fetch, or fall back to the last good value if it is at most `max_stale` old.

        A value less than `fresh` old is still LIVE and is not fetched again.
        Only an upstream that does not answer leads to STALE or UNAVAILABLE. Raises
        UpstreamRejected (the upstream did answer, with no; the kept value is dropped) and
        whatever else `fetch` raises. `as_of` is the moment before the fetch: never too young.
        """
        asked_at = clock.now()
        kept = self.find(key) if fresh else None
        if kept is not None and asked_at - kept[1] < fresh:
            return Reading(ReadStatus.LIVE, cast(T, kept[0]), kept[1], None)
        try:
            value = await fetch()
        except UpstreamRejected:
            self.forget(key)
            raise
        except UpstreamError as error:
            return self._fall_back(key, error.reason, clock.now() - max_stale)
        self.put(key, value, asked_at)
        return Reading(ReadStatus.LIVE, value, asked_at, None)

    def _fall_back(self, key: Hashable, reason: str, not_before: datetime) -> Reading[T]:
        found = self.find(key)
        if found is not None:
            value, as_of = found
            if as_of >= not_before:
                return Reading(ReadStatus.STALE, cast(T, value), as_of, reason)
            self.forget(key)
        return Reading(ReadStatus.UNAVAILABLE, None, None, reason)


def _size_bytes(value: object) -> int:
    """The memory of a value made of plain data, containers and records; an estimate.

    Of a long container some members are weighed, as far apart as can be, for all of them.
    """
    size_bytes, waiting = float(getsizeof(value)), [(value, 1.0)]
    while waiting:
        one, times = waiting.pop()
        parts = _PARTS.get(type(one)) or _parts_of(type(one))
        found, share = parts(one)
        share *= times
        for part in found:
            size_bytes += getsizeof(part) * share
            if type(part) not in _PLAIN:
                waiting.append((part, share))
    return round(size_bytes)


_WEIGHED = 2
_Parts = tuple[Iterable[object], float]
_PLAIN = frozenset({str, int, float, bool, bytes, date, datetime, NoneType})
"""Most of what records hold: it has no parts of its own."""
_PARTS: dict[type, Callable[[Any], _Parts]] = {}
"""What reaches the parts of a class's values: those that are weighed, and for how many each stands.
By class, so that it is looked into once and not at each.
"""


def _parts_of(cls: type) -> Callable[[Any], _Parts]:
    _PARTS[cls] = parts = _reach(cls)
    return parts


def _reach(cls: type) -> Callable[[Any], _Parts]:
    if issubclass(cls, type | Enum | str | int | float | date | NoneType):
        return lambda _: ((), 1)
    if issubclass(cls, Mapping):
        return lambda value: _some(value, value.items())
    if issubclass(cls, list | tuple | set | frozenset):
        return lambda value: _some(value, value)
    if is_dataclass(cls):
        names = [item.name for item in fields(cls)]
        return lambda value: ([getattr(value, name) for name in names], 1)
    return lambda value: (getattr(value, "__dict__", {}).values(), 1)


def _some(container: Sized, members: Iterable[object]) -> _Parts:
    count = len(container)
    if count <= _WEIGHED:
        return members, 1
    every = count // _WEIGHED
    return islice(members, 0, every * _WEIGHED, every), count / _WEIGHED
