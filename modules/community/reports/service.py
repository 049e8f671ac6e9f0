"""What citizens do with reports: look for similar ones, file, follow, add, hide."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key, recall_key
from core.database import Transaction, connection, rate_limit, transaction
from core.deadline import Deadline
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.queue.jobs import job
from core.refusal_texts import NOT_FOUND
from core.standards.coordinates import GeoPoint
from kinds.application import service as engine_service
from kinds.application import updates, versions
from kinds.application.definition import Actor
from kinds.application.engine import By
from kinds.application.opening import Opening, open_in
from modules.community.grids.domain import GridMap
from modules.community.grids.lookup import GRIDS, ask_grids
from modules.community.reports import domain, photo_store, photos, store, texts
from modules.community.reports.categories import get_category
from modules.community.reports.definition import DESCRIPTION, PROGRESS, SERVICE
from modules.community.reports.dispatch import find_queued
from modules.community.reports.domain import FOLLOWS_MOST, SAME_PICTURE_M, Similar
from modules.community.reports.models import NO_GRID, Report

_PER_DAY = 30
_FILE, _UPDATE = "fileReport", "updateReport"
_GRID_WITHIN_S = 0.8
"""A number is given at once: the map of grids is waited for no longer than this."""


class SimilarReports(Conflict):
    """Open reports that may be about the same thing, and that the citizen has not seen yet."""

    def __init__(self, similar: Sequence[Similar]) -> None:
        super().__init__(texts.REPORT_SIMILAR, count=len(similar))
        self.similar = similar


@dataclass(frozen=True, slots=True)
class Draft:
    """A report as it is filed. `at` is in the city, WGS 84; `seen` are the similar reports that
    the citizen was shown and says are about something else."""

    category: str
    at: GeoPoint
    answers: Mapping[str, str]
    photo_ids: Sequence[UUID] = ()
    is_public: bool = False
    """Whether everybody may read the description."""
    seen: Collection[UUID] = ()


@dataclass(frozen=True, slots=True)
class Filer:
    """In whose name a report is filed, and whether similar ones stand in its way: an organisation
    files for many people and sees none of them."""

    citizen_id: UUID
    is_organisation: bool = False


async def list_similar(
    call: Call, category: str, at: GeoPoint, photo_ids: Sequence[UUID]
) -> Sequence[Similar]:
    """Open reports near a place that may be about the same thing, the likeliest first."""
    viewer, ids = call.require_viewer(), photos.require_few(photo_ids)
    get_category(call.app, category)
    hashes = await photo_store.list_hashes(connection(), ids, viewer.user_id)
    candidates = await store.list_candidates(connection(), at, SAME_PICTURE_M)
    return domain.find_similar(candidates, category, at, hashes)


async def file_report(call: Call, draft: Draft, key: str) -> Report:
    """File a report of the viewer; it has its number, its unit and its day then. Once per key.

    Raises InvalidInput CATEGORY_UNKNOWN, NOTHING_SHOWN, PHOTO_UNKNOWN and PHOTOS_MANY, Conflict
    CATEGORY_WITHDRAWN and TOO_MANY_OPEN, SimilarReports, FormIncomplete, RateLimited.
    """
    filer = Filer(call.require_service(SERVICE).user_id)
    if await recall_key(call, _FILE, key, _command(draft)) is None:
        await rate_limit.require(
            call.app.clock,
            f"report:{filer.citizen_id}",
            limit=_PER_DAY,
            window=timedelta(days=1),
            refusal=texts.REPORTS_TODAY,
        )
    return await file_as(call, filer, draft, key)


async def file_as(call: Call, filer: Filer, draft: Draft, key: str) -> Report:
    """File a report in somebody's name. Raises as `file_report`, without its daily bound."""
    ids = photos.require_few(draft.photo_ids)
    definition = await versions.find_current(call, SERVICE, draft.category)
    assert definition is not None
    form = engine_service.check_form(call, definition, draft.answers, complete=True)
    if not (ids or DESCRIPTION in form or filer.is_organisation):
        raise InvalidInput(texts.NOTHING_SHOWN, "photoIds")
    opening = Opening(
        definition,
        await versions.store(call.app, definition),
        filer.citizen_id,
        "",
        form,
        is_bounded=not filer.is_organisation,
    )
    grid_code = await _find_grid(call, draft.at)
    async with transaction() as tx:
        claim = await claim_key(call, tx, _FILE, key, _command(draft), subject=filer.citizen_id)
        case_id = claim.effect_id
        if not claim.replayed:
            if not filer.is_organisation:
                await _refuse_similar(tx, draft, ids, filer.citizen_id)
            report_id = await _insert(call.app, tx, case_id, draft, opening, grid_code)
            await photos.bind(tx, ids, filer.citizen_id, report_id)
            if grid_code is None:
                await find_grid.enqueue(call.app, tx, report_id)
    return await get_report_of(case_id)


def _command(draft: Draft) -> Mapping[str, object]:
    at, photo_ids = draft.at, list(dict.fromkeys(draft.photo_ids))
    what = {"category": draft.category, "lat": at.lat, "lon": at.lon}
    about = {"answers": dict(draft.answers), "photos": photo_ids, "public": draft.is_public}
    return {**what, **about}


async def _refuse_similar(
    tx: Transaction, draft: Draft, ids: Sequence[UUID], citizen_id: UUID
) -> None:
    hashes = await photo_store.list_hashes(tx, ids, citizen_id) if ids else []
    candidates = await store.list_candidates(tx, draft.at, SAME_PICTURE_M)
    similar = domain.find_similar(candidates, draft.category, draft.at, hashes)
    if not {one.id for one in similar} <= set(draft.seen):
        raise SimilarReports(similar)


