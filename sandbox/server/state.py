"""The sandbox's memory: one SQLite file, written in short transactions that never wait.

All systems share one connection behind a lock. Nothing awaits while it holds the lock, so two
requests never see each other's half-done work, and a killed process leaves whole transactions.
"""

import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

Row = sqlite3.Row
Values = Sequence[Any]

_OWN_SCHEMA = """
CREATE TABLE sandbox_origin (fingerprint TEXT NOT NULL);
CREATE TABLE sandbox_sequence (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


class State:
    """The tables of all systems. A file made from another seed or schema is begun afresh."""

    def __init__(self, path: str, *, schema: str, seed: int) -> None:
        if path != ":memory:":
            _make_private(Path(path))
        self._schema = _OWN_SCHEMA + schema
        self._fingerprint = hashlib.sha256(f"{seed}\n{self._schema}".encode()).hexdigest()
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        if self._stored_fingerprint() != self._fingerprint:
            self.reset()

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements inside take effect together or not at all. Never await inside."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            with self._rolled_back_on_error():
                yield
                self._connection.execute("COMMIT")

    @contextmanager
    def _rolled_back_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with suppress(sqlite3.OperationalError):  # a full disk has ended it already
                self._connection.execute("ROLLBACK")
            raise

    def run(self, sql: str, values: Values = ()) -> int:
        """Execute one statement; returns the number of rows it changed."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def insert(self, sql: str, values: Values = ()) -> int:
        """Execute one INSERT; returns the row id it made."""
        with self._lock:
            row_id = self._connection.execute(sql, values).lastrowid
        assert row_id is not None
        return row_id

    def one(self, sql: str, values: Values = ()) -> Row | None:
        """The first row, or None."""
        with self._lock:
            row: Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, values: Values = ()) -> list[Row]:
        """Every row."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def next_in(self, sequence: str) -> int:
        """The next number of a named sequence, from 1, without gaps."""
        row = self.one(
            "INSERT INTO sandbox_sequence VALUES (?, 1) "
            "ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            (sequence,),
        )
        assert row is not None
        return int(row["value"])

    def reset(self) -> None:
        """Forget everything: drop all tables and make them again, empty."""
        with self.transaction():
            tables = self.all(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
            for table in tables:
                self.run(f'DROP TABLE "{table["name"]}"')
            for statement in filter(str.strip, self._schema.split(";")):
                self.run(statement)
            self.run("INSERT INTO sandbox_origin VALUES (?)", (self._fingerprint,))

    def _stored_fingerprint(self) -> str | None:
        if self.one("SELECT 1 FROM sqlite_master WHERE name = 'sandbox_origin'") is None:
            return None
        row = self.one("SELECT fingerprint FROM sandbox_origin")
        return None if row is None else str(row["fingerprint"])


def _make_private(path: Path) -> None:
    """A file for its owner alone, as those are that SQLite makes beside it: it holds texts."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for file in path.parent.glob(f"{path.name}*"):
        file.chmod(0o600)
