"""The first journey through the house, over HTTP, on two APIs and two workers."""

import json

import pytest
from journeys.house import House

from bff.commands.client import CityClient

pytestmark = pytest.mark.xdist_group("house")


async def test_demo_completes_every_step(house: House) -> None:
    done = house.run("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("done")


async def test_services_check_passes_for_the_living_and_lists_the_planned(house: House) -> None:
    checked = house.run("services", "check", "--json")
    rows = json.loads(checked.stdout)
    assert checked.returncode == 0, checked.stdout
    assert len(rows) == 63
    assert {row["status"] for row in rows} == {"LIVE", "PLANNED"}
    assert all(row["ok"] for row in rows if row["status"] == "LIVE")


async def test_a_session_of_one_api_is_good_at_the_other_and_ends_at_both(
    house: House, client: CityClient
) -> None:
    person = await client.person("elder")
    await client.sign_in(person["phone"])
    async with CityClient(house.api_urls[1], house.sandbox_url) as other:
        other.token = client.token
        answer = await other.run("{ viewer { level sessions { id current } } }")
        assert answer.data["viewer"]["level"] == 1
