"""Layers of the one map: pages that lead to one another, grids that cover without overlapping."""

import pytest

from tests.sandbox.serving import Client


@pytest.mark.parametrize(("layer", "count"), [("grids", 2116), ("shelters", 60)])
async def test_pages_lead_to_one_another(city: Client, layer: str, count: int) -> None:
    path = f"/{layer}/collections/{layer}/items?limit=1000"
    seen: list[str] = []
    while path:
        status, page = await city.get(path)
        assert (status, page["numberMatched"]) == (200, count)
        assert page["numberReturned"] == len(page["features"])
        seen += [feature["id"] for feature in page["features"]]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        path = following[0].removeprefix(city.base) if following else ""
    assert len(set(seen)) == len(seen) == count


async def test_a_grid_is_its_code(city: Client) -> None:
    _, page = await city.get("/grids/collections/grids/items?limit=3")
    for feature in page["features"]:
        code = feature["properties"]["grid_code"]
        assert code == feature["id"] and len(code) == 15 and code.isdigit()
        (ring,) = feature["geometry"]["coordinates"]
        assert ring[0] == ring[-1] and len(ring) == 5


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "offset=-1"])
async def test_a_page_that_cannot_be_is_refused(city: Client, query: str) -> None:
    assert (await city.get(f"/shelters/collections/shelters/items?{query}"))[0] == 400
