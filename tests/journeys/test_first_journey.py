"""The first journey through the house, over HTTP, on two APIs and two workers."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from journeys.house import ROOT, House

from bff.client.city import CityClient, key
from bff.commands import journey
from core.manifest import discover


async def test_demo_completes_every_step(house: House) -> None:
    done = house.run("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("done")


async def test_services_check_passes_for_every_service(house: House) -> None:
    checked = house.run("services", "check", "--json")
    rows = json.loads(checked.stdout)
    assert [row for row in rows if row["status"] == "LIVE" and not row["ok"]] == []
    assert checked.returncode == 0
    assert len(rows) == 63 and {row["status"] for row in rows} == {"LIVE"}
    catalogue = [service.id for manifest in discover() for service in manifest.services]
    assert sorted(row["id"] for row in rows) == sorted(catalogue)


@pytest.mark.soak
async def test_services_may_be_checked_eight_times_in_an_hour(house: House) -> None:
    for _ in range(8):
        checked = house.run("services", "check", "--json")
        assert checked.returncode == 0, [r for r in json.loads(checked.stdout) if not r["ok"]]


async def test_no_document_asks_for_more_than_it_declares(house: House) -> None:
    house.run("documents", "calls")  # what is made once in a house, keys and first links, is made
    held = house.run("documents", "calls")
    assert held.returncode == 0, held.stdout + held.stderr


async def test_the_way_to_the_first_payment_is_walked_as_docs_app_md_has_it(
    house: House, client: CityClient
) -> None:
    page = (ROOT / "docs" / "app.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    person = await client.person("probe")
    given = {
        "API": house.api_urls[0],
        "SANDBOX": house.sandbox_url,
        "PHONE": person["phone"],
        "ACCOUNT": person["household"]["water_account_no"],
    }
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", script), env={**os.environ, **given}, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    assert output.decode().rstrip().endswith('"status":"SUCCEEDED"'), output.decode()


async def test_a_session_of_one_api_is_good_at_the_other_and_ends_at_both(
    house: House, client: CityClient
) -> None:
    person = await client.person("elder")
    await client.sign_in(person["phone"])
    async with CityClient(house.api_urls[1], house.sandbox_url) as other:
        other.token = client.token
        answer = await other.run("{ viewer { level sessions { id current } } }")
        assert answer.data["viewer"]["level"] == 1


async def test_a_subscription_at_one_api_sees_what_was_done_at_the_other(
    house: House, client: CityClient
) -> None:
    person = await client.person("sme_owner")
    await client.sign_in(person["phone"])
    await client.verify_real_name(person)
    account_no = person["household"]["water_account_no"]
    await client.do(journey.LINK, {"account": account_no, "key": key()})
    await client.sandbox("POST", f"/_control/billers/water/accounts/{account_no}/bills", {})
    answer = await client.run(journey.BILLS, {"account": account_no})
    bill = next(b for b in answer.data["bills"]["items"] if b["status"] == "OPEN")
    async with subscribed(house.api_urls[1], client, "{ messageReceived { title } }") as messages:
        started = await client.do(journey.PAY, {"bill": bill["id"], "key": key()})
        await client.pay_at(started["payment"]["cashierUrl"])
        async with asyncio.timeout(20):
            message = await anext(messages)
    assert message["messageReceived"]["title"]


@asynccontextmanager
async def subscribed(
    api_url: str, client: CityClient, selection: str
) -> AsyncIterator[AsyncIterator[Mapping[str, Any]]]:
    """The data of a subscription over graphql-transport-ws, live when the block is entered."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{api_url}/graphql", protocols=["graphql-transport-ws"]) as socket,
    ):
        token = {"Authorization": f"Bearer {client.token}"}
        await socket.send_json({"type": "connection_init", "payload": token})
        assert (await socket.receive_json())["type"] == "connection_ack"
        payload = {"query": f"subscription {selection}"}
        await socket.send_json({"type": "subscribe", "id": "1", "payload": payload})
        # a ping answered after the subscribe tells that the server has read it
        await socket.send_json({"type": "ping"})
        assert (await socket.receive_json())["type"] == "pong"

        async def events() -> AsyncIterator[Mapping[str, Any]]:
            while True:
                message = await socket.receive_json()
                assert message["type"] in ("next", "ping"), message
                if message["type"] == "next":
                    yield message["payload"]["data"]

        yield events()
