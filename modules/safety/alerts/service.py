"""Places for which people are warned, and the alerts that hold."""

from collections.abc import Sequence
from datetime import timedelta

import orjson

from core.context.app import App
from core.context.call import Call
from core.errors import InvalidInput
from core.queue.jobs import Lane, job
from core.standards.cap import Status
from core.standards.coordinates import GeoPoint, cell_of
from core.texts import Named
from kinds.owned import require_label
from kinds.subscription import subscribe
from modules.safety.alerts import domain, models, store, texts
from modules.safety.alerts.domain import AlertLevel, AlertPlaceKind, EmergencyAlert, Watched
from modules.safety.alerts.notices import PLACES, alert_of, area_of

HERE_FOR = timedelta(hours=2)


async def watch(
    call: Call,
    kind: AlertPlaceKind,
    spot: GeoPoint | None,
    key: str,
    *,
    label: str = "",
    district_code: str = "",
    min_level: AlertLevel = AlertLevel.MINOR,
    wants_drills: bool = False,
) -> models.AlertPlace:
    """Warn the viewer for a place from now on; one of a kind and label takes the place of
    the other.

    Raises InvalidInput without a point (but for the whole city), for an unknown district and a long
    label, Conflict above six places or KEY_REUSED.
    """
    app, now = call.app, call.app.clock.now()
    if (spot is None) != (kind is AlertPlaceKind.CITY):
        raise InvalidInput(texts.PLACE_NEEDED, "at")
    if district_code and district_code not in app.city.districts:
        raise InvalidInput(texts.DISTRICT_UNKNOWN, "districtCode")
    point = None if spot is None else [spot.lat, spot.lon]
    settings = {
        "kind": kind,
        "label": require_label(label),
        "district_code": district_code,
        "min_level": min_level,
        "wants_drills": wants_drills,
    }
    row = settings | {
        "cell": "" if spot is None else cell_of(spot),
        "spot_sealed": point and app.vault.encrypt(orjson.dumps(point).decode(), models.SPOT),
        "until_at": now + HERE_FOR if kind is AlertPlaceKind.HERE else None,
        "created_at": now,
    }
    return await subscribe(call, PLACES, key, row, settings | {"at": point})


async def list_alerts(call: Call, at: GeoPoint | None) -> Sequence[EmergencyAlert]:
    """The alerts that hold now, of a place where one is given, the latest first."""
    app = call.app
    place = Watched(AlertPlaceKind.HERE, at, "", AlertLevel.MINOR)
    found = []
    for row in await store.list_active(app.clock.now()):
        view = describe(app, row, place)
        if view is not None:
            found.append(view)
    return found


def describe(app: App, row: models.EmergencyAlert, place: Watched) -> EmergencyAlert | None:
    """An alert as it is shown, None where it does not concern a place."""
    alert = alert_of(row)
    infos = [i for i in alert.infos if domain.concerns(i, place, app.city.division_code)]
    if not infos:
        return None
    level = min((domain.level_of(info) for info in infos), key=list(AlertLevel).index)

    def said(read: str) -> Named:
        return domain.words_of(infos, read)

    return EmergencyAlert(
        str(row.id), row.sender, said("event"), said("headline"), said("description"),
        said("instruction"), level, area_of(infos), row.sent_at, row.expires_at,
        alert.status is Status.EXERCISE, row.of_unknown,
    )  # fmt: skip


@job("safety.forget_places", lane=Lane.BULK, every="*/10 * * * *")
async def forget_places(app: App) -> None:
    """Every ten minutes: forget where people were."""
    await store.delete_over(app.clock.now())
