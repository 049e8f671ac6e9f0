"""What is known of a day's statement: whether it can be fetched, and what is planted in it."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sandbox.server.state import Row
from sandbox.server.system import SHANGHAI, City
from sandbox.server.wire import Refusal
from sandbox.statements.lines import Break, BreakKind, Line, planted, synthetic

SCHEMA = """
CREATE TABLE statement_day (
    system TEXT NOT NULL, day TEXT NOT NULL, synthetic INTEGER NOT NULL,
    PRIMARY KEY (system, day)
);
CREATE TABLE statement_break (
    id INTEGER PRIMARY KEY, system TEXT NOT NULL, day TEXT NOT NULL, kind TEXT NOT NULL,
    order_no TEXT, struck TEXT, UNIQUE (system, day, order_no)
);
"""
READY_AT = time(10, 0)
"""When a day's statement is ready, the day after, in Beijing."""
KEPT_DAYS = 92


@dataclass(frozen=True)
class Day:
    """One system's statement of one civil day."""

    city: City
    system: str
    on: date

    @property
    def key(self) -> tuple[str, str]:
        """How the tables name it."""
        return self.system, self.on.isoformat()

    def is_ready(self) -> bool:
        """Whether the statement is made: from ten the next morning, or opened by hand."""
        ready_at = datetime.combine(self.on + timedelta(days=1), READY_AT, SHANGHAI)
        return self._opened() is not None or self.city.now() >= ready_at

    def is_kept(self) -> bool:
        """Whether the day is within what is kept: about three months."""
        return (self.city.today() - self.on).days <= KEPT_DAYS

    def open(self, synthetic_lines: int) -> None:
        """Close the books of the day now, with so many invented lines beside the real ones."""
        self.city.state.run(
            "INSERT OR REPLACE INTO statement_day VALUES (?, ?, ?)", (*self.key, synthetic_lines)
        )

    def plant(self, kind: BreakKind, order_no: str | None) -> None:
        """Plant a break. Raises Refusal 409 ALREADY_BROKEN where that order has one."""
        try:
            self.city.state.run(
                "INSERT INTO statement_break (system, day, kind, order_no) VALUES (?, ?, ?, ?)",
                (*self.key, kind, order_no),
            )
        except sqlite3.IntegrityError:
            raise Refusal(409, "ALREADY_BROKEN", "this order has a break already") from None

    def repair(self) -> None:
        """Forget every break of the day."""
        self.city.state.run("DELETE FROM statement_break WHERE system = ? AND day = ?", self.key)

    def breaks(self) -> list[Row]:
        """What is planted; `struck` is the order that a break met when a file was made."""
        return self.city.state.all(
            "SELECT id, kind, order_no, struck FROM statement_break "
            "WHERE system = ? AND day = ? ORDER BY id",
            self.key,
        )

    def synthetic_lines(self) -> int:
        """How many invented lines the statement has."""
        opened = self._opened()
        return 0 if opened is None else int(opened["synthetic"])

    def lines(self, real: Iterable[Line]) -> Iterator[Line]:
        """The whole statement: real lines, then invented ones, with the breaks in them."""
        hits: dict[int, str] = {}
        breaks = [Break(row["id"], row["kind"], row["order_no"]) for row in self.breaks()]

        def every() -> Iterator[Line]:
            yield from real
            yield from synthetic(self.on, self.synthetic_lines())

        yield from planted(every(), breaks, self.on, hits)
        for break_id, order_no in hits.items():
            self.city.state.run(
                "UPDATE statement_break SET struck = ? WHERE id = ?", (order_no, break_id)
            )

    def _opened(self) -> Row | None:
        return self.city.state.one(
            "SELECT * FROM statement_day WHERE system = ? AND day = ?", self.key
        )


def parse_day(text: str) -> date | None:
    """The date of `yyyy-mm-dd`, or None."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None
