"""Watched places: people are told once of each outage there, and once of its end."""

from collections.abc import Sequence
from functools import partial

import orjson

from core.clock import local_minute
from core.context.app import App
from core.context.call import Call
from core.context.sweep import sweep
from core.deadline import Deadline
from core.errors import InvalidInput
from core.queue.jobs import job
from core.texts import Locale
from kinds import owned
from kinds.owned import OwnedList
from kinds.subscription import Notice, Subscription, subscribe, tell_all
from modules.utilities.outages import domain, texts
from modules.utilities.outages.domain import (
    UTILITY_OUTAGE_NOTICE,
    NoticeStage,
    Outage,
    OutageKind,
    OutageStatus,
    Spot,
)
from modules.utilities.outages.models import SPOT, OutageWatch
from modules.utilities.outages.upstream import list_outages
from notifications.api import Template

_DEADLINE_S = 8.0
WATCHES = Subscription(
    UTILITY_OUTAGE_NOTICE,
    OwnedList(OutageWatch, most=10, too_many=texts.TOO_MANY_WATCHES),
    adds="watchOutages",
    removes="unwatchOutages",
    keys="outage:",
)
ANNOUNCED = Template(
    "bills.outage_announced", texts.OUTAGE_ANNOUNCED_TITLE, texts.OUTAGE_ANNOUNCED_BODY
)
RESTORED = Template(
    "bills.outage_restored", texts.OUTAGE_RESTORED_TITLE, texts.OUTAGE_RESTORED_BODY
)


async def watch(
    call: Call, label: str, spot: Spot, kinds: Sequence[OutageKind], key: str
) -> OutageWatch:
    """Tell the viewer of outages at a place from now on; of all kinds where none is given.

    The same key gives the same watch. Raises InvalidInput, Conflict above ten places or KEY_REUSED.
    """
    label = owned.require_label(label)
    if not domain.is_spot(spot):
        raise InvalidInput(texts.PLACE_INVALID, "at")
    chosen = ",".join(kind.value for kind in OutageKind if kind in (kinds or OutageKind))
    row = {
        "label": label,
        "kinds": chosen,
        "cell": domain.cell_of(spot),
        "spot_sealed": call.app.vault.encrypt(orjson.dumps([spot.lat, spot.lon]).decode(), SPOT),
        "created_at": call.app.clock.now(),
    }
    command = {"label": label, "lat": spot.lat, "lon": spot.lon, "kinds": chosen}
    return await subscribe(call, WATCHES, key, row, command)


def spot_of(app: App, row: OutageWatch) -> Spot:
    """Where a watched place is."""
    lat, lon = orjson.loads(app.vault.decrypt(bytes(row.spot_sealed), SPOT))
    return Spot(lat, lon)


@job("bills.tell_outages", timeout_s=110, every="*/2 * * * *")
async def tell_outages(app: App) -> None:
    """Every two minutes: tell those who watch a place of what is cut off there, and of its end.

    Raises UpstreamError without the feed.
    """
    outages = await list_outages(app, Deadline.after(_DEADLINE_S))
    await sweep(app, "bills.outages", outages, partial(_tell, app))


async def _tell(app: App, outage: Outage) -> None:
    """Raises ValueError for an outage that is larger than a city: others go on."""
    rows = OutageWatch.filter(cell__in=domain.cells_of(outage), kinds__contains=outage.kind.value)
    announced = f"{outage.outage_ref}:{NoticeStage.ANNOUNCED}"
    if outage.status is OutageStatus.RESTORED:
        over = f"{outage.outage_ref}:{NoticeStage.RESTORED}"
        await tell_all(app, WATCHES, over, rows, partial(_end_of, outage), earlier=announced)
    else:
        await tell_all(app, WATCHES, announced, rows, partial(_announcement, app, outage))


def _announcement(app: App, outage: Outage, watch: OutageWatch) -> Notice | None:
    if not outage.covers(spot_of(app, watch)):
        return None

    def values(locale: Locale) -> dict[str, object]:
        label = watch.label or texts.WATCHED_PLACE.say(locale)
        return {"label": label} | _values(outage, locale)

    return Notice(ANNOUNCED, values)


def _end_of(outage: Outage, _watch: OutageWatch) -> Notice:
    return Notice(RESTORED, partial(_values, outage))


def _values(outage: Outage, locale: Locale) -> dict[str, object]:
    return {
        "what": texts.OUTAGE_OF[outage.kind].say(locale),
        "cause": outage.cause.say(locale),
        "starts": local_minute(outage.starts_at),
        "ends": local_minute(outage.restored_at or outage.planned_restoration_at),
    }
