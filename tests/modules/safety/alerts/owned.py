"""Places for which people are warned, for the contract suites in tests/kinds."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from core.context.app import App
from core.context.call import Call
from core.context.sweep import SweepIncomplete
from core.ids import new_id
from core.standards.coordinates import GeoPoint
from modules.safety.alerts import service
from modules.safety.alerts.domain import AlertPlaceKind
from modules.safety.alerts.ingest import receive
from modules.safety.alerts.models import EmergencyAlert
from modules.safety.alerts.notices import PLACES, tell_alert, tell_places
from modules.safety.alerts.upstream import BUREAU, fetch_sources
from tests.kinds.owned_user import SubscriptionUser, unsubscribe_by_id
from tests.modules.safety.alerts.bureau import FakeBureau, alert, around, signed
from tests.upstreams import by_operation, fake_of


def _place(n: int) -> GeoPoint:
    return GeoPoint(36.6 + n / 20, 117.0)


async def _link(call: Call, n: int, key: str) -> None:
    await service.watch(call, AlertPlaceKind.HOME, _place(n), key, label=f"家{n}")


def _fakes(_things: int) -> Mapping[Any, Any]:
    return by_operation(FakeBureau(), BUREAU)


def _happen(fakes: Mapping[Any, Any], n: int) -> None:
    given = alert(new_id().hex, areas=[around(_place(n))])
    infos = tuple(
        replace(one, expires_at=None) for one in given.infos
    )  # it holds until it is ended
    fake_of(fakes).happened.append(replace(given, infos=infos))


async def _run(app: App) -> None:
    find: Any = app.upstreams.find_fake(fetch_sources)
    happened = find.__self__.happened
    while happened:
        await receive(app, signed(happened.pop()))
    for row in await EmergencyAlert.all():
        for job in (tell_alert, tell_places):
            with suppress(SweepIncomplete):  # it is repeated then
                await job(app, row.id)


USERS = [
    SubscriptionUser(
        PLACES.rows,
        _link,
        unsubscribe_by_id(PLACES),
        fakes=_fakes,
        subscription=PLACES,
        happen=_happen,
        run=_run,
    )
]
