"""Commands and queries of outages: look at a place or area, watch a place."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import orjson

from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.errors import InvalidInput
from core.standards.coordinates import GeoArea, GeoPoint
from core.upstream.readings import Reading
from kinds import owned
from modules.bills import texts
from modules.bills.models import SPOT, OutageWatch
from modules.bills.outages import domain, store
from modules.bills.outages.domain import Outage, OutageKind
from modules.bills.outages.upstream import list_outages

LABEL_MAX = 16
_MAX_STALE = timedelta(hours=2)


async def read_outages(
    call: Call, *, kind: OutageKind | None, at: GeoPoint | None, area: GeoArea | None
) -> Reading[Sequence[Outage]]:
    """Outages at a place, in an area, or in the whole city."""
    reading = await call.app.last_good.read_through(
        ("outages",),
        lambda: list_outages(call.app, call.deadline),
        clock=call.app.clock,
        max_stale=_MAX_STALE,
    )
    chosen = domain.choose(reading.value or (), kind=kind, at=at, area=area)
    value = None if reading.value is None else chosen
    return Reading(reading.status, value, reading.as_of, reading.reason)


async def watch(
    call: Call, label: str, spot: GeoPoint, kinds: Sequence[OutageKind], key: str
) -> OutageWatch:
    """Tell the viewer of outages at a place from now on.

    The same key gives the same watch. Raises InvalidInput, Conflict above ten places or KEY_REUSED.
    """
    call.require_viewer(1)
    label = label.strip()
    if len(label) > LABEL_MAX:
        raise InvalidInput(texts.LABEL_TOO_LONG, "label")
    wanted = ",".join(kind.value for kind in OutageKind if kind in (kinds or OutageKind))
    row = {
        "label": label,
        "kinds": wanted,
        "cell": domain.cell_of(spot),
        "spot_sealed": _seal(call.app, spot),
        "created_at": call.app.clock.now(),
    }
    command = {"label": label, "lat": spot.lat, "lon": spot.lon, "kinds": wanted}
    async with transaction() as tx:
        return await owned.add(call, tx, store.WATCHES, "watchOutages", key, row, command)


async def unwatch(call: Call, watch_id: UUID, key: str) -> None:
    """Watch a place no more. The same key removes once. Raises NotFound."""
    async with transaction() as tx:
        await owned.remove(call, tx, store.WATCHES, "unwatchOutages", key, watch_id)


async def list_watches(call: Call) -> Sequence[OutageWatch]:
    """The viewer's watched places."""
    return await owned.list_all(store.WATCHES, call.require_viewer(1).user_id)


def spot_of(app: App, row: OutageWatch) -> GeoPoint:
    """Where a watched place is."""
    lat, lon = orjson.loads(app.vault.decrypt(bytes(row.spot_sealed), SPOT))
    return GeoPoint(lat, lon)


def _seal(app: App, spot: GeoPoint) -> bytes:
    return app.vault.encrypt(orjson.dumps([spot.lat, spot.lon]).decode(), SPOT)
