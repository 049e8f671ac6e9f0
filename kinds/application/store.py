"""Every query of applications."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from core.database import (
    Transaction,
    connection,
    fetch_all,
    fetch_model,
    fetch_models,
    fetch_one,
    read_model,
)
from core.ids import new_id
from core.json import to_json
from kinds.application.definition import Actor
from kinds.application.domain import Clocks, TaskKind, TaskStatus
from kinds.application.models import Case, CaseEvent, Rating, Task

CLOCKS = (
    "promise_days", "promise_used", "promise_from_on", "promise_due_on", "promise_broken_on",
    "due_on", "warn_on", "is_warned", "is_escalated", "look_on", "is_provisional",
)  # fmt: skip
"""The columns of a case that are its clocks."""


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


def clocks_of(case: Case) -> Clocks:
    """The clocks that a case's row holds."""
    return Clocks(**{name: getattr(case, name) for name in CLOCKS})


async def lock_case(tx: Transaction, case_id: UUID) -> Case | None:
    """A case, its row locked: one step at a time."""
    return await fetch_model(tx, Case, "WHERE id = $1 FOR UPDATE", case_id)


async def lock_case_of(tx: Transaction, task_id: UUID) -> tuple[Case, Task] | None:
    """A task and its case, both rows locked, as they stand once the locks are held."""
    row = await fetch_one(tx, _LOCK_TASK, task_id)
    return None if row is None else (read_model(Case, row), read_model(Task, row, "task_"))


_TASK_COLUMNS = ", ".join(f"t.{name} AS task_{name}" for name in Task._meta.fields_db_projection)
_LOCK_TASK = f"""SELECT c.*, {_TASK_COLUMNS}
  FROM applications_task t JOIN applications_case c ON c.id = t.case_id
 WHERE t.id = $1 FOR UPDATE OF c, t"""  # noqa: S608 - names of columns
"""The case is locked first, as by everybody."""


async def find_case(case_id: UUID) -> Case | None:
    """A case by id."""
    return await fetch_model(connection(), Case, "WHERE id = $1", case_id)


async def list_cases(
    citizen_id: UUID, *, first: int, before: UUID | None, only_open: bool, service: str | None
) -> list[Case]:
    """A citizen's cases, newest first."""
    cases = Case.filter(citizen_id=citizen_id)
    if before is not None:
        cases = cases.filter(id__lt=before)
    if only_open:
        cases = cases.filter(ended_at=None)
    if service is not None:
        cases = cases.filter(service_id=service)
    return await cases.order_by("-id").limit(first)


async def list_open_cases(citizen_id: UUID, most: int) -> list[Case]:
    """A citizen's open cases, first what waits for the citizen, then what is due soonest."""
    cases = Case.filter(citizen_id=citizen_id, ended_at=None)
    return await cases.order_by("turn", "due_on", "id").limit(most)


async def list_owned(citizen_id: UUID, ids: Collection[UUID]) -> set[UUID]:
    """Those of some cases that are a citizen's."""
    cases = Case.filter(id__in=list(ids), citizen_id=citizen_id)
    return set(await cases.values_list("id", flat=True))  # type: ignore[arg-type]


async def count_open_cases(tx: Transaction, citizen_id: UUID, service: str) -> int:
    """How many cases of a service a citizen has open."""
    cases = Case.filter(citizen_id=citizen_id, service_id=service, ended_at=None)
    return await cases.using_db(tx).count()


async def insert_case(tx: Transaction, values: Mapping[str, Any]) -> Case:
    """A new case."""
    return await Case.create(using_db=tx, **values)


async def next_serial(tx: Transaction, prefix: str, day_on: date) -> int:
    """The next case number of a prefix on a day, from 1; others wait until `tx` ends."""
    row = await fetch_one(
        tx,
        """INSERT INTO applications_serial AS s (prefix, day_on, last_serial) VALUES ($1, $2, 1)
           ON CONFLICT (prefix, day_on) DO UPDATE SET last_serial = s.last_serial + 1
           RETURNING last_serial""",
        prefix,
        day_on,
    )
    assert row is not None
    return int(row["last_serial"])


