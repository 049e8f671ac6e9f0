"""Telling people of outages at the places they watch: once when known, once when it is over."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from core.clock import SHANGHAI
from core.context.app import App
from core.context.sweep import sweep, sweep_pages
from core.database import transaction
from core.deadline import Deadline
from core.errors import NotFound
from core.people.directory import Person, get_person
from core.queue.jobs import Lane, job
from core.texts import Locale
from modules.bills import texts
from modules.bills.models import OutageWatch
from modules.bills.outages import domain, service, store
from modules.bills.outages.domain import NoticeStage, Outage, OutageStatus
from modules.bills.outages.upstream import list_outages
from notifications import api as notifications

_DEADLINE_S = 8.0
_PAGE = 500
_KEPT = timedelta(days=60)

log = structlog.get_logger(__name__)


@job("bills.tell_outages", timeout_s=110, every="*/2 * * * *")
async def tell_outages(app: App) -> None:
    """Every two minutes: tell whoever watches a place of what is cut off there, and of its end.

    Each person is told of an outage once, and once of its end, however often this runs, is
    interrupted, or how many of their places it covers. Raises UpstreamError without the feed.
    """
    outages = await list_outages(app, Deadline.after(_DEADLINE_S))

    async def tell(outage: Outage) -> None:
        if outage.status is OutageStatus.RESTORED:
            await _tell_restored(app, outage)
        else:
            await _tell_announced(app, outage)

    await sweep(app, "bills.outages", outages, tell)


@job("bills.forget_notices", lane=Lane.BULK, every="30 19 * * *")
async def forget(app: App) -> None:
    """Drop what was noted of outages two months ago."""
    await store.forget_notices(app.clock.now() - _KEPT)


async def _tell_announced(app: App, outage: Outage) -> None:
    try:
        cells = domain.cells_of(outage)
    except ValueError:
        log.error("an outage is larger than a city", outage_ref=outage.outage_ref)
        return

    async def tell(watch: OutageWatch) -> None:
        if outage.covers(service.spot_of(app, watch)):
            values = {"label": watch.label or texts.WATCHED_PLACE}
            await _tell(app, outage, watch.citizen_id, NoticeStage.ANNOUNCED, values)

    untold = partial(store.list_untold, outage.outage_ref, outage.kind, cells)
    await sweep_pages(app, "bills.watches", untold, tell, key=lambda watch: watch.id, size=_PAGE)


async def _tell_restored(app: App, outage: Outage) -> None:
    async def tell(citizen_id: UUID) -> None:
        await _tell(app, outage, citizen_id, NoticeStage.RESTORED, {})

    waiting = partial(store.list_waiting, outage.outage_ref)
    await sweep_pages(app, "bills.watches", waiting, tell, key=lambda id_: id_, size=_PAGE)


async def _tell(
    app: App, outage: Outage, citizen_id: UUID, stage: NoticeStage, values: Mapping[str, object]
) -> None:
    person = await _find_person(app, citizen_id)
    async with transaction() as tx:
        fresh = await store.insert_notice(tx, outage.outage_ref, citizen_id, stage, app.clock.now())
        if not fresh or person is None:
            return
        await notifications.notify(
            app,
            tx,
            person=person,
            template=f"bills.outage_{stage.value.lower()}",
            values=_values(outage, Locale(person.locale), values),
            key=store.notice_key(outage.outage_ref, citizen_id, stage),
            deep_link=app.city.deep_link.format(id=domain.UTILITY_OUTAGE_NOTICE),
        )


async def _find_person(app: App, citizen_id: UUID) -> Person | None:
    try:
        return await get_person(app, citizen_id)
    except NotFound:
        return None


def _values(outage: Outage, locale: Locale, values: Mapping[str, object]) -> dict[str, object]:
    said = {
        name: value.say(locale) if hasattr(value, "say") else value
        for name, value in values.items()
    }
    return said | {
        "what": texts.OUTAGE_OF[outage.kind].say(locale),
        "cause": outage.cause.say(locale),
        "starts": _clock_time(outage.starts_at),
        "ends": _clock_time(outage.restored_at or outage.planned_restoration_at),
    }


def _clock_time(moment: datetime) -> str:
    return f"{moment.astimezone(SHANGHAI):%m-%d %H:%M}"
