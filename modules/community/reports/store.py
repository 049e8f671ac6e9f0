"""Every query of reports, their followers and the grid workers' beats."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from tortoise.expressions import Q

from core.database import (
    Transaction,
    connection,
    fetch_all,
    fetch_model,
    fetch_models,
    fetch_one,
)
from core.ids import new_id
from core.standards.coordinates import GeoArea, GeoPoint
from kinds.application.models import Case
from modules.community.reports.domain import Candidate
from modules.community.reports.models import GridBeat, Report, ReportFollow, ReportUpdate

_DEGREE_M = 111_195
_CANDIDATES_MOST = 200
_HIDDEN = ("withdrawn", "merged")

_WITHIN = "point(lon, lat) <@ box(point($1, $2), point($3, $4))"
_BETWEEN = "lon BETWEEN $1 AND $3 AND lat BETWEEN $2 AND $4"
_LARGE_SQUARE_DEGREES = 0.0004
"""About four square kilometres."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which reports of a list are wanted."""

    categories: Collection[str] = ()
    only_open: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Which reports are asked for by another system: times are half-open, None is unbounded."""

    filed_from: datetime
    filed_until: datetime
    categories: Collection[str] = ()
    is_open: bool | None = None
    changed_from: datetime | None = None
    changed_until: datetime | None = None


async def insert_report(tx: Transaction, values: Mapping[str, Any]) -> None:
    """The public side of a report whose case is opened in the same transaction."""
    await Report.create(using_db=tx, **values)


async def find_report(report_id: UUID) -> Report | None:
    """A report."""
    return await fetch_model(connection(), Report, "WHERE id = $1", report_id)


async def lock_report(tx: Transaction, report_id: UUID) -> Report | None:
    """A report, locked until the transaction ends."""
    return await Report.filter(id=report_id).using_db(tx).select_for_update().first()


async def has_merged(tx: Transaction, report_id: UUID) -> bool:
    """Whether others go on as a report."""
    return await Report.filter(merged_into=report_id).using_db(tx).exists()


async def note_merged(tx: Transaction, report_id: UUID, target_id: UUID) -> None:
    """Let a report go on as another, with those that were merged into it before."""
    merged = Report.filter(Q(id=report_id) | Q(merged_into=report_id)).using_db(tx)
    await merged.update(merged_into=target_id)


async def find_by_case(case_id: UUID) -> Report | None:
    """The report of a case."""
    return await fetch_model(connection(), Report, "WHERE case_id = $1", case_id)


async def find_by_no(no: str) -> Report | None:
    """A report by its number."""
    return await fetch_model(connection(), Report, "WHERE no = $1 AND no <> ''", no)


async def list_reports(ids: Collection[UUID]) -> Mapping[UUID, Report]:
    """Reports by id."""
    return {row.id: row for row in await Report.filter(id__in=list(ids))} if ids else {}


async def list_by_case(case_ids: Collection[UUID]) -> Mapping[UUID, Report]:
    """The reports of cases, by these."""
    rows = await Report.filter(case_id__in=list(case_ids)) if case_ids else ()
    return {row.case_id: row for row in rows}


async def update_report(tx: Transaction, report_id: UUID, **values: Any) -> bool:
    """Change a report; False where there is none."""
    return bool(await Report.filter(id=report_id).using_db(tx).update(**values))


async def update_by_case(
    tx: Transaction, case: Case, *, is_open: bool, fixed_on: date | None, now: datetime
) -> UUID | None:
    """Bring the report of a case to where this stands; its id, None where there is none.

    `fixed_on` is set where it is given, and taken back while the report is open.
    """
    row = await fetch_one(
        tx,
        """UPDATE community_report
              SET no = $2, state = $3, unit = $4, is_open = $5, changed_at = $6,
                  promised_on = coalesce($7, promised_on),
                  fixed_on = CASE WHEN $5 THEN NULL ELSE coalesce($8, fixed_on) END
            WHERE case_id = $1 RETURNING id""",
        case.id,
        case.no,
        case.state,
        case.unit,
        is_open,
        now,
        case.promise_due_on,
        fixed_on,
    )
    return UUID(str(row["id"])) if row else None


async def insert_update(tx: Transaction, values: Mapping[str, Any]) -> None:
    """A line of what happened to a report."""
    await ReportUpdate.create(using_db=tx, id=new_id(), **values)


async def list_updates(report_id: UUID, most: int) -> list[ReportUpdate]:
    """What happened to a report, in order."""
    return await ReportUpdate.filter(report_id=report_id).order_by("sequence").limit(most)


async def list_updates_between(
    start: datetime, end: datetime, *, skip: int, first: int
) -> list[tuple[ReportUpdate, Report]]:
    """What happened to reports in a window of time, with these, the oldest first; of withdrawn ones
    nothing."""
    rows = await fetch_models(
        connection(),
        ReportUpdate,
        """u WHERE happened_at >= $1 AND happened_at < $2 AND NOT EXISTS (
             SELECT FROM community_report r WHERE r.id = u.report_id AND r.state = 'withdrawn')
           ORDER BY happened_at, id OFFSET $3 LIMIT $4""",
        *(start, end, skip, first),
    )
    reports = await list_reports({row.report_id for row in rows})
    return [(row, reports[row.report_id]) for row in rows]


async def list_candidates(tx: Transaction, at: GeoPoint, radius_m: int) -> Sequence[Candidate]:
    """The open reports around a point with the hashes of their citizens' pictures."""
    rows = await fetch_all(
        tx,
        f"""SELECT id, category, lat, lon,
                   ARRAY(SELECT picture_hash FROM community_report_photo p
                          WHERE p.report_id = r.id AND NOT p.is_proof
                            AND picture_hash IS NOT NULL) AS hashes
              FROM community_report r WHERE is_open AND {_WITHIN}
             ORDER BY id DESC LIMIT $5""",  # noqa: S608 - our own text
        *_box(at, radius_m),
        _CANDIDATES_MOST,
    )
    return [
        Candidate(row["id"], row["category"], GeoPoint(row["lat"], row["lon"]), row["hashes"])
        for row in rows
    ]


