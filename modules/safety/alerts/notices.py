"""Notices of alerts: to where people live, work or are, and of what became of those they got."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import orjson

from core.context.app import App
from core.context.sweep import WHOLE, Part, sweep_pages
from core.database import transaction
from core.queue.jobs import JobKind, Lane, job
from core.standards.cap import CapAlert, CapInfo, Status, parse_xml, read_alert
from core.standards.coordinates import GeoPoint
from core.texts import Named
from kinds.owned import OwnedList
from kinds.subscription import Notice, Subscription, tell
from modules.safety.alerts import domain, messages, store, texts
from modules.safety.alerts.domain import SERVICE, AlertLevel, AlertPlaceKind, NoticeKind, Watched
from modules.safety.alerts.models import SPOT, AlertPlace, AlertRecipient, EmergencyAlert

_TEXT_MAX = 480
PLACES = Subscription(
    SERVICE,
    OwnedList(
        AlertPlace,
        most=6,
        too_many=texts.TOO_MANY_PLACES,
        same=("kind", "label"),
        renamed=("cell", "spot_sealed", "district_code", "min_level", "wants_drills", "until_at"),
    ),
    adds="watchAlerts",
    removes="unwatchAlerts",
    keys="alert:",
)


def alert_of(row: EmergencyAlert) -> CapAlert:
    """The alert as it came."""
    return read_alert(parse_xml(bytes(row.body)))


def watched(app: App, row: AlertPlace) -> Watched:
    """A place as alerts are held against it."""
    spot = None
    if row.spot_sealed is not None:
        lat, lon = orjson.loads(app.vault.decrypt(bytes(row.spot_sealed), SPOT))
        spot = GeoPoint(lat, lon)
    kind, level = AlertPlaceKind(row.kind), AlertLevel(row.min_level)
    return Watched(kind, spot, row.district_code, level)


@job("safety.tell_alert", lane=Lane.CRITICAL, timeout_s=300)
async def tell_alert(app: App, alert_id: UUID, part: Part | None = None) -> None:
    """Tell whoever was told of the alerts that an alert references; another job tells its places.

    What does not fit into its time it hands on. Repeat-safe. Raises SweepIncomplete where somebody
    could not be told. One without a part was queued when the places were still told from here.
    """
    row = await EmergencyAlert.get(id=alert_id)
    alert = alert_of(row)
    kind = domain.notice_kind_of(alert)
    if kind is None:
        return
    if part is None and kind is not NoticeKind.CANCELLED:
        await _hand_on(app, tell_places, alert_id, [WHOLE])
    # an exercise takes nothing back that is real: a reference by another status is none
    references = [r.identifier for r in alert.references if r.sender == alert.sender]

    async def list_page(after: UUID, limit: int) -> Sequence[AlertRecipient]:
        return await store.list_earlier_recipients(row.sender, row.status, references, after, limit)

    async def tell_one(earlier: AlertRecipient) -> None:
        await _tell(app, row, earlier.citizen_id, _notice(kind, alert, alert.infos))

    swept = await sweep_pages(
        app,
        SERVICE,
        list_page,
        tell_one,
        key=lambda earlier: earlier.id,
        part=part or WHOLE,
        rest=partial(_hand_on, app, tell_alert, alert_id),
    )
    swept.require_whole()


@job("safety.tell_alert_places", lane=Lane.CRITICAL, timeout_s=300)
async def tell_places(app: App, alert_id: UUID, part: Part = WHOLE) -> None:
    """Tell those whose places are in an alert's area, while it holds. Otherwise as `tell_alert`."""
    row = await EmergencyAlert.get(id=alert_id)
    alert = alert_of(row)
    kind = domain.notice_kind_of(alert)
    if kind is None:
        return
    cells, now, code = domain.cells_of_alert(alert), app.clock.now(), app.city.division_code

    async def list_page(after: UUID, limit: int) -> Sequence[AlertPlace]:
        if not await store.holds(row.id, app.clock.now()):
            return []  # it has been taken back or has run out meanwhile
        is_drill = kind is NoticeKind.DRILL
        return await store.list_places(cells, now, after, limit, drills=is_drill)

    async def choose(page: Sequence[AlertPlace]) -> Sequence[AlertPlace]:
        reached = await store.list_told(row.id, {place.citizen_id for place in page})
        return [place for place in page if place.citizen_id not in reached]

    async def tell_one(place: AlertPlace) -> None:
        here = watched(app, place)
        infos = [info for info in alert.infos if domain.concerns(info, here, code)]
        if infos:
            await _tell(app, row, place.citizen_id, _notice(kind, alert, infos))

    swept = await sweep_pages(
        app,
        SERVICE,
        list_page,
        tell_one,
        key=lambda place: place.id,
        choose=choose,
        part=part,
        rest=partial(_hand_on, app, tell_places, alert_id),
    )
    swept.require_whole()


async def _hand_on(
    app: App, job: JobKind[UUID, Any], alert_id: UUID, parts: Sequence[Part]
) -> None:
    """Have each part told by a job of its own: it has its own time and attempts."""
    async with transaction() as tx:
        for part in parts:
            key = f"{alert_id}:{part.after}:{part.until}"
            await job.enqueue(app, tx, alert_id, part, key=key)


async def _tell(app: App, row: EmergencyAlert, citizen_id: UUID, notice: Notice) -> None:
    note = partial(store.insert_recipient, alert_id=row.id, citizen_id=citizen_id)
    await tell(app, PLACES, citizen_id, f"{row.sender}:{row.identifier}", notice, note=note)


def _notice(kind: NoticeKind, alert: CapAlert, infos: Sequence[CapInfo]) -> Notice:
    """The words of an alert as its template takes them."""
    if kind is NoticeKind.WARNING and alert.status is not Status.ACTUAL:
        raise AssertionError("only what is actual is a warning")
    template = messages.BY_KIND[kind]
    headline = domain.words_of(infos, "headline")
    spoken = {
        "headline": headline if headline.zh else domain.words_of(infos, "event"),
        "description": domain.words_of(infos, "description"),
        "instruction": domain.words_of(infos, "instruction"),
        "area": area_of(infos),
        "sender": domain.words_of(infos, "sender_name"),
    }
    params = {name: _filled(text) for name, text in spoken.items()}
    return Notice(template, template.pick(params))


def area_of(infos: Sequence[CapInfo]) -> Named:
    """Where, in words, in both languages."""
    by_language = {
        info.language.lower()[:2]: "、".join(area.description for area in info.areas)
        for info in reversed(infos)
    }
    first = next(iter(by_language.values()), "")
    return Named(by_language.get("zh", first), by_language.get("en", first))


def _filled(text: Named) -> Named:
    """A text that a template takes: not empty, not longer than it may be."""
    nothing = texts.NOTHING_MORE
    return Named(text.zh[:_TEXT_MAX] or nothing.zh, text.en[:_TEXT_MAX] or nothing.en)
