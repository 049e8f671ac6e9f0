"""What workers do with reports: accept, finish with proof, decline, merge, pass on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core.context.call import Call
from core.context.commands import claim_key
from core.database import lock_name, transaction
from core.errors import Conflict, InvalidInput, NotFound
from core.people.staffing import require_officer
from core.refusal_texts import NOT_FOUND
from core.security.authorization import Scope
from core.standards.coordinates import GeoPoint, distance_m
from kinds.application import desk, service, versions
from kinds.application import store as engine_store
from kinds.application.definition import Definition
from kinds.application.domain import TaskKind
from kinds.application.engine import NOTHING, Choices
from kinds.application.models import Case, CaseEvent, Task
from kinds.application.task_rights import Deed
from modules.community.reports import photo_store, photos, store, texts
from modules.community.reports.domain import OPEN_STATES
from modules.community.reports.models import Report
from modules.community.reports.service import get_report, get_report_of

SCOPE = Scope.REPORTS_HANDLE
_MAP_MOST = 500
_BEATS_MOST = 40
_PREFIX = re.compile(r"[0-9]{6}(?:[0-9]{3}){0,3}")


@dataclass(frozen=True, slots=True)
class Work:
    """An open task with its report; metres from where the worker is, where they said so."""

    task: Task
    case: Case
    report: Report
    distance_m: int | None = None


async def list_inbox(
    call: Call, *, first: int, after: UUID | None, mine: bool
) -> tuple[Sequence[Work], bool]:
    """The open reports of the worker's unit, or their own, oldest first; whether there are more."""
    queue = await desk.list_queue(call, first=first + 1, after=after, mine=mine, scope=SCOPE)
    return await _work(queue[:first]), len(queue) > first


async def list_map(call: Call, at: GeoPoint, *, mine: bool, most: int) -> Sequence[Work]:
    """The same, nearest to a place first, of the five hundred that wait longest."""
    queue = await desk.list_queue(call, first=_MAP_MOST, after=None, mine=mine, scope=SCOPE)
    work = [
        Work(one.task, one.case, one.report, distance_m(at, place_of(one.report)))
        for one in await _work(queue)
    ]
    return sorted(work, key=lambda one: (one.distance_m or 0, one.task.id))[:most]


async def _work(queue: Sequence[tuple[Task, Case]]) -> Sequence[Work]:
    reports = await store.list_by_case({case.id for _, case in queue})
    return [Work(task, case, reports[case.id]) for task, case in queue if case.id in reports]


def place_of(report: Report) -> GeoPoint:
    """Where a report is about."""
    return GeoPoint(report.lat, report.lon)


@dataclass(frozen=True, slots=True)
class OpenedReport:
    """A report as its handler sees it: of who filed it, only what they say of themselves."""

    report: Report
    case: Case
    definition: Definition
    answers: dict[str, str]
    tasks: Sequence[Task]
    timeline: Sequence[CaseEvent]


async def open_report(call: Call, report_id: UUID) -> OpenedReport:
    """A report on which the worker's unit works or worked. Raises NotFound."""
    report = await get_report(report_id)
    case = await desk.get_case(call, report.case_id, SCOPE)
    return OpenedReport(
        report,
        case,
        await versions.get_stored(call.app, case.definition_id),
        service.answers_of(call, case),
        await engine_store.list_tasks(case.id),
        await engine_store.list_events(case.id, after=0, first=500),
    )


async def accept(call: Call, task_id: UUID, key: str) -> Work:
    """Take a report on; its task is another then.

    Raises NotFound, IllegalTransition, Conflict TASK_TAKEN and TASK_CLOSED.
    """
    async with transaction() as tx:
        deed = Deed("acceptReport", key, SCOPE)
        _, case, _ = await desk.act_in(call, tx, deed, task_id, "accept", NOTHING)
    return await _open_work(case.id)


async def take(call: Call, task_id: UUID, key: str) -> Work:
    """Become the worker of a colleague's report. Raises as `desk.take_task`."""
    _, case = await desk.take_task(call, task_id, key, SCOPE)
    return await _open_work(case.id)


async def _open_work(case_id: UUID) -> Work:
    """The open task of a report. Raises NotFound where it has been done meanwhile."""
    case = await engine_store.find_case(case_id)
    tasks = await engine_store.list_tasks(case_id)
    for task in tasks:
        if case is not None and task.closed_at is None and task.kind == TaskKind.WORK:
            return Work(task, case, await get_report_of(case_id))
    raise NotFound(NOT_FOUND)


