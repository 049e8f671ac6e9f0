"""A day with a car and a metro card, over HTTP: parking, a fine and a ride, paid and done."""

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest
from journeys.house import House

from bff.client.city import CityClient
from bff.commands.services import refuse_bad, run_document
from bff.playground.build import build
from bff.trusted.documents import documents_of
from core.manifest import discover
from tests.browser import chromium, visiting

SERVICES = ("parking-payment", "traffic-fine-payment", "transit-ride-code")
PAYMENTS = "{ payments(first: 3) { edges { node { id title status cashierUrl receiptRef } } } }"


async def test_a_driver_pays_and_drives_on(house: House, client: CityClient) -> None:
    person = await client.person("citizen_rare")
    await client.sign_in(person["phone"])
    await client.verify_real_name(person)
    await client.consent_to_everything()
    documents = documents_of(discover())
    for service_id in SERVICES:
        document = documents.for_service(service_id)
        assert document is not None
        async for _, answer in run_document(client, person, document):
            refuse_bad(answer.data)
    for payment in await _payments(client):
        await client.pay_at(payment["cashierUrl"])
    async with asyncio.timeout(30):
        while True:
            if {payment["status"] for payment in await _payments(client)} == {"SUCCEEDED"}:
                break
            await asyncio.sleep(0.2)
    await _the_barrier_opens(client)
    await _the_fine_has_its_receipt(client)
    await _a_spent_code_opens_nothing(client)


async def test_a_rider_sees_a_lagging_feed_and_is_told_when_it_recovers(
    house: House, client: CityClient
) -> None:
    person = await client.person("citizen_rare")
    await client.sign_in(person["phone"])
    await client.sandbox("PUT", "/_control/bus-feed", {"name": "clock_skew", "skew_s": -90})
    await _transit_becomes(client, "STALE")  # with the next poll: the API may have read it before
    await client.sandbox("DELETE", "/_control/bus-feed")
    await _transit_becomes(client, "LIVE")
    documents = documents_of(discover())
    for service_id in ("bus-realtime", "trip-plan", "bus-arrival-alert"):
        document = documents.for_service(service_id)
        assert document is not None
        async for _, answer in run_document(client, person, document):
            refuse_bad(answer.data)


@pytest.mark.browser
async def test_arrivals_are_shown_by_subscription_in_the_playground(
    house: House, client: CityClient
) -> None:
    build()
    person, documents = await client.person("citizen"), documents_of(discover())
    document = documents.for_service("bus-realtime")
    assert document is not None
    stop = ""
    async for _, answer in run_document(client, person, document):
        if "transitStops" in answer.data:
            stop = answer.data["transitStops"]["items"][0]["stopRef"]
    operation = (
        f'subscription Arrivals {{ transitArrivalsChanged(stopRef: "{stop}") '
        "{ status asOf items { headsign arrivesAt freshness } } }"
    )
    url = house.api_urls[0]
    async with chromium() as browser, visiting(browser, url) as visit:
        await visit.page.goto(f"{url}/graphql?{urlencode({'query': operation})}")
        await visit.page.locator(".graphiql-query-editor").get_by_text("Arrivals").first.wait_for()
        await visit.run()
        await visit.expect_response('"status": "LIVE"')
        await visit.screenshot("arrivals")


async def _transit_becomes(client: CityClient, status: str) -> None:
    async with asyncio.timeout(90):
        while await _transit_status(client) != status:  # noqa: ASYNC110 - polled over HTTP
            await asyncio.sleep(0.5)


async def _transit_status(client: CityClient) -> str:
    query = """{ transitArrivals(at: {lat: 36.67, lon: 117.0}, radiusM: 1500) {
      status items { freshness } } }"""
    found = (await client.run(query)).data["transitArrivals"]
    if found["status"] == "STALE":
        assert "LIVE" not in {one["freshness"] for one in found["items"]}
    return str(found["status"])


async def _payments(client: CityClient) -> list[Any]:
    answer = await client.run(PAYMENTS)
    nodes = [edge["node"] for edge in answer.data["payments"]["edges"]]
    assert len(nodes) == len(SERVICES)
    return nodes


async def _the_barrier_opens(client: CityClient) -> None:
    (plate,) = (await client.run("{ plates { id isOwn } }")).data["plates"]
    assert plate["isOwn"]
    query = """query($p: ID!) { parkingSessions(plateId: $p) {
        items { sessionNo amountDue exitBy chargeId payment { status } } } }"""
    answer = await client.run(query, {"p": plate["id"]})
    (stay,) = answer.data["parkingSessions"]["items"]
    assert (stay["amountDue"], stay["chargeId"]) == (0, None)
    assert stay["exitBy"] and stay["payment"] == {"status": "SUCCEEDED"}
    await client.sandbox("POST", f"/_control/parking/sessions/{stay['sessionNo']}/exit")


async def _the_fine_has_its_receipt(client: CityClient) -> None:
    query = "{ trafficFines { items { status eReceiptNo order { total } } } }"
    fine = (await client.run(query)).data["trafficFines"]["items"][0]
    assert (fine["status"], fine["order"]) == ("SETTLED", None)
    assert fine["eReceiptNo"].startswith("RC")


async def _a_spent_code_opens_nothing(client: CityClient) -> None:
    query = "{ transitTrips(first: 9) { unpaidTotal items { tripNo status } } }"
    trips = (await client.run(query)).data["transitTrips"]
    assert trips["unpaidTotal"] == 0 and {t["status"] for t in trips["items"]} == {"PAID"}
    code = {"code": (await client.run("{ rideCode { code } }")).data["rideCode"]["code"]}
    first, second = [await client.sandbox("POST", "/fare/gates/m01-1/scan", code) for _ in "ab"]
    assert (first["result"], second["reason"]) == ("OPEN", "REPLAYED")
