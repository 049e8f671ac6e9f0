"""Commands and queries of outages: look at a place or area, watch a place."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import orjson

from core.context.app import App
from core.context.call import Call
from core.database import idempotency, transaction
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.people.data_rights import SealedColumn
from core.refusal_texts import NOT_FOUND
from core.upstream.readings import Reading
from modules.bills import texts
from modules.bills.models import OutageWatch
from modules.bills.outages import domain, store
from modules.bills.outages.domain import Area, Outage, OutageKind, Spot
from modules.bills.outages.upstream import Outages

WATCHES_MAX = 10
LABEL_MAX = 16
SPOT = "bills.outage_watch"
COLUMNS = (SealedColumn("bills_outage_watch", "spot_sealed", SPOT),)
_MAX_STALE = timedelta(hours=2)


async def read_outages(
    call: Call, *, kind: OutageKind | None, at: Spot | None, area: Area | None
) -> Reading[Sequence[Outage]]:
    """Outages at a place, in an area, or in the whole city. Raises InvalidInput."""
    if at is not None and not domain.is_spot(at):
        raise InvalidInput(texts.PLACE_INVALID, "at")
    if area is not None and not area.is_sound:
        raise InvalidInput(texts.PLACE_INVALID, "area")
    reading = await call.app.last_good.read_through(
        ("outages",),
        lambda: call.app.upstream(Outages).list_outages(call.deadline),
        clock=call.app.clock,
        max_stale=_MAX_STALE,
    )
    chosen = domain.choose(reading.value or (), kind=kind, at=at, area=area)
    value = None if reading.value is None else chosen
    return Reading(reading.status, value, reading.as_of, reading.reason)


async def watch(
    call: Call, label: str, spot: Spot, kinds: Sequence[OutageKind], key: str
) -> OutageWatch:
    """Tell the viewer of outages at a place from now on.

    The same key gives the same watch. Raises InvalidInput, Conflict above ten places or KEY_REUSED.
    """
    citizen_id = call.require_viewer(1).user_id
    label = label.strip()
    if len(label) > LABEL_MAX:
        raise InvalidInput(texts.LABEL_TOO_LONG, "label")
    if not domain.is_spot(spot):
        raise InvalidInput(texts.PLACE_INVALID, "at")
    wanted = ",".join(kind.value for kind in OutageKind if kind in (kinds or OutageKind))
    async with transaction() as tx:
        await tx.execute_query(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [f"outages:{citizen_id}"]
        )
        claim = await idempotency.claim(
            call.app.clock,
            tx,
            subject=citizen_id,
            operation="watchOutages",
            key=key,
            command={"label": label, "lat": spot.lat, "lon": spot.lon, "kinds": wanted},
            effect_id=new_id(),
        )
        if claim.replayed:
            found = await OutageWatch.get_or_none(id=claim.effect_id, using_db=tx)
            if found is None:
                raise NotFound(NOT_FOUND)  # removed since
            return found
        if await store.count_watches(tx, citizen_id) >= WATCHES_MAX:
            raise Conflict(texts.TOO_MANY_WATCHES, limit=WATCHES_MAX)
        return await OutageWatch.create(
            using_db=tx,
            id=claim.effect_id,
            citizen_id=citizen_id,
            label=label,
            kinds=wanted,
            cell=domain.cell_of(spot),
            spot_sealed=_seal(call.app, spot),
            created_at=call.app.clock.now(),
        )


async def unwatch(call: Call, watch_id: UUID) -> None:
    """Watch a place no more. Raises NotFound for one that is not the viewer's."""
    async with transaction() as tx:
        if not await store.delete_watch(tx, call.require_viewer(1).user_id, watch_id):
            raise NotFound(NOT_FOUND)


async def list_watches(call: Call) -> Sequence[OutageWatch]:
    """The viewer's watched places."""
    return await store.list_watches(call.require_viewer(1).user_id)


def spot_of(app: App, row: OutageWatch) -> Spot:
    """Where a watched place is."""
    lat, lon = orjson.loads(app.vault.decrypt(bytes(row.spot_sealed), SPOT))
    return Spot(lat, lon)


def _seal(app: App, spot: Spot) -> bytes:
    return app.vault.encrypt(orjson.dumps([spot.lat, spot.lon]).decode(), SPOT)