async def _insert(
    app: App,
    tx: Transaction,
    case_id: UUID,
    draft: Draft,
    opening: Opening,
    grid_code: str | None,
) -> UUID:
    """The row first: whoever is to handle the case is chosen by its grid. Returns the row's id."""
    report_id, now = new_id(), app.clock.now()
    values = {
        "id": report_id,
        "case_id": case_id,
        "category": draft.category,
        "state": opening.definition.states[0].name,
        "lat": draft.at.lat,
        "lon": draft.at.lon,
        "grid_code": grid_code,
        "public_text": opening.form.get(DESCRIPTION) if draft.is_public else None,
        "address": opening.form.get("address", "") if draft.is_public else "",
        "filed_on": civil_date(now),
        "filed_at": now,
        "changed_at": now,
    }
    await store.insert_report(tx, values)
    await open_in(app, tx, case_id, opening, By(Actor.CITIZEN, opening.citizen_id))
    return report_id


async def _find_grid(call: Call, at: GeoPoint) -> str | None:
    """The grid of a point; None where the map is not at hand."""
    reading = await GRIDS.read(call.within(call.deadline.share(cap_s=_GRID_WITHIN_S)))
    return None if reading.value is None else _code_of(reading.value, at)


@job("community.find_grid")
async def find_grid(app: App, report_id: UUID) -> None:
    """Find the grid of a report that was filed while the map was silent. Repeat-safe."""
    report = await find_queued(report_id)
    if report is None or report.grid_code is not None:
        return
    grids = await ask_grids(app, Deadline.after(app.settings.request_deadline_s))
    grid_code = _code_of(grids, GeoPoint(report.lat, report.lon))
    async with transaction() as tx:
        await store.update_report(tx, report.id, grid_code=grid_code)


def _code_of(grids: GridMap, at: GeoPoint) -> str:
    grid = grids.find(at)
    return grid.grid_code if grid else NO_GRID


def today(app: App) -> date:
    """The civil day of now."""
    return civil_date(app.clock.now())


async def get_report(report_id: UUID) -> Report:
    """A report. Raises NotFound."""
    report = await store.find_report(report_id)
    if report is None:
        raise NotFound(NOT_FOUND)
    return report


async def get_report_of(case_id: UUID) -> Report:
    """The report of a case. Raises NotFound."""
    report = await store.find_by_case(case_id)
    if report is None:
        raise NotFound(NOT_FOUND)
    return report


async def follow(call: Call, report_id: UUID, key: str) -> Report:
    """Be told of each step of a report. The same key follows once.

    Raises NotFound for a report that is withdrawn or of nobody, Conflict FOLLOWS_MANY.
    """
    citizen_id = call.require_service(PROGRESS).user_id
    report = await get_report(report_id)
    async with transaction() as tx:
        command = {"report": report_id}
        claim = await claim_key(call, tx, "followReport", key, command, effect_id=report_id)
        target = await store.lock_report(tx, report.merged_into or report_id)
        if target is None or target.state == "withdrawn":
            raise NotFound(NOT_FOUND)
        target_id = target.merged_into or target.id  # it may have been merged just now
        if not claim.replayed:
            if await store.count_follows(tx, citizen_id) >= FOLLOWS_MOST:
                raise Conflict(texts.FOLLOWS_MANY, most=FOLLOWS_MOST)
            await store.follow(tx, target_id, citizen_id, call.app.clock.now())
    return await get_report(target_id)


async def unfollow(call: Call, report_id: UUID, key: str) -> Report:
    """Be told of a report no more. Raises NotFound."""
    citizen_id = call.require_service(PROGRESS).user_id
    await get_report(report_id)
    async with transaction() as tx:
        command = {"report": report_id}
        claim = await claim_key(call, tx, "unfollowReport", key, command, effect_id=report_id)
        if not claim.replayed:
            await store.unfollow(tx, report_id, citizen_id)
    return await get_report(report_id)


async def add_update(
    call: Call, report_id: UUID, text: str, photo_ids: Sequence[UUID], key: str
) -> Report:
    """Add words and photographs to a report of the viewer; its handler is told. Once per key.

    Raises NotFound, InvalidInput, Conflict CASE_ENDED, RateLimited.
    """
    report = await get_report(report_id)
    case = await engine_service.get_case(call, report.case_id)
    ids = photos.require_few(photo_ids)
    command = {"report": report_id, "text": text, "photos": ids}
    if await recall_key(call, _UPDATE, key, command) is None:
        await updates.require_room(call.app, case.id)
    async with transaction() as tx:
        claim = await claim_key(call, tx, _UPDATE, key, command, effect_id=report_id)
        if not claim.replayed:
            await updates.add_update(call.app, tx, case.id, case.citizen_id, text)
            await photos.bind(tx, ids, case.citizen_id, report_id)
            await store.update_report(tx, report_id, changed_at=call.app.clock.now())
    return await get_report(report_id)


async def hide(call: Call, report_id: UUID, key: str) -> Report:
    """Take the description, the address and the own photographs of a report of the viewer away from
    the public; the staff go on seeing them. Raises NotFound."""
    await engine_service.get_case(call, (await get_report(report_id)).case_id)
    async with transaction() as tx:
        command = {"report": report_id}
        claim = await claim_key(call, tx, "hideReport", key, command, effect_id=report_id)
        if not claim.replayed:
            await store.update_report(tx, report_id, public_text=None, address="")
            await photo_store.hide_photos(tx, report_id)
    return await get_report(report_id)
