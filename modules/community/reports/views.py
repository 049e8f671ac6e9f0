"""What a report shows to everybody, and how rows become it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from core.clock import civil_date
from core.context.call import Call
from core.standards.coordinates import GeoPoint
from core.texts import Named
from kinds.application import store as engine_store
from kinds.application import texts as engine_texts
from kinds.application import versions
from kinds.application.views import CaseField, to_form, unit_name
from modules.community.grids.domain import district_of
from modules.community.reports import photo_store, store
from modules.community.reports.categories import Category, categories_of
from modules.community.reports.definition import BASE, SERVICE, definition_of
from modules.community.reports.domain import ReportState
from modules.community.reports.models import Report, ReportPhoto, ReportUpdate

_EVENTS_MOST = 200


@dataclass(frozen=True, slots=True)
class ReportCategory:
    """What can be reported."""

    code: Annotated[str, "Its code, for `fileReport`."]
    version: Annotated[int, "Counts up whenever its questions or its promise change."]
    title: Annotated[Named, "What it is called."]
    group: Annotated[Named, "Which categories it stands with."]
    unit: Annotated[Named, "The unit that handles it."]
    promise_days: Annotated[int, "The working days in which the city promises to be done."]
    fields: Annotated[Sequence[CaseField], "What is asked; the last ones are its own questions."]


@dataclass(frozen=True, slots=True)
class ReportPhotoView:
    """A photograph of a report."""

    id: Annotated[UUID, "Its id."]
    is_proof: Annotated[bool, "Whether the handler took it."]
    is_public: Annotated[bool, "Whether everybody may see it."]
    path: Annotated[str, "Where it is read; unless it is public, with the Authorization header."]


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report as everybody sees it. Who filed it is not in it."""

    id: Annotated[UUID, "Its id."]
    case_id: Annotated[UUID, "Its case, which whoever filed it may read and take on."]
    no: Annotated[str, "Its number, for people."]
    category: Annotated[str, "Its category's code."]
    category_title: Annotated[Named, "Its category."]
    state: Annotated[ReportState, "Where it stands."]
    is_open: Annotated[bool, "Whether a unit has it to do."]
    at: Annotated[GeoPoint, "The place."]
    distance_m: Annotated[int | None, "Metres from the place that was asked about."]
    grid_code: Annotated[str | None, "Its grid's 15 digits; null where none covers the place."]
    district: Annotated[Named | None, "The grid's district."]
    unit: Annotated[Named, "The unit that handles it."]
    promised_on: Annotated[date | None, "The day until which the city promises to be done."]
    fixed_on: Annotated[date | None, "The day on which the unit was done."]
    is_late: Annotated[bool, "Whether that day is over, or was when the unit was done."]
    description: Annotated[
        str | None, "What is the matter, where its citizen lets everybody read it."
    ]
    photos: Annotated[Sequence[ReportPhotoView], "Those that the viewer may see."]
    followers: Annotated[int, "How many follow it."]
    is_followed: Annotated[bool, "Whether the viewer does."]
    merged_into: Annotated[UUID | None, "The report as which it goes on."]
    filed_at: Annotated[datetime, "When it was filed."]
    changed_at: Annotated[datetime, "When something last happened to it."]


@dataclass(frozen=True, slots=True)
class ReportEventView:
    """A line of what happened to a report, for everybody."""

    sequence: Annotated[int, "Its place in the order."]
    title: Annotated[Named, "What happened."]
    by: Annotated[Named, "The unit that had it then."]
    note: Annotated[str | None, "What the unit said to it."]
    happened_at: Annotated[datetime, "When."]


def to_category(call: Call, category: Category) -> ReportCategory:
    """A category with its form."""
    application = versions.find_application(call.app, SERVICE)
    assert application is not None
    definition = definition_of(application.definition, category)
    unit = definition.unit or versions.read_rules(call.app.settings, SERVICE)["unit"]
    return ReportCategory(
        code=category.code,
        version=category.version,
        title=category.title,
        group=category.group,
        unit=unit_name(call, unit),
        promise_days=category.days,
        fields=to_form(definition, {}, None).fields,
    )


async def show_all(
    call: Call, rows: Sequence[Report], distances: Mapping[UUID, int] | None = None
) -> list[ReportView]:
    """Reports as the viewer may see them, in three statements at most."""
    viewer = call.viewer.user_id if call.viewer else None
    ids = [row.id for row in rows]
    photos = await _visible(viewer, rows)
    followed = await store.list_followed(viewer, ids) if viewer and ids else set()
    return [
        replace(
            to_report(call, row, photos.get(row.id, ())),
            distance_m=(distances or {}).get(row.id),
            is_followed=row.id in followed,
        )
        for row in rows
    ]


async def _visible(
    viewer: UUID | None, rows: Sequence[Report]
) -> Mapping[UUID, Sequence[ReportPhoto]]:
    """The photographs of reports that somebody may see: public ones, their own, and the proofs of
    their own reports."""
    found = await photo_store.list_photos([row.id for row in rows]) if rows else ()
    proved = {photo.report_id for photo in found if photo.is_proof and not photo.is_public}
    cases = {row.case_id: row.id for row in rows if row.id in proved}
    owned = await engine_store.list_owned(viewer, cases) if viewer and cases else ()
    own = {cases[case_id] for case_id in owned}
    visible: dict[UUID, list[ReportPhoto]] = {}
    for photo in found:
        is_theirs = photo.owner_id == viewer or (photo.is_proof and photo.report_id in own)
        if photo.report_id and (photo.is_public or is_theirs):
            visible.setdefault(photo.report_id, []).append(photo)
    return visible


def to_report(call: Call, row: Report, photos: Sequence[ReportPhoto]) -> ReportView:
    """A report with these photographs of it."""
    grid_code = row.grid_code or None
    today = civil_date(call.app.clock.now())
    return ReportView(
        id=row.id,
        case_id=row.case_id,
        no=row.no,
        category=row.category,
        category_title=categories_of(call.app).title(row.category),
        state=ReportState(row.state.upper()),
        is_open=row.is_open,
        at=GeoPoint(row.lat, row.lon),
        distance_m=None,
        grid_code=grid_code,
        district=call.app.city.districts.get(district_of(grid_code)) if grid_code else None,
        unit=unit_name(call, row.unit),
        promised_on=row.promised_on,
        fixed_on=row.fixed_on,
        is_late=row.promised_on is not None and (row.fixed_on or today) > row.promised_on,
        description=row.public_text,
        photos=[to_photo(photo) for photo in photos],
        followers=row.followers,
        is_followed=False,
        merged_into=row.merged_into,
        filed_at=row.filed_at,
        changed_at=row.changed_at,
    )


def to_photo(row: ReportPhoto) -> ReportPhotoView:
    """A photograph."""
    return ReportPhotoView(row.id, row.is_proof, row.is_public, f"/reports/photos/{row.id}")


async def list_public_events(call: Call, row: Report) -> list[ReportEventView]:
    """What happened to a report. Of its citizen's words there is nothing in it."""
    return [to_event(call, update) for update in await store.list_updates(row.id, _EVENTS_MOST)]


def to_event(call: Call, update: ReportUpdate) -> ReportEventView:
    """A line of what happened."""
    return ReportEventView(
        sequence=update.sequence,
        title=engine_texts.title_of(BASE, update.event),
        by=unit_name(call, update.unit),
        note=update.note or None,
        happened_at=update.happened_at,
    )