async def list_around(at: GeoPoint, radius_m: int, wanted: Filter, most: int) -> list[Report]:
    """The reports nearest to a point, in about the order of their distance."""
    values: list[object] = [*_box(at, radius_m), at.lon, at.lat, most]
    return await fetch_models(
        connection(),
        Report,
        f"""WHERE {_WITHIN}{_wanted(wanted, values)}
            ORDER BY point(lon, lat) <-> point($5, $6) LIMIT $7""",
        *values,
    )


async def list_in_area(
    area: GeoArea, wanted: Filter, *, first: int, before: UUID | None
) -> list[Report]:
    """The reports in a rectangle, newest first.

    Of a small one the index of places has few. In a large one the newest reports of all are looked
    at until enough lie in it: its index would give a hundred thousand to be sorted.
    """
    values: list[object] = [area.west, area.south, area.east, area.north, before, first]
    is_large = (area.east - area.west) * (area.north - area.south) > _LARGE_SQUARE_DEGREES
    within = _BETWEEN if is_large and not wanted.only_open else _WITHIN
    return await fetch_models(
        connection(),
        Report,
        f"""WHERE {within}{_wanted(wanted, values)} AND ($5::uuid IS NULL OR id < $5)
            ORDER BY id DESC LIMIT $6""",
        *values,
    )


def _wanted(wanted: Filter, values: list[object]) -> str:
    """The conditions of a filter; what they compare with is added to `values`.

    They are written out, so that the planner knows which index fits.
    """
    conditions = [" AND state NOT IN ('withdrawn', 'merged')"]
    if wanted.only_open:
        conditions.append(" AND is_open")
    if wanted.categories:
        values.append(list(wanted.categories))
        conditions.append(f" AND category = ANY(${len(values)}::text[])")
    return "".join(conditions)


async def list_window(window: Window, *, skip: int, first: int) -> list[Report]:
    """The reports of a window of time, the newest first."""
    return await fetch_models(
        connection(),
        Report,
        """WHERE filed_at >= $1 AND filed_at < $2 AND state <> 'withdrawn'
              AND (cardinality($3::text[]) = 0 OR category = ANY($3))
              AND ($4::boolean IS NULL OR is_open = $4)
              AND ($5::timestamptz IS NULL OR changed_at >= $5)
              AND ($6::timestamptz IS NULL OR changed_at < $6)
            ORDER BY filed_at DESC, id DESC LIMIT $7 OFFSET $8""",
        window.filed_from,
        window.filed_until,
        list(window.categories),
        window.is_open,
        *(window.changed_from, window.changed_until, first, skip),
    )


async def list_by_nos(nos: Collection[str]) -> list[Report]:
    """Reports by their numbers, newest first; withdrawn ones are not among them."""
    rows = Report.filter(no__in=list(nos)).exclude(state="withdrawn")
    return await rows.order_by("-id")


@dataclass(frozen=True, slots=True)
class UnitCount:
    """A unit's reports of some days: filed, done by now, done in time, open and late."""

    unit: str
    filed: int
    done: int
    in_time: int
    late: int


