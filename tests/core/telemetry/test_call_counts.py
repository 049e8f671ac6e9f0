"""Counting statements and upstream calls: exactly those of whoever asked to be counted."""

import asyncio

from aiohttp import test_utils, web

from core.context.app import App
from core.database import connection, fetch_all, raw_connection, transaction
from core.database.models import Consent
from core.deadline import Deadline
from core.telemetry.call_counts import Tally, tallying


async def _ask() -> None:
    await fetch_all(connection(), "SELECT 1 AS one")


async def test_statements_are_counted_in_tasks_too_and_elsewhere_not(app: App) -> None:
    elsewhere = asyncio.Event()

    async def other() -> None:
        await elsewhere.wait()
        await _ask()

    not_counted = asyncio.create_task(other())
    with tallying() as tally:
        await _ask()
        await asyncio.gather(_ask(), _ask())
        await Consent.filter(purpose="none").count()
        elsewhere.set()
        await not_counted
    await _ask()
    assert tally == Tally(sql=4)


async def test_a_transaction_counts_its_statements_alone(app: App) -> None:
    with tallying() as tally:
        async with transaction() as tx:
            await tx.execute_query("SELECT 1")
            await raw_connection(tx).execute("SELECT 2")
    assert tally == Tally(sql=2)


async def test_a_call_that_is_repeated_counts_once(app: App) -> None:
    answers = iter([503, 200])

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({}, status=next(answers))

    application = web.Application()
    application.router.add_get("/", answer)
    async with test_utils.TestServer(application) as server:
        upstream = app.http.upstream("wells", str(server.make_url("/")))
        with tallying() as tally:
            await upstream.request("GET", "/", operation="read", deadline=Deadline.after(5))
    assert next(answers, None) is None
    assert tally == Tally(upstream=1)
