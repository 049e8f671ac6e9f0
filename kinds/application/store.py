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
from kinds.application.definition import Actor
from kinds.application.domain import TaskKind, TaskStatus
from kinds.application.models import Case, CaseEvent, OutsideRequest, Rating, Task


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken in a case; `officer_id` is None where no officer took it."""

    case_id: UUID
    event: str
    officer_id: UUID | None


@dataclass(frozen=True, slots=True)
class Work:
    """Work that is to be opened on a case: for which branch, for which unit, for whom in it."""

    case: Case
    branch: str
    unit: str
    but: Collection[UUID]
    """Those who may not do it."""


async def lock_case(tx: Transaction, case_id: UUID) -> Case | None:
    """A case, its row locked: one step at a time."""
    return await fetch_model(tx, Case, "WHERE id = $1 FOR UPDATE", case_id)


async def lock_case_of(tx: Transaction, task_id: UUID) -> tuple[Case, Task] | None:
    """A task and its case, both rows locked, as they stand once the locks are held."""
    row = await fetch_one(tx, _LOCK_TASK, [task_id])
    return None if row is None else (read_model(Case, row), read_model(Task, row, "task_"))


async def list_seen(
    db: Transaction, task_ids: Sequence[UUID]
) -> Mapping[UUID, tuple[Case, Task, int, int]]:
    """Some tasks with their cases, by task, and the versions of both rows, first the case's; none
    is locked."""
    rows = await fetch_all(db, _SEEN, list(task_ids))
    return {
        row["task_id"]: (
            read_model(Case, row),
            read_model(Task, row, "task_"),
            row["case_seen"],
            row["task_seen"],
        )
        for row in rows
    }


_TASK_COLUMNS = ", ".join(f"t.{name} AS task_{name}" for name in Task._meta.fields_db_projection)
_OF_TASKS = """FROM applications_task t JOIN applications_case c ON c.id = t.case_id
 WHERE t.id = ANY($1)"""
_LOCK_TASK = f"SELECT c.*, {_TASK_COLUMNS} {_OF_TASKS} FOR UPDATE OF c, t"
"""The case is locked first, as by everybody."""
_SEEN = f"""SELECT c.*, {_TASK_COLUMNS}, c.xmin AS case_seen, t.xmin AS task_seen
  {_OF_TASKS}"""


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


async def insert_outside_request(case_id: UUID, sequence: int, now: datetime) -> None:
    """Another system is about to be asked to act on a case. Repeat-safe; holds when it returns."""
    await connection().execute_query(
        """INSERT INTO applications_outside_request (id, case_id, sequence, asked_at)
           VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING""",
        [new_id(), case_id, sequence, now],
    )


async def was_asked(case_id: UUID, sequence: int) -> bool:
    """Whether another system may be acting on a case: what becomes of it is its to say."""
    return await OutsideRequest.exists(case_id=case_id, sequence=sequence)


async def list_taken(
    tx: Transaction, case_ids: Collection[UUID], events: Collection[str]
) -> Collection[Taken]:
    """Which of some steps were taken in some cases, and by which officers."""
    rows = await fetch_all(
        tx,
        """SELECT case_id, event, CASE actor WHEN 'OFFICER' THEN actor_id END AS officer_id
             FROM applications_event WHERE case_id = ANY($1) AND event = ANY($2)""",
        list(case_ids),
        list(events),
    )
    return {Taken(**row) for row in rows}


async def find_last_officer(tx: Transaction, case_id: UUID) -> UUID | None:
    """The officer who acted on a case last."""
    rows = CaseEvent.filter(case_id=case_id, actor=Actor.OFFICER).using_db(tx)
    last = await rows.order_by("-sequence").first()
    return None if last is None else last.actor_id


async def open_tasks(
    tx: Transaction,
    kind: TaskKind,
    work: Sequence[Work],
    officers: Sequence[UUID | None],
    now: datetime,
) -> None:
    """Open work on cases, each with its officer."""
    await tx.execute_query(
        """INSERT INTO applications_task (id, case_id, kind, state, round, branch, unit, from_unit,
                                          assignee_id, status, opened_at)
           SELECT w.id, w.case_id, $1, w.state, w.round, w.branch, w.unit, '', w.officer_id, $2, $3
             FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::int[], $8::text[], $9::text[],
                         $10::uuid[])
               AS w (id, case_id, state, round, branch, unit, officer_id)""",
        [
            *(kind, TaskStatus.OPEN, now),
            [new_id() for _ in work],
            [one.case.id for one in work],
            [one.case.state for one in work],
            [one.case.round for one in work],
            [one.branch for one in work],
            [one.unit for one in work],
            list(officers),
        ],
    )


async def count_loads(
    tx: Transaction, officers: Collection[UUID], *, but: Collection[UUID] = ()
) -> Mapping[UUID, int]:
    """How many open tasks officers have, those of some cases aside; who has none is not in it."""
    rows = await fetch_all(
        tx,
        """SELECT assignee_id, count(*) AS load FROM applications_task
            WHERE assignee_id = ANY($1) AND status = 'OPEN' AND case_id <> ALL($2)
            GROUP BY assignee_id""",
        list(officers),
        list(but),
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


async def list_agreed(tx: Transaction, cases: Sequence[Case]) -> Mapping[UUID, Collection[str]]:
    """By case, the branches of its present state that have agreed in its present round."""
    rows = await fetch_all(
        tx,
        """SELECT t.case_id, array_agg(t.branch) AS branches FROM applications_task t
             JOIN unnest($1::uuid[], $2::text[], $3::int[]) AS c (id, state, round)
               ON c.id = t.case_id AND c.state = t.state AND c.round = t.round
            WHERE t.status = 'AGREED' GROUP BY t.case_id""",
        *zip(*((case.id, case.state, case.round) for case in cases), strict=True),
    )
    return {row["case_id"]: row["branches"] for row in rows}


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
