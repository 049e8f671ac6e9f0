"""A wing for tests of the ground floor: job kinds and events whose runs are rows of `probe_run`.

Effects stand in the database, so that they outlive the worker that made them; tests create the
table. Jobs' arguments say how often to fail and how long to take.
"""

import asyncio
import inspect
import os
import signal
from datetime import datetime, timedelta
from typing import Any

from core.context.app import App
from core.database import connection, transaction
from core.manifest import Manifest
from core.queue.events import on
from core.queue.jobs import GiveUp, Lane, NewJob, job, require_due
from tests.core.probe.events import ThingHappened as ThingHappened

NOW = timedelta(0)
TABLE = """
CREATE TABLE probe_run (
  id bigserial PRIMARY KEY,
  name text NOT NULL,
  pid int NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT, INSERT, DELETE ON probe_run TO quancheng_app;
GRANT USAGE ON SEQUENCE probe_run_id_seq TO quancheng_app;
"""


async def record(
    app: App,
    name: str,
    failures: int = 0,
    wait_s: float = 0.0,
    give_up: bool = False,
    kill: bool = False,
) -> None:
    """Leave a row; before that wait, fail, give up or die as the arguments say."""
    await _note(name)
    await asyncio.sleep(wait_s)
    if give_up:
        raise GiveUp
    if await _runs(name) <= failures:
        raise RuntimeError("resident 11010519491231002X told in an error's text")
    if kill and await _runs(name) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    await _note(f"{name} done")


critical = job("probe.critical", lane=Lane.CRITICAL)(record)
normal = job("probe.normal", max_attempts=3, max_delay_s=0.1)(record)
bulk = job("probe.bulk", lane=Lane.BULK)(record)
once = job("probe.once", max_attempts=1, timeout_s=0.3)(record)


def new_job(kind: str, *, key: str | None = None, after: timedelta = NOW, **says: Any) -> NewJob:
    """A job of a kind with these arguments of `record` by name."""
    names = list(inspect.signature(record).parameters)[1:]
    last = max((names.index(name) for name in says), default=-1)
    defaults = dict(zip(names[1:], (0, 0.0, False, False), strict=True))
    return NewJob(kind, [(defaults | says)[name] for name in names[: last + 1]], key, after)


@job("probe.due", max_attempts=1)
async def due(app: App, name: str, at: datetime) -> None:
    """Leave a row; another where the moment has come."""
    await _note(name)
    require_due(app.clock, at)
    await _note(f"{name} done")


@job("probe.tick", every="* * * * * */1")
async def tick(app: App) -> None:
    """What the calendar asks for."""
    await _note("tick")


@on("probe.ThingHappened")
async def on_thing(app: App, event: ThingHappened) -> None:
    """The first subscriber: writes down what it received, in its own types."""
    await _note(f"first {event.told()}")


@on("probe.ThingHappened")
async def on_thing_too(app: App, event: ThingHappened) -> None:
    """The second subscriber: fails for good."""
    await _note(f"second {event.thing_id}")
    raise GiveUp


async def _note(name: str) -> None:
    async with transaction() as tx:
        await tx.execute_query(
            "INSERT INTO probe_run (name, pid) VALUES ($1, $2)", [name, os.getpid()]
        )


async def _runs(name: str) -> int:
    rows = await connection().execute_query_dict(
        "SELECT count(*) AS n FROM probe_run WHERE name = $1", [name]
    )
    return int(rows[0]["n"])


MANIFEST = Manifest(name="probe", package="tests.core", rooms=("probe",))
