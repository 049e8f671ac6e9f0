"""Reminders: ahead of a visit, after one that was missed, and when nothing was measured."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial

from core.clock import civil_date
from core.context.app import App
from core.database import transaction
from core.queue.jobs import Lane, job
from kinds.subscription import Notice, look_daily, tell
from modules.health.programmes import messages, store
from modules.health.programmes.models import Enrolment, FollowUp, Measurement
from modules.health.programmes.programme import PROGRAMMES, Programme
from modules.health.programmes.service import has_consent, visits_of

_AHEAD = timedelta(days=3)
"""So long before a visit can be made its person is reminded."""
_MISSED = timedelta(days=7)
"""So long after its last day its person is called back."""
_SILENCE = 3
"""After so many of the plan's periods without a measurement its person is reminded, once each."""


# 9:05 to 19:55 in Shanghai
@job("health.care_remind", lane=Lane.BULK, timeout_s=300, every="5-59/10 1-11 * * *")
async def remind(app: App) -> None:
    """Look at every open enrolment once a day and remind its person of what is due."""
    for programme in app.extensions(PROGRAMMES):
        await look_daily(app, programme.subscription, partial(_look, app, programme))


async def _look(app: App, programme: Programme, enrolment: Enrolment) -> None:
    """Say nothing where the consent was withdrawn: it stands until it is given again or left."""
    today = civil_date(app.clock.now())
    if programme.is_over(enrolment.facts, today):
        return
    if not await has_consent(app, enrolment.citizen_id, programme):
        return
    for visit in await _visits(programme, enrolment, today):
        if visit.state != store.KEPT:
            await _remind_of(app, programme, enrolment, visit)
    await _ask_to_measure(app, programme, enrolment)


async def _visits(programme: Programme, enrolment: Enrolment, today: date) -> Sequence[FollowUp]:
    """The visits of an enrolment, with those that its schedule has gained with the years."""
    visits = await store.list_follow_ups([enrolment.id])
    codes = {visit.code for visit in visits}
    planned = visits_of(programme, enrolment, today)
    new = [one for one in planned if one.code not in codes and one.until_on >= today]
    if not new:
        return visits
    async with transaction() as tx:
        await store.insert_visits(tx, enrolment, new)
    return await store.list_follow_ups([enrolment.id])


async def _remind_of(app: App, programme: Programme, enrolment: Enrolment, visit: FollowUp) -> None:
    today = civil_date(app.clock.now())
    if today > visit.until_on + _MISSED:
        notice = Notice(messages.RECALL, {"until_on": visit.until_on})
        occasion = f"recall:{visit.id}"
    elif visit.from_on - _AHEAD <= today <= visit.until_on and visit.state == store.DUE:
        notice = Notice(messages.AHEAD, {"from_on": visit.from_on, "until_on": visit.until_on})
        occasion = f"ahead:{visit.id}"
    else:
        return
    await tell(app, programme.subscription, enrolment.citizen_id, occasion, notice)


async def _ask_to_measure(app: App, programme: Programme, enrolment: Enrolment) -> None:
    plan = (await store.list_plans([enrolment.id]))[enrolment.id]
    last = await Measurement.filter(enrolment_id=enrolment.id).order_by("-measured_at").first()
    since = civil_date(last.measured_at) if last else enrolment.enrolled_on
    days = (civil_date(app.clock.now()) - since).days
    if days < _SILENCE * plan.every_days:
        return
    notice = Notice(messages.MEASURE, {"days": days})
    occasion = f"measure:{enrolment.id}:{since}"  # once, until there is another measurement
    await tell(app, programme.subscription, enrolment.citizen_id, occasion, notice)
