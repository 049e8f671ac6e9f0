"""Rounds: every few minutes one API process of the city asks all services and writes it down."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog

from bff.execution.executor import Executor
from bff.probe.asking import Check, ask_all
from bff.probe.store import write_checks
from bff.trusted.documents import Documents
from core.context.app import App
from core.database import rate_limit, transaction
from core.deadline import Deadline
from core.people.data_rights import erase_person
from core.people.directory import Person, probe_of
from core.processes.operators import warming
from core.security.authentication import PROBE_ID
from core.telemetry.tracebacks import error_line

_KEY = "services-probe"
_LOOK_EVERY_S = 1.0
_SANDBOX_WITHIN_S = 10.0
_LEVEL = 2

log = structlog.get_logger(__name__)


@asynccontextmanager
async def probing(app: App, executor: Executor, documents: Documents) -> AsyncIterator[None]:
    """Ask in the background once the process is warm, for as long as it serves."""
    task = None
    if app.settings.probe_every_s:
        task = asyncio.create_task(_ask_forever(app, executor, documents), name="services probe")
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.wait({task})


async def _ask_forever(app: App, executor: Executor, documents: Documents) -> None:
    while True:
        wait_s = _LOOK_EVERY_S
        if not warming(app).is_set():
            try:
                wait_s = await _ask_in_turn(app, executor, documents)
            except Exception as error:
                log.warning("services not checked", error=error_line(error))
                wait_s = app.settings.probe_every_s
        await asyncio.sleep(wait_s)


async def _ask_in_turn(app: App, executor: Executor, documents: Documents) -> float:
    """Ask where it is this process's turn; returns the seconds until the next."""
    wait_s = await turn_s(app)
    if wait_s:
        return wait_s
    await ask_once(app, executor, documents)
    return app.settings.probe_every_s


async def turn_s(app: App) -> int:
    """0 where this process is the one to ask now, else the seconds until the next turn."""
    window = timedelta(seconds=app.settings.probe_every_s)
    async with transaction() as tx:
        return await rate_limit.take(tx, app.clock, _KEY, limit=1, window=window)


async def ask_once(app: App, executor: Executor, documents: Documents) -> Sequence[Check]:
    """One round, written down."""
    known = await find_person(app)
    if known:
        probe_of(app).person = Person(
            id=PROBE_ID,
            phone=known["phone"],
            name=known["name"],
            resident_id=known["resident_id"],
            level=_LEVEL,
            locale="zh",
        )
    try:
        checks = await ask_all(app, executor, documents, known)
    finally:
        async with transaction() as tx:
            await erase_person(app, tx, PROBE_ID)  # bills of its own that a read has mirrored
    for check in checks:
        if check.fault is not None:
            log.warning("a service does not answer", service=check.service_id, fault=check.fault)
    await write_checks(checks, app.clock.now())
    return checks


async def find_person(app: App) -> Mapping[str, Any]:
    """As whom to ask: the setting's test person, or the sandbox's; empty in production without."""
    if app.settings.probe_person is not None:
        name, resident_id, phone = app.settings.probe_person.split(",")
        return {"name": name, "resident_id": resident_id, "phone": phone}
    if app.settings.is_production:
        return {}
    sandbox = app.http.upstream("sandbox", app.settings.sandbox_url)
    answer = await sandbox.request(
        "GET",
        "/_control/people",
        operation="list_people",
        deadline=Deadline.after(_SANDBOX_WITHIN_S),
    )
    person = next(person for person in answer.json() if person["key"] == "probe")
    return {**person, **person["household"]}
