"""What holds for the answers of every address of the API, and of the operators' port."""

import asyncio
from dataclasses import replace

from starlette.routing import Mount, Route

from bff.app import edge_of, warming_up
from core.context.app import App
from core.context.contributions import WarmUp
from core.processes.operators import find_database_fault, leaving
from tests.asgi import Client
from tests.core.waiting import eventually


def _addresses(client: Client) -> list[tuple[str, str]]:
    """A method and an address of each route; what it names in braces is of nobody."""
    found = []
    for route in client.asgi.router.routes:
        if isinstance(route, Route):
            path = "".join(
                "none" if part.startswith("{") else part
                for part in route.path.replace("{", "\0{").replace("}", "}\0").split("\0")
            )
            found += [(method, path) for method in sorted(route.methods or ())]
        elif isinstance(route, Mount):
            found.append(("GET", f"{route.path}/none"))
    return found


async def test_no_answer_is_taken_for_another_type(client: Client) -> None:
    addresses = [*_addresses(client), ("GET", "/nowhere")]
    assert len(addresses) > 30
    for method, address in addresses:
        answer = await client.request(method, address)
        assert answer.status != 500, (method, address)
        assert answer.headers.get("x-content-type-options") == "nosniff", (method, address)


async def test_no_address_leads_to_the_host_that_a_request_names(client: Client) -> None:
    for method, address in _addresses(client):
        answer = await client.request(
            method, f"{address.rstrip('/')}/", headers={"host": "evil.example"}
        )
        assert "evil.example" not in answer.headers.get("location", ""), (method, address)


async def test_every_address_counts_its_callers(app: App) -> None:
    few = replace(app, settings=app.settings.model_copy(update={"rate_address": 2}))
    edge = edge_of(few)
    client = Client(edge)
    answers = [await client.request("GET", "/receipts/none.pdf") for _ in range(3)]
    assert [answer.status == 429 for answer in answers] == [False, False, True]
    assert int(answers[-1].headers["retry-after"]) > 0
    sent = [await client.request("POST", "/callbacks/none", b"{}") for _ in range(11)]
    assert [answer.status == 429 for answer in sent] == [False] * 10 + [True]
    edge.drain()


async def test_who_is_about_to_stop_says_so_and_serves_on(app: App, client: Client) -> None:
    assert (await client.request("GET", "/readyz")).status == 200
    client.asgi.leave()
    assert leaving(app).is_set()
    answer = await client.request("GET", "/readyz")
    assert (answer.status, answer.body) == (503, b"the process is about to stop")
    assert await find_database_fault(app) == "the process is about to stop"
    assert (await client.run("{ services { id } }")).status == 200


async def test_who_is_warming_up_is_not_ready_and_serves_already(app: App, client: Client) -> None:
    made, never = asyncio.Event(), asyncio.Event()

    async def make(_app: App) -> None:
        await made.wait()

    async def fail(_app: App) -> None:
        raise RuntimeError("nothing to make ready")

    async def hang(_app: App) -> None:
        await never.wait()

    async def status() -> int:
        return (await client.request("GET", "/readyz")).status

    async def is_ready() -> bool:
        return await status() == 200

    async with warming_up(app, [WarmUp(make), WarmUp(fail)]):
        answer = await client.request("GET", "/readyz")
        assert (answer.status, answer.body) == (503, b"the process is warming up")
        assert (await client.run("{ services { id } }")).status == 200
        made.set()
        await eventually(is_ready)
    async with warming_up(app, [WarmUp(hang)], within_s=0):
        await eventually(is_ready)
