"""Watched places: people are told once of each outage there, and once of its end."""

from collections.abc import Sequence
from functools import partial

import orjson

from core.context.app import App
from core.context.call import Call
from core.context.sweep import sweep
from core.deadline import Deadline
from core.queue.jobs import job
from core.standards.coordinates import GeoPoint, cell_of, cells_of
from kinds import owned
from kinds.owned import OwnedList
from kinds.subscription import Notice, Subscription, subscribe, tell_all
from modules.utilities.outages import texts
from modules.utilities.outages.domain import (
    UTILITY_OUTAGE_NOTICE,
    NoticeStage,
    Outage,
    OutageKind,
    OutageStatus,
)
from modules.utilities.outages.models import SPOT, OutageWatch
from modules.utilities.outages.upstream import list_outages
from notifications.api import Param, Template

_DEADLINE_S = 8.0
WATCHES = Subscription(
    UTILITY_OUTAGE_NOTICE,
    OwnedList(OutageWatch, most=10, too_many=texts.TOO_MANY_WATCHES),
    adds="watchOutages",
    removes="unwatchOutages",
    keys="outage:",
)
_TIMES = {"starts": Param.MOMENT, "ends": Param.MOMENT}
ANNOUNCED = Template(
    "bills.outage_announced",
    texts.OUTAGE_ANNOUNCED_TITLE,
    texts.OUTAGE_ANNOUNCED_BODY,
    params=_TIMES,
)
RESTORED = Template(
    "bills.outage_restored", texts.OUTAGE_RESTORED_TITLE, texts.OUTAGE_RESTORED_BODY, params=_TIMES
)


async def watch(
    call: Call, label: str, spot: GeoPoint, kinds: Sequence[OutageKind], key: str
) -> OutageWatch:
    """Tell the viewer of outages at a place from now on; of all kinds where none is given.

    The same key gives the same watch. Raises InvalidInput for a long label, Conflict above ten
    places or KEY_REUSED.
    """
    label = owned.require_label(label)
    chosen = ",".join(kind.value for kind in OutageKind if kind in (kinds or OutageKind))
    row = {
        "label": label,
        "kinds": chosen,
        "cell": cell_of(spot),
        "spot_sealed": call.app.vault.encrypt(orjson.dumps([spot.lat, spot.lon]).decode(), SPOT),
        "created_at": call.app.clock.now(),
    }
    command = {"label": label, "lat": spot.lat, "lon": spot.lon, "kinds": chosen}
    return await subscribe(call, WATCHES, key, row, command)


def spot_of(app: App, row: OutageWatch) -> GeoPoint:
    """Where a watched place is."""
    lat, lon = orjson.loads(app.vault.decrypt(bytes(row.spot_sealed), SPOT))
    return GeoPoint(lat, lon)


@job("bills.tell_outages", timeout_s=110, every="*/2 * * * *")
async def tell_outages(app: App) -> None:
    """Every two minutes: tell those who watch a place of what is cut off there, and of its end.

    Raises UpstreamError without the feed.
    """
    outages = await list_outages(app, Deadline.after(_DEADLINE_S))
    await sweep(app, "bills.outages", outages, partial(_tell, app))


async def _tell(app: App, outage: Outage) -> None:
    """Raises ValueError for an outage that is larger than a city: others go on."""
    rows = OutageWatch.filter(cell__in=cells_of(outage.shape), kinds__contains=outage.kind.value)
    announced = f"{outage.outage_ref}:{NoticeStage.ANNOUNCED}"
    if outage.status is OutageStatus.RESTORED:
        over = f"{outage.outage_ref}:{NoticeStage.RESTORED}"
        await tell_all(app, WATCHES, over, rows, partial(_end_of, outage), earlier=announced)
    else:
        await tell_all(app, WATCHES, announced, rows, partial(_announcement, app, outage))


def _announcement(app: App, outage: Outage, watch: OutageWatch) -> Notice | None:
    if not outage.covers(spot_of(app, watch)):
        return None
    label = watch.label or texts.WATCHED_PLACE
    return Notice(ANNOUNCED, {"label": label, "cause": outage.cause} | _params(outage))


def _end_of(outage: Outage, _watch: OutageWatch) -> Notice:
    return Notice(RESTORED, _params(outage))


def _params(outage: Outage) -> dict[str, object]:
    return {
        "what": texts.OUTAGE_OF[outage.kind],
        "starts": outage.starts_at,
        "ends": outage.restored_at or outage.planned_restoration_at,
    }