async def finish(
    call: Call,
    task_id: UUID,
    photo_ids: Sequence[UUID],
    note: str,
    key: str,
    *,
    is_public: bool = False,
) -> Report:
    """Say that it is done, with a photograph of it or a reason why there is none.

    `is_public` releases the photographs: the worker saw no face and no number plate on them.

    Raises InvalidInput PROOF_MISSING and PHOTO_UNKNOWN besides what `accept` raises.
    """
    ids = photos.require_few(photo_ids)
    if not ids and not note.strip():
        raise InvalidInput(texts.PROOF_MISSING, "photoIds")
    worker_id = call.require_scope(SCOPE).user_id
    deed = Deed("finishReport", key, SCOPE, {"photos": ids, "public": is_public})
    async with transaction() as tx:
        _, case, replayed = await desk.act_in(call, tx, deed, task_id, "fix", Choices(note))
        if not replayed:
            report_id = (await get_report_of(case.id)).id
            await photos.bind(tx, ids, worker_id, report_id, is_proof=True)
            if is_public:
                await photo_store.release_photos(tx, report_id, ids)
    return await get_report_of(case.id)


async def decline(call: Call, task_id: UUID, note: str, key: str) -> Report:
    """Close a report without work, for a reason. Raises as `accept`, InvalidInput NOTE_REQUIRED."""
    async with transaction() as tx:
        deed = Deed("declineReport", key, SCOPE)
        _, case, _ = await desk.act_in(call, tx, deed, task_id, "decline", Choices(note))
    return await get_report_of(case.id)


async def merge(call: Call, task_id: UUID, target_id: UUID, key: str) -> Report:
    """End a report that is about the same thing as another open one; whoever filed or follows it is
    told of the other from then on. Raises as `accept`, Conflict MERGE_TARGET."""
    deed = Deed("mergeReport", key, SCOPE, {"into": target_id})
    async with transaction() as tx:
        await lock_name(tx, "reports:merge")  # of two into one another the second finds no target
        _, case, replayed = await desk.act_in(call, tx, deed, task_id, "merge", NOTHING)
        if not replayed:
            target = await store.lock_report(tx, target_id)
            if target is None or target.case_id == case.id or target.state not in OPEN_STATES:
                raise Conflict(texts.MERGE_TARGET)
            report_id, now = (await get_report_of(case.id)).id, call.app.clock.now()
            await store.note_merged(tx, report_id, target_id)
            await store.move_followers(tx, report_id, target_id, now)
            await store.follow(tx, target_id, case.citizen_id, now)
    return await get_report_of(case.id)


async def reassign(call: Call, task_id: UUID, unit: str, note: str, key: str) -> Report:
    """Give a report to another unit, with the reason. Raises as `desk.hand_over`."""
    _, case = await desk.hand_over(call, task_id, unit, note, key, SCOPE)
    return await get_report_of(case.id)


async def release(call: Call, report_id: UUID, photo_ids: Sequence[UUID], key: str) -> Report:
    """Let everybody see photographs on which the worker saw no face and no number plate.

    Raises NotFound, InvalidInput PHOTO_UNKNOWN.
    """
    await desk.get_case(call, (await get_report(report_id)).case_id, SCOPE)
    ids = photos.require_few(photo_ids)
    command = {"report": report_id, "photos": ids}
    async with transaction() as tx:
        claim = await claim_key(call, tx, "releasePhotos", key, command, effect_id=report_id)
        if not claim.replayed and await photo_store.release_photos(tx, report_id, ids) != len(ids):
            raise InvalidInput(texts.PHOTO_UNKNOWN, "photoIds")
    return await get_report(report_id)


async def cover(call: Call, prefixes: Sequence[str], key: str) -> Sequence[str]:
    """Say which grids the worker walks, by the beginnings of their codes; these alone then.

    Raises InvalidInput GRID_PREFIX.
    """
    worker = await require_officer(call, SCOPE)
    wanted = sorted(set(prefixes))
    if len(wanted) > _BEATS_MOST or not all(_PREFIX.fullmatch(prefix) for prefix in wanted):
        raise InvalidInput(texts.GRID_PREFIX, "prefixes")
    async with transaction() as tx:
        claim = await claim_key(call, tx, "coverGrids", key, {"prefixes": wanted})
        if not claim.replayed:
            await store.set_beats(tx, worker.id, wanted)
    return wanted
