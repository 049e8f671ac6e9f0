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
from modules.safety.schools.guardians import list_guardians
from modules.safety.schools.hours import hours_of, middle_of
from modules.safety.schools.upstream import list_schools

_DEADLINE_S = 8.0
_RAISED_WITHIN = timedelta(hours=3)
"""Later than this after the school's time nobody begins to worry."""


@job("safety.watch_silence", lane=Lane.CRITICAL, timeout_s=300, every="* * * * *")
async def watch_silence(app: App) -> None:
    """Every minute: raise the alarm for whom nothing is known at a school whose time is over.

    Where the gates themselves are silent it says so instead, and so it does where the hours of a
    school are not known among others that are. Raises Unavailable without the registry: no alarm
    rests on hours of which none is known.
    """
    now, day = app.clock.now(), civil_date(app.clock.now())
    schools = await list_schools(app, Deadline.after(_DEADLINE_S))
    hours = {code: (by, False) for code, by in hours_of(schools, day, app.city.calendar).items()}
    if schools.unreadable and (middle := middle_of(schools, day, app.city.calendar)) is not None:
        unread = filter(schools.may_have, await store.list_followed_schools())
        hours |= dict.fromkeys(unread, (middle, True))
    due = [(code, *at) for code, at in hours.items() if at[0] <= now < at[0] + _RAISED_WITHIN]
    await sweep(app, SERVICE, due, lambda one: _watch_school(app, *one))


async def _watch_school(app: App, code: str, by: datetime, is_unknown: bool) -> None:
    heard_at = await store.find_heard_at(connection(), code)
    is_heard = heard_at is not None and heard_at >= app.clock.now() - HEARD
    kind = AlarmKind.ABSENT if is_heard else AlarmKind.SCHOOL_SILENT
    kind = AlarmKind.HOURS_UNKNOWN if is_unknown else kind
    day = civil_date(by)
    since = start_of_day(day)
    pupils = await store.list_missing(connection(), code, day, since, kind)
    swept = await sweep(app, SERVICE, pupils, partial(_alarm, app, code, by, kind))
    swept.require_whole()


async def _alarm(app: App, code: str, by: datetime, kind: AlarmKind, pupil_ref: str) -> None:
    followers = (await store.list_followers(code, [pupil_ref]))[pupil_ref]
    guardians, swept = await list_guardians(app, SERVICE, followers)
    children = await describe_children(app, code, {child for _, child in followers})
    params = {child: known | {"by": by} for child, known in children.items()}
    day = civil_date(by)
    since = start_of_day(day)
    async with transaction() as tx:
        # what a gate says meanwhile waits for this lock, or is seen here
        await store.lock_school(tx, code)
        if not await store.list_missing(tx, code, day, since, kind, pupil_ref):
            return
        if not swept.failed:
            for child_id in children:
                await store.insert_alarm(tx, child_id, day, kind, app.clock.now())
        occasion = f"{kind}:{code}:{pupil_ref}:{day}"
        await tell_guardians(app, tx, messages.ALARMED[kind], guardians, params, occasion)
    swept.require_whole()
