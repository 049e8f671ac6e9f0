"""Registers that are read whole, record by record, and asked for one of them by its key.

A record that cannot be read any more is answered as it was last read, as long as a silent register
would be. One that was never read is not one that does not exist: the register says that it may have
it.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar, cast

from core.clock import Clock
from core.upstream.readings import LastGood
from core.upstream.records import Records

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Register(Generic[T]):
    """The records by key, when each was read, and how many cannot be read."""

    records: Mapping[str, T]
    read_at: Mapping[str, datetime]
    unreadable: int = 0

    def find(self, key: str) -> T | None:
        """The record of a key; None where there is none, or `may_have` it."""
        return self.records.get(key)

    def may_have(self, key: str) -> bool:
        """Whether a key that is not found may be that of a record that cannot be read."""
        return self.unreadable > 0 and key not in self.records


async def read_register(
    last_good: LastGood,
    name: Hashable,
    fetch: Callable[[], Awaitable[Records[T]]],
    key: Callable[[T], str],
    *,
    clock: Clock,
    max_stale: timedelta = timedelta(days=7),
    fresh: timedelta = timedelta(minutes=1),
) -> Register[T] | None:
    """The register, at most `fresh` old or fetched now; what cannot be fetched or read is answered
    from memory for `max_stale`. None where nothing is remembered. Raises as `read_through`."""

    async def ask() -> Register[T]:
        now, found = clock.now(), await fetch()
        records = {key(record): record for record in found.items}
        read_at = dict.fromkeys(records, now)
        kept = last_good.find(name)
        if found.unreadable and kept is not None:
            before = cast(Register[T], kept[0])
            for code in before.records.keys() - records.keys():
                if before.read_at[code] >= now - max_stale:
                    records[code], read_at[code] = before.records[code], before.read_at[code]
        return Register(records, read_at, found.unreadable)

    reading = await last_good.read_through(name, ask, clock=clock, max_stale=max_stale, fresh=fresh)
    return reading.value
