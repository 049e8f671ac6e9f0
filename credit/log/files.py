"""The log in files: one chain for each bank, bodies and their keys in folders beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from credit.log.chain import ChainStore, Entry, Head, JsonLinesStore, append, entries
from credit.log.entries import Draft, Sealed, must_match, open_body
from credit.storage.errors import LogError
from credit.storage.files import written_whole
from credit.storage.seals import fingerprint


class Bodies(Protocol):
    """Sealed bodies by the hash of their ciphertext."""

    def put(self, sealed: Sealed) -> None:
        """Keep a body and its key."""
        ...

    def find(self, digest: str) -> tuple[bytes, bytes] | None:
        """(ciphertext, key), or None where the key was destroyed."""
        ...

    def destroy(self, digest: str) -> None:
        """Destroy the key; the ciphertext stays, and nobody can read it."""
        ...


@dataclass
class MemoryBodies:
    """Bodies in memory, for tests and extracts."""

    kept: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)

    def put(self, sealed: Sealed) -> None:
        """Keep a body and its key."""
        self.kept[sealed.hash] = (sealed.body, sealed.key)

    def find(self, digest: str) -> tuple[bytes, bytes] | None:
        """(ciphertext, key), or None where the key was destroyed."""
        return self.kept.get(digest)

    def destroy(self, digest: str) -> None:
        """Forget the body."""
        self.kept.pop(digest, None)


@dataclass(frozen=True)
class FolderBodies:
    """Bodies as files `HASH.body`, each with its `HASH.key`."""

    folder: Path

    def put(self, sealed: Sealed) -> None:
        """Keep a body and its key, readable by the owner alone."""
        for ending, data in (("body", sealed.body), ("key", sealed.key)):
            path = self.folder / f"{sealed.hash}.{ending}"
            with written_whole(path) as file:
                file.write(data)
            path.chmod(0o600)

    def find(self, digest: str) -> tuple[bytes, bytes] | None:
        """(ciphertext, key), or None where the key was destroyed."""
        key = self.folder / f"{digest}.key"
        if not key.is_file():
            return None
        return (self.folder / f"{digest}.body").read_bytes(), key.read_bytes()

    def destroy(self, digest: str) -> None:
        """Overwrite and remove the key."""
        key = self.folder / f"{digest}.key"
        if key.is_file():
            key.write_bytes(bytes(key.stat().st_size))
            key.unlink()


@dataclass
class Log:
    """One bank's chain with its bodies."""

    chain: ChainStore
    bodies: Bodies
    _seen: Head | None = None
    _by_key: dict[str, Entry] = field(default_factory=dict)

    def add(self, draft: Draft) -> Entry:
        """Store an entry; the same key again gives the entry there is.

        Raises LogError where the key stands for something else.
        """
        known = self.find(draft.payload["key"])
        if known is not None:
            must_match(known.payload, draft, self.body(known))
            return known
        # a body without an entry is harmless; an entry without its body could not be replayed
        self.bodies.put(draft.sealed)
        entry = append(self.chain, draft.payload)
        if self._seen is not None and entry.number == self._seen.count + 1:
            self._seen = Head(entry.number, entry.hash)
            self._by_key[draft.payload["key"]] = entry
        return entry

    def find(self, key: str) -> Entry | None:
        """The entry of an idempotency key."""
        if self._seen != self.chain.head():
            self._by_key = {entry.payload["key"]: entry for entry in entries(self.chain)}
            self._seen = self.chain.head()
        return self._by_key.get(key)

    def body(self, entry: Entry) -> Mapping[str, Any] | None:
        """An entry's body; None where its key was destroyed. Raises LogError if it was changed."""
        return opened(entry, self.bodies.find(entry.payload["body"]))

    def forget(self, application_id: str) -> int:
        """Destroy the keys of an application's bodies; returns how many entries it has."""
        found = [e for e in entries(self.chain) if e.payload["application_id"] == application_id]
        for entry in found:
            self.bodies.destroy(entry.payload["body"])
        return len(found)


def opened(entry: Entry, found: tuple[bytes, bytes] | None) -> Mapping[str, Any] | None:
    """The body of an entry from its ciphertext and key. Raises LogError if it was changed."""
    if found is None:
        return None
    if fingerprint(found[0]) != entry.payload["body"]:
        raise LogError(f"the body of entry {entry.number} was changed")
    return open_body(*found)


def open_log(folder: Path, bank: str) -> Log:
    """A bank's log in a folder. Raises LogError for a name that is no file name."""
    if not bank.replace("-", "").replace("_", "").isalnum():
        raise LogError(f"{bank!r} is no bank's name")
    return Log(JsonLinesStore(folder / f"{bank}.jsonl"), FolderBodies(folder / "bodies" / bank))
