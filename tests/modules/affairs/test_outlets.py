"""Service 50: outlets near a point or by name, open or not at this moment, and who waits.

What every lookup promises is in tests/kinds/test_lookups.py, how hours follow the calendar in
tests/core/standards/test_opening_hours.py.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import orjson
import pytest

from bff.trusted.documents import documents_of
from core.clock import ManualClock
from core.standards.coordinates import GeoPoint, distance_m, to_gcj02
from core.standards.ogc_features import Feature
from core.upstream.records import Records
from modules.affairs.outlets.domain import (
    Closure,
    OutletKind,
    OutletQueue,
    Properties,
    Wheelchair,
)
from modules.affairs.outlets.lookup import LAYER
from modules.affairs.registry.upstream import REGISTRY_SYSTEM
from tests.asgi import Client
from tests.conftest import NOON
from tests.fakes import Silence
from tests.modules.affairs.registry import FakeItems, city_registry
from tests.upstreams import by_operation

HALL_HOURS = "Mo-Fr 09:00-12:00,13:00-17:00; PH off"
NEAR = """query($at: GeoPointInput, $name: String!, $item: String, $radius: Int!) {
  serviceOutlets(at: $at, name: $name, itemCode: $item, radiusM: $radius) {
    status asOf reason items { outletRef name distanceM isOpen changesAt isProvisional closedFor
      itemCount appointmentLink wheelchair queue { waiting waitMinutes ageS isCurrent } } } }"""
ITEMS = """query($ref: ID!) { serviceOutletItems(outletRef: $ref, first: 100) {
  status totalCount edges { node { number } } } }"""
HERE = {"lat": 36.67, "lon": 117.0}


def _hall(items: list[int], **changes: Any) -> Properties:
    told = Properties(
        OutletKind.HALL, "市政务服务中心", "City Service Centre", "演示路1号", "0000-1", HALL_HOURS,
        Wheelchair.YES, tuple(items), (), OutletQueue(12, 3, 20, NOON - timedelta(minutes=4)),
    )  # fmt: skip
    return replace(told, **changes)


class FakeOutlets(Silence):
    """A layer of three outlets, one of them in another city."""

    name = "service_outlets"

    def __init__(self) -> None:
        super().__init__()
        machines = {"name_zh": "自助服务区", "name_en": "Self-service", "opening_hours": "24/7"}
        kind = {"kind": OutletKind.SELF_SERVICE, "queue": None, "wheelchair": Wheelchair.LIMITED}
        self.outlets = {
            "hall": ((117.01, 36.67), _hall([1, 2, 3])),
            "machines": ((117.001, 36.67), _hall([2], **machines, **kind)),
            "elsewhere": ((121.47, 31.23), _hall([1])),
        }

    async def list_outlets(self, offset: int) -> Records[Feature[Properties]]:
        """See modules.affairs.outlets.lookup."""
        self.answer("list_outlets")
        assert offset == 0
        return Records(
            [
                Feature(ref, {"type": "Point", "coordinates": list(at)}, told)
                for ref, (at, told) in self.outlets.items()
            ]
        )

    def change(self, ref: str, **changes: Any) -> None:
        """Let the layer say something else of an outlet."""
        at, told = self.outlets[ref]
        self.outlets[ref] = (at, replace(told, **changes))


@pytest.fixture
def layer() -> FakeOutlets:
    """The layer."""
    return FakeOutlets()


@pytest.fixture
def upstreams(layer: FakeOutlets) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return {**by_operation(layer, LAYER), **by_operation(FakeItems(), REGISTRY_SYSTEM)}


async def _near(client: Client, **asked: Any) -> Any:
    variables = {"at": None, "name": "", "item": None, "radius": 2000, **asked}
    return (await client.data(NEAR, variables))["serviceOutlets"]


def _refs(answer: Any) -> list[str]:
    return [one["outletRef"] for one in answer["items"]]


def _code(number: int) -> str:
    return city_registry().codes[number]


async def test_the_nearest_comes_first_with_its_distance(client: Client) -> None:
    answer = await _near(client, at=HERE)
    assert (answer["status"], _refs(answer)) == ("LIVE", ["machines", "hall"])
    near, far = answer["items"]
    assert (near["distanceM"], far["distanceM"]) == (
        pytest.approx(89, abs=3),
        pytest.approx(892, abs=9),
    )
    assert _refs(await _near(client, at=HERE, radius=200)) == ["machines"]


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ({"lat": 31.23, "lon": 121.47}, "OUTSIDE_CITY"),
        ({"lat": 117.0, "lon": 36.67}, "POINTS_SWAPPED"),
        ({"lat": 36.67, "lon": 317.0}, "POINT_INVALID"),
    ],
)
async def test_a_point_outside_the_city_is_refused(
    client: Client, at: Mapping[str, float], code: str
) -> None:
    variables = {"at": at, "name": "", "radius": 2000}
    assert (await client.run(NEAR, variables)).codes == [code]


async def test_a_point_of_a_chinese_map_means_the_same_place(client: Client) -> None:
    shifted = to_gcj02(GeoPoint(36.67, 117.0))
    assert distance_m(GeoPoint(shifted.lat, shifted.lon), GeoPoint(36.67, 117.0)) > 400
    moved = {"lat": shifted.lat, "lon": shifted.lon, "datum": "GCJ_02"}
    plain = await _near(client, at=HERE)
    assert (await _near(client, at=moved))["items"][0]["distanceM"] == pytest.approx(
        plain["items"][0]["distanceM"], abs=1
    )


async def test_names_in_both_languages_find_an_outlet(client: Client) -> None:
    assert _refs(await _near(client, name="自助")) == ["machines"]
    assert _refs(await _near(client, name=" city SERVICE ")) == ["hall"]
    assert _refs(await _near(client, name="没有")) == []
    variables = {"name": "名" * 65, "radius": 2000}
    assert (await client.run(NEAR, variables)).codes == ["INVALID_INPUT"]


async def test_what_an_outlet_takes(client: Client) -> None:
    assert _refs(await _near(client, item=_code(1))) == ["hall"]
    assert _refs(await _near(client, at=HERE, item=_code(2))) == ["machines", "hall"]
    assert (await client.run(NEAR, {"name": "", "radius": 1, "item": "x"})).codes == ["NOT_FOUND"]
    answer = (await client.data(ITEMS, {"ref": "hall"}))["serviceOutletItems"]
    assert [edge["node"]["number"] for edge in answer["edges"]] == [1, 2, 3]
    assert (await client.run(ITEMS, {"ref": "elsewhere"})).codes == ["NOT_FOUND"]


async def test_open_or_not_follows_the_clock_and_not_the_last_answer(
    client: Client, layer: FakeOutlets, clock: ManualClock
) -> None:
    hall = (await _near(client, name="市政务"))["items"][0]  # Monday noon
    assert (hall["isOpen"], hall["changesAt"]) == (False, "2026-11-23T05:00:00.000Z")
    assert hall["appointmentLink"] == "lovecity://services/gov-hall-appointment"
    layer.is_silent = True
    clock.move(timedelta(hours=2))
    answer = await _near(client, name="市政务")
    (hall,) = answer["items"]
    assert (answer["status"], hall["isOpen"]) == ("STALE", True)
    assert hall["changesAt"] == "2026-11-23T09:00:00.000Z"
    clock.move(timedelta(days=8))
    assert (await _near(client, name=""))["status"] == "UNAVAILABLE"


async def test_a_queue_says_how_old_it_is(
    client: Client, layer: FakeOutlets, clock: ManualClock
) -> None:
    queue = (await _near(client, name="市政务"))["items"][0]["queue"]
    assert queue == {"waiting": 12, "waitMinutes": 20, "ageS": 240, "isCurrent": True}
    clock.move(timedelta(minutes=12))
    queue = (await _near(client, name="市政务"))["items"][0]["queue"]
    assert (queue["ageS"], queue["isCurrent"]) == (960, False)
    assert (await _near(client, name="自助"))["items"][0]["queue"] is None


async def test_a_day_of_maintenance_is_told(
    client: Client, layer: FakeOutlets, clock: ManualClock
) -> None:
    closure = Closure(date(2026, 11, 23), "off", "系统维护", "Maintenance")
    layer.change("machines", closures=(closure,))
    machines = (await _near(client, name="自助"))["items"][0]
    assert (machines["isOpen"], machines["closedFor"]) == (False, "Maintenance")
    assert machines["changesAt"] == "2026-11-23T16:00:00.000Z"
    clock.move(timedelta(days=1))
    machines = (await _near(client, name="自助"))["items"][0]
    assert (machines["isOpen"], machines["closedFor"]) == (True, None)


async def test_of_two_notices_for_a_day_the_last_counts(client: Client, layer: FakeOutlets) -> None:
    today = date(2026, 11, 23)
    first = Closure(today, "off", "系统维护", "Maintenance")
    layer.change("machines", closures=(first, Closure(today, "24/7", "延长开放", "Open longer")))
    machines = (await _near(client, name="自助"))["items"][0]
    assert (machines["isOpen"], machines["closedFor"]) == (True, "Open longer")


async def test_hours_that_are_not_read_leave_no_reason_either(
    client: Client, layer: FakeOutlets
) -> None:
    closure = Closure(date(2026, 11, 23), "by appointment", "系统维护", "Maintenance")
    layer.change("machines", closures=(closure,))
    machines = (await _near(client, name="自助"))["items"][0]
    told = [machines[part] for part in ("isOpen", "changesAt", "isProvisional", "closedFor")]
    assert told == [None, None, False, None]


async def test_an_item_that_is_told_twice_counts_once(client: Client, layer: FakeOutlets) -> None:
    layer.change("hall", items=(1, 2, 2, 3, 1))
    (hall,) = (await _near(client, name="市政务", item=_code(2)))["items"]
    assert (hall["itemCount"], hall["outletRef"]) == (3, "hall")
    assert (await _near(client, name="市政务", item=_code(4)))["items"] == []


@pytest.mark.parametrize("hours", ["sunrise-sunset", "", "by appointment"])
async def test_hours_in_another_form_are_not_known(
    client: Client, layer: FakeOutlets, hours: str
) -> None:
    layer.change("hall", opening_hours=hours)
    hall = (await _near(client, name="市政务"))["items"][0]
    assert (hall["isOpen"], hall["changesAt"]) == (None, None)


async def test_the_service_s_own_document_runs(client: Client) -> None:
    document = documents_of(client.app.manifests).by_name["service-outlets"]
    variables = {**document.variables, "itemCode": None, "outletRef": "hall"}
    for operation in ("ServiceOutlets", "ServiceOutletItems"):
        body = {
            "query": document.source,
            "operationName": operation,
            "variables": {name: v for name, v in variables.items() if not name.startswith("$")},
        }
        assert "errors" not in (await client.post(orjson.dumps(body))).json
