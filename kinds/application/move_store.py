"""How the moves of cases are written: rows, work and timelines of many in one statement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.clock import Clock
from core.database import Transaction, fetch_all, idempotency
from core.database.arrays import unnest
from core.database.idempotency import CLAIM, Wish
from core.ids import new_id
from core.json import to_json
from core.queue.jobs import JOB, insert_jobs
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


@dataclass(frozen=True, slots=True)
class WorkRow:
    """Work that opens on a case that moves: for which branch, unit and officer."""

    case_id: UUID
    branch: str
    unit: str
    officer_id: UUID | None


@dataclass(frozen=True, slots=True)
class Seen:
    """The versions of a case and of its task as they were read, by the transactions that wrote
    them, and the key of whoever does the task."""

    case: int
    task: int
    wish: Wish


async def write_moves(tx: Transaction, moves: Sequence[MoveRow], work: Sequence[WorkRow]) -> None:
    """Move locked cases, close their open tasks, write the lines of their timelines and open the
    work that follows, in one statement."""
    rows = [_move(move) for move in moves]
    await tx.execute_query(_MOVE, [*_columns(rows, _ROW), *_columns(map(_work, work), _WORK)])


async def write_free(
    db: Transaction,
    clock: Clock,
    operation: str,
    moves: Sequence[tuple[MoveRow, Seen]],
    work: Sequence[WorkRow],
    jobs: Sequence[tuple[UUID, Sequence[object]]],
) -> set[UUID]:
    """Move those of some cases that nobody holds, that are as they were seen and whose keys are
    free, as `write_moves` does; bind the keys and add the jobs, each the columns of `JOB` with its
    case. One statement, and so a transaction. Returns the cases that moved: of the others nothing
    is written."""
    now = clock.now()
    rows = [(*_move(row), seen.case, seen.task, *seen.wish.columns) for row, seen in moves]
    moved = await fetch_all(
        db,
        _MOVE_FREE,
        *(operation, now, now + idempotency.KEPT),
        *_columns(rows, _FREE_ROW),
        *_columns(map(_work, work), _WORK),
        *_columns(((case_id, *job) for case_id, job in jobs), _JOB),
    )
    return {row["id"] for row in moved}


def _columns(rows: Iterable[Sequence[object]], names: Mapping[str, str]) -> Sequence[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]


def _move(move: MoveRow) -> tuple[object, ...]:
    papers = move.values["papers_asked"]
    known = {**move.values, "papers_asked": None if papers is None else to_json(papers).decode()}
    return move.case_id, move.done, *_values(move.entry), *map(known.__getitem__, MOVED)


def _work(work: WorkRow) -> tuple[object, ...]:
    return new_id(), work.case_id, work.branch, work.unit, work.officer_id


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
_ROW = {"case_id": "uuid", "done": "uuid", **_ENTRY, **MOVED}
_FREE_ROW = {**_ROW, "case_seen": "xid", "task_seen": "xid", **CLAIM}
_WORK = {"id": "uuid", "case_id": "uuid", "branch": "text", "unit": "text", "officer_id": "uuid"}
_JOB = {"case_id": "uuid", **JOB}
_FIRST = 4
"""The first three parameters are those of the claims."""

_ASSIGNED = ", ".join(f"{name} = m.{name}" for name in MOVED)


def _written(work_first: int) -> str:
    """What is written of the moves `m`; the old work is closed before the new is opened."""
    return f"""moved AS (
  UPDATE applications_case c SET sequence = c.sequence + 1, {_ASSIGNED}
    FROM m WHERE c.id = m.case_id RETURNING c.id, c.sequence
), closed AS (
  UPDATE applications_task t
     SET closed_at = m.happened_at, status = CASE WHEN t.id = m.done THEN 'DONE' ELSE 'DROPPED' END
    FROM m WHERE t.case_id = m.case_id AND t.status = 'OPEN' RETURNING t.id
), noted AS (
  INSERT INTO applications_event
    (id, case_id, sequence, event, actor, actor_id, unit, state, note_sealed, once, happened_at)
  SELECT m.event_id, m.case_id, moved.sequence, m.event, m.actor, m.actor_id, m.by_unit, m.state,
         m.note_sealed, m.once, m.happened_at
    FROM m JOIN moved ON moved.id = m.case_id
), opened AS (
  INSERT INTO applications_task (id, case_id, kind, state, round, branch, unit, from_unit,
                                 assignee_id, status, opened_at)
  SELECT w.id, w.case_id, 'WORK', m.state, m.round, w.branch, w.unit, '', w.officer_id, 'OPEN',
         m.happened_at
    FROM {unnest(_WORK, "w", work_first)} JOIN m USING (case_id),
         (SELECT count(*) FROM closed) AS closing
)"""  # noqa: S608 - names of columns


_MOVE = f"""WITH m AS (SELECT * FROM {unnest(_ROW, "m")}), {_written(1 + len(_ROW))}
SELECT id FROM moved"""  # noqa: S608 - names of columns

_WORK_FIRST = _FIRST + len(_FREE_ROW)
_JOBS = f"{unnest(_JOB, 'n', _WORK_FIRST + len(_WORK))} JOIN moved ON moved.id = n.case_id"
_MOVE_FREE = f"""WITH asked AS (
  SELECT * FROM {unnest(_FREE_ROW, "a", _FIRST)}
), held AS (
  SELECT a.subject, a.key, a.input_hash, a.effect_id
    FROM asked a JOIN applications_case c ON c.id = a.case_id AND c.xmin = a.case_seen
    JOIN applications_task t ON t.id = a.done AND t.xmin = a.task_seen
   ORDER BY c.id FOR UPDATE OF c, t SKIP LOCKED
), claimed AS (
  {idempotency.insert_claims("held w")}
), m AS (
  SELECT a.* FROM asked a JOIN claimed ON claimed.effect_id = a.done
), {_written(_WORK_FIRST)}, queued AS ({insert_jobs(_JOBS)})
SELECT id FROM moved"""  # noqa: S608 - names of columns
"""A key is bound only where the case is held and as it was seen, and its case moves only then."""


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
