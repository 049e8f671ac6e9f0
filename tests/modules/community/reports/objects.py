"""What the matrix of access tries the ids of reports with."""

from collections.abc import Mapping
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.deadline import Deadline
from core.ids import new_id
from core.security.authentication import Viewer
from kinds.application import versions
from kinds.application.engine import SYSTEM
from kinds.application.models import Task
from kinds.application.opening import Opening, open_in
from modules.community.reports.definition import SERVICE
from modules.community.reports.models import Report
from modules.identity.models import Staff

CITIZENS = ("updateReport.id", "hideReport.id")
WORKERS = ("staffReport.id", "releaseReportPhotos.id")
TASKS = (
    "acceptReport", "takeReport", "finishReport", "declineReport", "mergeReport", "reassignReport",
)  # fmt: skip


async def objects_of(app: App, who: Viewer) -> Mapping[str, UUID]:
    """A report for each operation; its task is somebody's own unit's where they are staff."""
    staff = await Staff.get_or_none(citizen_id=who.user_id)
    unit = staff.department if staff else "police"
    ids = {place: (await _report(app, who, unit)).id for place in (*CITIZENS, *WORKERS)}
    for name in TASKS:
        task = await Task.get(case_id=(await _report(app, who, unit)).case_id)
        ids[f"{name}.taskId"] = task.id
    return ids


async def _report(app: App, who: Viewer, unit: str) -> Report:
    call = Call(app, Deadline.after(5), "matrix")
    definition = await versions.find_current(call, SERVICE, "manhole")
    assert definition is not None
    opening = Opening(
        definition,
        await versions.store(app, definition),
        who.user_id,
        "",
        {"fault": "missing"},
        is_bounded=False,
    )
    case_id, now = new_id(), app.clock.now()
    async with transaction() as tx:
        report = await Report.create(
            using_db=tx, id=new_id(), case_id=case_id, category="manhole", state="filed",
            lat=36.67, lon=117.0, filed_on=civil_date(now), filed_at=now, changed_at=now,
        )  # fmt: skip
        await open_in(app, tx, case_id, opening, SYSTEM)
    await Task.filter(case_id=case_id).update(unit=unit)
    return report