async def write_move(
    tx: Transaction,
    case_id: UUID,
    values: Mapping[str, Any],
    entry: Entry,
    *,
    done_by: Task | None,
) -> None:
    """Move a case, close its open tasks, write the line of its timeline, all in one statement.

    `values` are the columns that change; of the open tasks `done_by` was done, the others drop.
    """
    assigned = ", ".join(f"{name} = ${n}" for n, name in enumerate(values, 13))
    await tx.execute_query(
        f"""WITH moved AS (
              UPDATE applications_case SET sequence = sequence + 1, {assigned}
               WHERE id = $1 RETURNING id, sequence, state
            ), closed AS (
              UPDATE applications_task SET closed_at = $9,
                     status = CASE WHEN id = $10 THEN $11 ELSE $12 END
               WHERE case_id = $1 AND status = 'OPEN'
            )
            {_INSERT_EVENT} FROM moved""",  # noqa: S608 - names of columns
        [
            case_id,
            *_values(entry),
            None if done_by is None else done_by.id,
            TaskStatus.DONE,
            TaskStatus.DROPPED,
            *(to_json(v).decode() if isinstance(v, list) else v for v in values.values()),
        ],
    )
    if done_by is not None:
        done_by.update_from_dict({"status": TaskStatus.DONE, "closed_at": entry.happened_at})


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


async def update_case(tx: Transaction, case_id: UUID, **values: Any) -> None:
    """Change columns of a case."""
    await Case.filter(id=case_id).using_db(tx).update(**values)


async def find_by_no(no: str) -> Case | None:
    """A case by its number."""
    return await fetch_model(connection(), Case, "WHERE no = $1", no)


async def insert_rating(tx: Transaction, values: Mapping[str, Any]) -> None:
    """What a citizen says of a case. Raises IntegrityError where it was rated before."""
    await Rating.create(using_db=tx, **values)


async def find_rating(case_id: UUID) -> Rating | None:
    """What was said of a case."""
    return await Rating.get_or_none(case_id=case_id)


async def list_events(case_id: UUID, *, after: int, first: int) -> list[CaseEvent]:
    """A case's timeline in its order, from behind a sequence number on."""
    events = CaseEvent.filter(case_id=case_id, sequence__gt=after)
    return await events.order_by("sequence").limit(first)


async def list_actors(tx: Transaction, case_id: UUID, events: Collection[str]) -> set[UUID]:
    """The officers who took one of these steps of a case."""
    rows = CaseEvent.filter(case_id=case_id, event__in=list(events), actor=Actor.OFFICER)
    return {row.actor_id for row in await rows.using_db(tx) if row.actor_id is not None}


async def find_last_officer(tx: Transaction, case_id: UUID) -> UUID | None:
    """The officer who acted on a case last."""
    rows = CaseEvent.filter(case_id=case_id, actor=Actor.OFFICER).using_db(tx)
    last = await rows.order_by("-sequence").first()
    return None if last is None else last.actor_id


async def has_happened(tx: Transaction, case_id: UUID, event: str) -> bool:
    """Whether a step was taken before."""
    return await CaseEvent.filter(case_id=case_id, event=event).using_db(tx).exists()


async def open_tasks(
    tx: Transaction,
    case: Case,
    kind: TaskKind,
    work: Sequence[tuple[str, str, UUID | None]],
    now: datetime,
) -> None:
    """Open work on a case: for each its branch, its unit and its officer."""
    branches, units, officers = zip(*work, strict=True)
    await tx.execute_query(
        """INSERT INTO applications_task (id, case_id, kind, state, round, branch, unit, from_unit,
                                          assignee_id, status, opened_at)
           SELECT w.id, $1, $2, $3, $4, w.branch, w.unit, '', w.officer_id, $5, $6
             FROM unnest($7::uuid[], $8::text[], $9::text[], $10::uuid[])
               AS w (id, branch, unit, officer_id)""",
        [
            *(case.id, kind, case.state, case.round, TaskStatus.OPEN, now),
            *([new_id() for _ in work], branches, units, officers),
        ],
    )


