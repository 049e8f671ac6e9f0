"""A hash chain over an append-only store: a byte changed anywhere is found by reading it.

Each line holds its number, the hash of the line before and a payload; the hash is SHA-256 of the
line's exact bytes. Cutting off the newest lines leaves a valid shorter chain, so whoever needs
that found keeps the head (`Head`) elsewhere and passes it to `verify`.
"""

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import orjson

from credit.storage.errors import LogError
from credit.storage.seals import canonical, fingerprint

GENESIS = "0" * 64


@dataclass(frozen=True)
class Head:
    """How many lines there are, and the hash of the last."""

    count: int
    hash: str


class ChainStore(Protocol):
    """Lines that are appended and read, never changed."""

    def append_after(self, head: Head, line: bytes) -> bool:
        """Append and make durable; False, with nothing done, if the head is no longer this."""
        ...

    def head(self) -> Head:
        """The present head."""
        ...

    def lines(self) -> Iterator[bytes]:
        """Every line, oldest first."""
        ...


@dataclass(frozen=True)
class Entry:
    """A verified line."""

    number: int
    hash: str
    payload: dict[str, Any]


def append(store: ChainStore, payload: dict[str, Any]) -> Entry:
    """Add a payload at the end; safe against other writers of the same store."""
    while True:
        head = store.head()
        entry = append_after(store, head, payload)
        if entry:
            return entry


def append_after(store: ChainStore, head: Head, payload: dict[str, Any]) -> Entry | None:
    """Add a payload as the successor of a head; None if that is no longer the head."""
    line, after = line_after(head, payload)
    if not store.append_after(head, line):
        return None
    return Entry(after.count, after.hash, payload)


def line_after(head: Head, payload: dict[str, Any]) -> tuple[bytes, Head]:
    """The line that continues a head with a payload, and the head it makes."""
    line = canonical({"number": head.count + 1, "previous": head.hash, "payload": payload})
    return line, Head(head.count + 1, fingerprint(line))


def entries(store: ChainStore) -> Iterator[Entry]:
    """Every entry, verified on the way. Raises LogError naming the first broken line."""
    previous = GENESIS
    for number, line in enumerate(store.lines(), start=1):
        try:
            item = orjson.loads(line)
            intact = item["number"] == number and item["previous"] == previous
            payload = item["payload"]
            intact = intact and canonical(item) == line
        except (orjson.JSONDecodeError, KeyError, TypeError):
            intact = False
        if not intact:
            raise LogError(f"the log is broken at or just before entry {number}")
        previous = fingerprint(line)
        yield Entry(number, previous, payload)


def verify(store: ChainStore, expected: Head | None = None) -> Head:
    """Read the whole chain. Raises LogError if it is broken or does not reach the expected head."""
    head = Head(0, GENESIS)
    met = expected is None or expected.count == 0
    for entry in entries(store):
        head = Head(entry.number, entry.hash)
        met = met or head == expected
    if not met:
        assert expected is not None
        raise LogError(f"the log does not contain the entry {expected.count} it should")
    # the last line has no successor to vouch for it; the store's own head does
    if store.head() != head:
        raise LogError(f"the log is broken at entry {head.count}: its head is another")
    return head


class JsonLinesStore:
    """A chain in a file, one JSON line each, with its head and length in a file beside it.

    A process may die between writing the line and noting the head: lines that continue the noted
    head count, and the next append cuts off a torn one, which nobody was told is stored.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._head_path = path.with_name(path.name + ".head")

    def append_after(self, head: Head, line: bytes) -> bool:
        """Append under an exclusive lock, flushed to disk before the head moves."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            found, length = self._end(file)
            if found != head:
                return False
            file.truncate(length)
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
            self._note(Head(head.count + 1, fingerprint(line)), length + len(line) + 1)
        return True

    def head(self) -> Head:
        """The present head; the genesis where nothing is. Raises LogError if unreadable."""
        if not self._path.exists():
            return self._noted()[0]
        with self._path.open("rb") as file:
            return self._end(file)[0]

    def _end(self, file: BinaryIO) -> tuple[Head, int]:
        """The head and the bytes up to it: as noted, and on over the whole lines that continue."""
        head, length = self._noted()
        if file.seek(0, os.SEEK_END) < length:
            raise LogError(f"{self._path} is shorter than its head says")
        file.seek(length)
        for line in file:
            if not line.endswith(b"\n") or not _continues(head, line[:-1]):
                break
            head, length = Head(head.count + 1, fingerprint(line[:-1])), length + len(line)
        return head, length

    def _noted(self) -> tuple[Head, int]:
        if not self._head_path.exists():
            return Head(0, GENESIS), 0
        try:
            data = orjson.loads(self._head_path.read_bytes())
            return Head(int(data["count"]), str(data["hash"])), int(data["bytes"])
        except (orjson.JSONDecodeError, KeyError, ValueError, TypeError) as error:
            raise LogError(f"{self._head_path} cannot be read: {error}") from error

    def _note(self, head: Head, length: int) -> None:
        draft = self._head_path.with_name(self._head_path.name + ".new")
        draft.write_bytes(canonical({"count": head.count, "hash": head.hash, "bytes": length}))
        draft.replace(self._head_path)

    def lines(self) -> Iterator[bytes]:
        """Lines of the file; a torn last line comes as it is and fails verification."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for line in file:
                yield line[:-1] if line.endswith(b"\n") else line + b"?"


def _continues(head: Head, line: bytes) -> bool:
    """Whether a line is the successor of a head."""
    try:
        item = orjson.loads(line)
        return bool(item["number"] == head.count + 1 and item["previous"] == head.hash)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return False


class MemoryStore:
    """A chain in memory, for simulations and replays of extracts."""

    def __init__(self, lines: list[bytes] | None = None) -> None:
        self._lines = list(lines or [])

    def append_after(self, head: Head, line: bytes) -> bool:
        """Append if the head is still this one."""
        if self.head() != head:
            return False
        self._lines.append(line)
        return True

    def head(self) -> Head:
        """The present head."""
        if not self._lines:
            return Head(0, GENESIS)
        return Head(len(self._lines), fingerprint(self._lines[-1]))

    def lines(self) -> Iterator[bytes]:
        """Every line, oldest first."""
        yield from self._lines
