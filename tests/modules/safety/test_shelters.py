"""Shelters: the nearest that fit the danger, without a login, from the last good answer."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.clock import ManualClock
from core.standards.ogc_features import Feature
from core.upstream.records import Records
from modules.safety.shelters.domain import Hazard, ShelterKind
from modules.safety.shelters.lookup import LAYER, Properties
from tests.asgi import Client
from tests.fakes import Silence
from tests.upstreams import by_operation

HERE = {"lat": 36.67, "lon": 117.0}
PARK = Properties(
    "公园", "Park", ShelterKind.OUTDOOR, "示范路1号", 500, [Hazard.EARTHQUAKE], True,
    "0531-80000000", True,
)  # fmt: skip


def shelter(ref: str, lat: float, lon: float = 117.0, **changes: Any) -> Feature[Properties]:
    """A park that takes five hundred in an earthquake."""
    geometry = {"type": "Point", "coordinates": [lon, lat]}
    return Feature(ref, geometry, replace(PARK, **changes))


class FakeLayer(Silence):
    """A layer with what it is given."""

    name = "shelters"

    def __init__(self) -> None:
        super().__init__()
        self.features = [shelter("far", 36.68), shelter("near", 36.671)]

    async def list_shelters(self, offset: int) -> Records[Feature[Properties]]:
        """See modules.safety.shelters.lookup."""
        self.answer("list_shelters")
        return Records(self.features)


@pytest.fixture
def layer() -> FakeLayer:
    """The layer."""
    return FakeLayer()


@pytest.fixture
def upstreams(layer: FakeLayer) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(layer, LAYER)


async def _near(client: Client, **more: Any) -> Any:
    answer = await client.operate("Shelters", {"at": HERE, "radiusM": 3000} | more)
    assert "errors" not in answer.json, answer.json
    return answer.json["data"]["shelters"]


async def test_the_nearest_come_first_with_the_way_to_them(client: Client) -> None:
    near, far = (await _near(client))["items"]
    assert (near["shelterRef"], far["shelterRef"]) == ("near", "far")
    assert (far["distanceM"], far["walkingDistanceM"], far["walkingMinutes"]) == (1112, 1446, 21)
    assert (near["capacity"], near["hazards"], near["contactPhone"]) == (
        500,
        ["EARTHQUAKE"],
        "0531-80000000",
    )


async def test_only_those_that_are_open_and_fit_the_danger(
    client: Client, layer: FakeLayer
) -> None:
    layer.features += [
        shelter("flood", 36.672, hazards=[Hazard.FLOOD, Hazard.FIRE]),
        shelter("closed", 36.6705, hazards=[Hazard.FLOOD], open=False),
    ]
    found = (await _near(client, hazard="FLOOD"))["items"]
    assert [one["shelterRef"] for one in found] == ["flood"]


async def test_the_danger_is_looked_at_before_the_nearest_are_cut_off(
    client: Client, layer: FakeLayer
) -> None:
    layer.features = [shelter(f"p{n}", 36.671) for n in range(60)]
    layer.features.append(shelter("flood", 36.69, hazards=[Hazard.FLOOD]))
    assert len((await _near(client))["items"]) == 50
    assert len((await _near(client, hazard="FLOOD"))["items"]) == 1


async def test_an_outage_of_the_layer_takes_no_shelter_away(
    client: Client, layer: FakeLayer, clock: ManualClock
) -> None:
    await _near(client)
    layer.is_silent = True
    clock.move(timedelta(days=29))
    elsewhere = {"lat": 36.675, "lon": 117.0}
    answer = await _near(client, at=elsewhere)
    assert (answer["status"], answer["reason"]) == ("STALE", "TIMEOUT")
    assert [one["shelterRef"] for one in answer["items"]] == ["near", "far"]


async def test_what_is_nowhere_in_the_city_is_no_shelter(client: Client, layer: FakeLayer) -> None:
    layer.features += [
        shelter("zero", 0.0, 0.0),
        shelter("swapped", 117.0, 36.67),
        shelter("none", 36.67, capacity=0),
    ]
    assert len((await _near(client))["items"]) == 2
