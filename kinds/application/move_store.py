"""How the moves of cases are written: rows, work and timelines of many in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.database import Transaction
from core.ids import new_id
from core.json import to_json
from kinds.application.definition import Actor
from kinds.application.domain import Clocks
from kinds.application.models import Case

CLOCKS = (
    "promise_days", "promise_used", "promise_from_on", "promise_due_on", "promise_broken_on",
    "due_on", "warn_on", "is_warned", "is_escalated", "look_on", "is_provisional",
)  # fmt: skip
"""The columns of a case that are its clocks."""


def clocks_of(case: Case, **other: int) -> Clocks:
    """The clocks that a case's row holds, some of them other than there."""
    row = vars(case)
    return Clocks(**{name: row[name] for name in CLOCKS} | other)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the timeline to be written."""

    event: str
    actor: Actor
    actor_id: UUID | None
    unit: str
    note_sealed: bytes | None
    happened_at: datetime
    once: bool = False


@dataclass(frozen=True, slots=True)
class MoveRow:
    """A case that moves: the columns of `MOVED` as they are then, the line of its timeline, and the
    open task that is done by it; the others drop."""

    case_id: UUID
    values: Mapping[str, Any]
    entry: Entry
    done: UUID | None


async def write_moves(tx: Transaction, moves: Sequence[MoveRow]) -> None:
    """Move cases, close their open tasks, write the lines of their timelines, in one statement."""
    rows = [
        (move.case_id, move.done, *_values(move.entry), *_columns(move.values)) for move in moves
    ]
    await tx.execute_query(_MOVE, [list(column) for column in zip(*rows, strict=True)])


def _columns(values: Mapping[str, Any]) -> list[Any]:
    papers = values["papers_asked"]
    known = {**values, "papers_asked": None if papers is None else to_json(papers).decode()}
    return [known[name] for name in MOVED]


MOVED = {
    "state": "text", "turn": "text", "unit": "text", "category": "text", "round": "int",
    "papers_asked": "jsonb", "turn_from_on": "date", "moved_at": "timestamptz",
    "ended_at": "timestamptz", "promise_days": "int", "promise_used": "int",
    "promise_from_on": "date", "promise_due_on": "date", "promise_broken_on": "date",
    "due_on": "date", "warn_on": "date", "is_warned": "bool", "is_escalated": "bool",
    "look_on": "date", "is_provisional": "bool",
}  # fmt: skip
"""The columns of a case that a step changes, and their types."""

_ENTRY = {
    "event_id": "uuid", "event": "text", "actor": "text", "actor_id": "uuid", "by_unit": "text",
    "note_sealed": "bytea", "once": "bool", "happened_at": "timestamptz",
}  # fmt: skip
_INPUT = {"case_id": "uuid", "done": "uuid", **_ENTRY, **MOVED}
_ARRAYS = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(_INPUT.values(), 1))
_ASSIGNED = ", ".join(f"{name} = m.{name}" for name in MOVED)
_MOVE = f"""WITH m AS (
  SELECT * FROM unnest({_ARRAYS}) AS m ({", ".join(_INPUT)})
), moved AS (
  UPDATE applications_case c SET sequence = c.sequence + 1, {_ASSIGNED}
    FROM m WHERE c.id = m.case_id RETURNING c.id, c.sequence
), closed AS (
  UPDATE applications_task t
     SET closed_at = m.happened_at, status = CASE WHEN t.id = m.done THEN 'DONE' ELSE 'DROPPED' END
    FROM m WHERE t.case_id = m.case_id AND t.status = 'OPEN'
)
INSERT INTO applications_event
  (id, case_id, sequence, event, actor, actor_id, unit, state, note_sealed, once, happened_at)
SELECT m.event_id, m.case_id, moved.sequence, m.event, m.actor, m.actor_id, m.by_unit, m.state,
       m.note_sealed, m.once, m.happened_at
  FROM m JOIN moved ON moved.id = m.case_id"""  # noqa: S608 - names of columns


async def write_entry(tx: Transaction, case_id: UUID, entry: Entry) -> None:
    """A line of the timeline of a case that stays where it is."""
    await tx.execute_query(
        f"""WITH noted AS (
              UPDATE applications_case SET sequence = sequence + 1
               WHERE id = $1 RETURNING id, sequence, state
            )
            {_INSERT_EVENT} FROM noted""",  # noqa: S608 - our own text
        [case_id, *_values(entry)],
    )


_INSERT_EVENT = """INSERT INTO applications_event
  (id, case_id, sequence, event, actor, actor_id, unit, state, note_sealed, once, happened_at)
SELECT $2, id, sequence, $3, $4, $5, $6, state, $7, $8, $9"""


def _values(entry: Entry) -> tuple[object, ...]:
    return (
        new_id(),
        entry.event,
        entry.actor,
        entry.actor_id,
        entry.unit,
        entry.note_sealed,
        entry.once,
        entry.happened_at,
    )
