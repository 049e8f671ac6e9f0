"""How often one request goes to the database and to other systems: counted only where asked for.

A list that is read item by item (N+1) shows in these two numbers and nowhere else: with the data
of a developer's machine it is fast.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """What a request has done so far."""

    sql: int = 0
    """Statements; opening and ending a transaction is none."""
    upstream: int = 0
    """Calls of other systems; one that is repeated or hedged counts once."""
    systems: list[str] = field(default_factory=list, compare=False)
    """The names of those that were called."""


_tally: ContextVar[Tally | None] = ContextVar("tally", default=None)


@contextmanager
def tallying() -> Iterator[Tally]:
    """Count what runs inside, tasks that it starts included."""
    tally = Tally()
    token = _tally.set(tally)
    try:
        yield tally
    finally:
        _tally.reset(token)


def count_sql() -> None:
    """A statement was run."""
    tally = _tally.get()
    if tally is not None:
        tally.sql += 1


def count_upstream(system: str) -> None:
    """Another system was called."""
    tally = _tally.get()
    if tally is not None:
        tally.upstream += 1
        if system not in tally.systems:
            tally.systems.append(system)