async def count_loads(tx: Transaction, officers: Sequence[UUID]) -> Mapping[UUID, int]:
    """How many open tasks officers have; those without one are not in it."""
    rows = await fetch_all(
        tx,
        """SELECT assignee_id, count(*) AS load FROM applications_task
            WHERE assignee_id = ANY($1) AND status = 'OPEN' GROUP BY assignee_id""",
        list(officers),
    )
    return {row["assignee_id"]: row["load"] for row in rows}


async def list_tasks(case_id: UUID) -> list[Task]:
    """All work on a case, in the order in which it was opened."""
    return await Task.filter(case_id=case_id).order_by("id")


async def change_task(tx: Transaction, task: Task, **values: Any) -> None:
    """Change a task, in its row and as it is here."""
    await Task.filter(id=task.id).using_db(tx).update(**values)
    task.update_from_dict(values)


async def list_open_tasks(tx: Transaction, case_id: UUID) -> list[Task]:
    """The open tasks of a case."""
    return await Task.filter(case_id=case_id, status=TaskStatus.OPEN).using_db(tx).order_by("id")


async def list_agreed(tx: Transaction, case: Case) -> set[str]:
    """The branches of a case's present state that have agreed in its present round."""
    tasks = Task.filter(
        case_id=case.id, state=case.state, round=case.round, status=TaskStatus.AGREED
    )
    return {task.branch for task in await tasks.using_db(tx)}


async def has_worked(case_id: UUID, unit: str) -> bool:
    """Whether a unit works, or worked, on a case."""
    if await Task.filter(case_id=case_id, unit=unit).exists():
        return True
    return await CaseEvent.filter(case_id=case_id, unit=unit).exists()


async def list_queue(
    unit: str,
    services: Sequence[str],
    *,
    assignee_id: UUID | None,
    first: int,
    after: UUID | None,
) -> list[tuple[Task, Case]]:
    """The open work of a unit, or of one of its officers, on services, oldest first, with cases."""
    tasks = await fetch_models(
        connection(),
        Task,
        """WHERE unit = $1 AND status = 'OPEN'
             AND EXISTS (SELECT FROM applications_case c
                          WHERE c.id = case_id AND c.service_id = ANY($2))
             AND ($3::uuid IS NULL OR assignee_id = $3) AND ($4::uuid IS NULL OR id > $4)
           ORDER BY id LIMIT $5""",
        unit,
        list(services),
        assignee_id,
        after,
        first,
    )
    cases = {case.id: case for case in await Case.filter(id__in=[task.case_id for task in tasks])}
    return [(task, cases[task.case_id]) for task in tasks]


async def list_to_look_at(today: date, after: UUID, size: int) -> list[UUID]:
    """The cases at which something may be due, in the order of their ids."""
    rows = await fetch_all(
        connection(),
        """SELECT id FROM applications_case WHERE look_on <= $1 AND id > $2
            ORDER BY id LIMIT $3""",
        today,
        after,
        size,
    )
    return [row["id"] for row in rows]


async def list_provisional(after: UUID, size: int) -> list[UUID]:
    """The open cases whose days were counted by a calendar that was not published yet."""
    cases = Case.filter(is_provisional=True, ended_at=None, id__gt=after)
    return await cases.order_by("id").limit(size).values_list("id", flat=True)  # type: ignore[return-value]


async def forget_person(tx: Transaction, person_id: UUID, *, nobody: UUID) -> None:
    """Untie a person from their ended cases, and take away the forms, notes and words of these."""
    await tx.execute_query(
        "UPDATE applications_rating SET citizen_id = $2, text_sealed = NULL WHERE citizen_id = $1",
        [person_id, nobody],
    )
    await tx.execute_query(
        """WITH ended AS (
             UPDATE applications_case SET citizen_id = $2, form_sealed = NULL
              WHERE citizen_id = $1 AND ended_at IS NOT NULL RETURNING id
           )
           UPDATE applications_event e SET note_sealed = NULL, actor_id = nullif(actor_id, $1)
             FROM ended WHERE e.case_id = ended.id""",
        [person_id, nobody],
    )
