"""The silence alarm: a child has not arrived by the school's time and no leave was filed."""

from datetime import datetime, timedelta
from functools import partial

from core.clock import civil_date, start_of_day
from core.context.app import App
from core.context.sweep import sweep
from core.database import connection, transaction
from core.deadline import Deadline
from core.queue.jobs import Lane, job
from modules.safety.gates import messages, store
from modules.safety.gates.domain import HEARD, SERVICE, AlarmKind
from modules.safety.gates.notices import describe_children, tell_guardians
from modules.safety.schools.domain import School
from modules.safety.schools.guardians import list_guardians
from modules.safety.schools.upstream import list_schools

_DEADLINE_S = 8.0
_RAISED_WITHIN = timedelta(hours=3)
"""Later than this after the school's time nobody begins to worry."""


@job("safety.watch_silence", lane=Lane.CRITICAL, timeout_s=300, every="* * * * *")
async def watch_silence(app: App) -> None:
    """Every minute: raise the alarm for whom nothing is known at a school whose time is over.

    Where the gates themselves are silent it says so instead. Raises Unavailable without the
    registry: no alarm rests on hours that are not known.
    """
    now = app.clock.now()
    due: list[tuple[School, datetime]] = []
    for school in (await list_schools(app, Deadline.after(_DEADLINE_S))).values():
        by = school.arrival_on(civil_date(now), app.city.calendar)
        if by is not None and by <= now < by + _RAISED_WITHIN:
            due.append((school, by))
    await sweep(app, SERVICE, due, lambda pair: _watch_school(app, *pair))


async def _watch_school(app: App, school: School, by: datetime) -> None:
    heard_at = await store.find_heard_at(connection(), school.code)
    is_heard = heard_at is not None and heard_at >= app.clock.now() - HEARD
    kind = AlarmKind.ABSENT if is_heard else AlarmKind.SCHOOL_SILENT
    day = civil_date(by)
    since = start_of_day(day)
    pupils = await store.list_missing(connection(), school.code, day, since, kind)
    swept = await sweep(app, SERVICE, pupils, partial(_alarm, app, school, by, kind))
    swept.require_whole()


async def _alarm(app: App, school: School, by: datetime, kind: AlarmKind, pupil_ref: str) -> None:
    followers = (await store.list_followers(school.code, [pupil_ref]))[pupil_ref]
    guardians, swept = await list_guardians(app, SERVICE, followers)
    children = await describe_children(app, school.code, {child for _, child in followers})
    params = {child: known | {"by": by} for child, known in children.items()}
    day = civil_date(by)
    since = start_of_day(day)
    async with transaction() as tx:
        # what a gate says meanwhile waits for this lock, or is seen here
        await store.lock_school(tx, school.code)
        if not await store.list_missing(tx, school.code, day, since, kind, pupil_ref):
            return
        if not swept.failed:
            for child_id in children:
                await store.insert_alarm(tx, child_id, day, kind, app.clock.now())
        occasion = f"{kind}:{school.code}:{pupil_ref}:{day}"
        await tell_guardians(app, tx, messages.ALARMED[kind], guardians, params, occasion)
    swept.require_whole()