async def count_by_unit(filed_from: date, today: date) -> Sequence[UnitCount]:
    """How units do with what was filed since a day, by unit."""
    rows = await fetch_all(
        connection(),
        """SELECT unit, count(*) AS filed, count(fixed_on) AS done,
                  count(*) FILTER (WHERE fixed_on <= promised_on) AS in_time,
                  count(*) FILTER (WHERE fixed_on IS NULL AND promised_on < $2) AS late
             FROM community_report
            WHERE filed_on >= $1 AND state <> ALL($3) GROUP BY unit ORDER BY unit""",
        filed_from,
        today,
        list(_HIDDEN),
    )
    return [UnitCount(**row) for row in rows]


async def follow(tx: Transaction, report_id: UUID, citizen_id: UUID, now: datetime) -> bool:
    """Let somebody be told of a report; False where they are already."""
    row = await fetch_one(
        tx,
        """INSERT INTO community_report_follow (id, report_id, citizen_id, followed_at)
           VALUES ($1, $2, $3, $4) ON CONFLICT (report_id, citizen_id) DO NOTHING RETURNING id""",
        new_id(),
        report_id,
        citizen_id,
        now,
    )
    if row is not None:
        await _count_followers(tx, report_id, 1)
    return row is not None


async def unfollow(tx: Transaction, report_id: UUID, citizen_id: UUID) -> None:
    """Let somebody be told of a report no more."""
    rows = ReportFollow.filter(report_id=report_id, citizen_id=citizen_id).using_db(tx)
    if await rows.delete():
        await _count_followers(tx, report_id, -1)


async def move_followers(tx: Transaction, report_id: UUID, target_id: UUID, now: datetime) -> None:
    """Let the followers of a merged report be told of the other one too."""
    for row in await ReportFollow.filter(report_id=report_id).using_db(tx):
        await follow(tx, target_id, row.citizen_id, now)


async def count_follows(tx: Transaction, citizen_id: UUID) -> int:
    """How many reports somebody follows."""
    return await ReportFollow.filter(citizen_id=citizen_id).using_db(tx).count()


async def list_followers(report_id: UUID, after: UUID, size: int) -> Sequence[ReportFollow]:
    """Who is told of a report, in the order of the rows' ids."""
    return await ReportFollow.filter(report_id=report_id, id__gt=after).order_by("id").limit(size)


async def list_follows(
    citizen_id: UUID, *, first: int, before: UUID | None
) -> Sequence[ReportFollow]:
    """What somebody follows, the latest first."""
    rows = ReportFollow.filter(citizen_id=citizen_id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return await rows.order_by("-id").limit(first)


async def list_followed(citizen_id: UUID, ids: Collection[UUID]) -> set[UUID]:
    """Those of some reports that somebody follows."""
    rows = ReportFollow.filter(citizen_id=citizen_id, report_id__in=list(ids))
    return set(await rows.values_list("report_id", flat=True))  # type: ignore[arg-type]


async def _count_followers(tx: Transaction, report_id: UUID, change: int) -> None:
    sql = "UPDATE community_report SET followers = followers + $2 WHERE id = $1"
    await tx.execute_query(sql, [report_id, change])


async def list_suited(tx: Transaction, case_id: UUID) -> Collection[UUID]:
    """The grid workers on whose beats the grid of a case's report lies, those whose beat is the
    closest."""
    rows = await fetch_all(
        tx,
        """SELECT b.worker_id, length(b.prefix) AS depth
             FROM community_report r JOIN community_grid_beat b
               ON b.prefix = ANY(ARRAY[left(r.grid_code, 6), left(r.grid_code, 9),
                                       left(r.grid_code, 12), r.grid_code])
            WHERE r.case_id = $1""",
        case_id,
    )
    closest = max((row["depth"] for row in rows), default=0)
    return {row["worker_id"] for row in rows if row["depth"] == closest}


async def set_beats(tx: Transaction, worker_id: UUID, prefixes: Collection[str]) -> None:
    """Let a worker walk these parts of the city and no others."""
    await GridBeat.filter(worker_id=worker_id).using_db(tx).delete()
    for prefix in prefixes:
        await GridBeat.create(using_db=tx, id=new_id(), worker_id=worker_id, prefix=prefix)


def _box(at: GeoPoint, radius_m: int) -> tuple[float, float, float, float]:
    """West, south, east and north of a square around a point."""
    north = radius_m / _DEGREE_M
    east = north / math.cos(math.radians(at.lat))
    return at.lon - east, at.lat - north, at.lon + east, at.lat + north
