"""A wing for tests of the ground floor: job kinds and events whose runs are rows of `probe_run`.

Effects stand in the database, so that they outlive the worker that made them; tests create the
table. Job payloads say how often to fail and how long to take.
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from core.context.app import App
from core.database import connection, transaction
from core.manifest import EventHandler, JobKind, Lane, Manifest, Schedule
from core.queue.jobs import GiveUp

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


@dataclass(frozen=True, slots=True)
class ThingHappened:
    """An event with every kind of field that events carry."""

    thing_id: UUID
    amount_fen: int
    happened_at: datetime
    due_on: date
    note: str | None

    def told(self) -> str:
        """Every field, as the field's own type writes it."""
        at, on = self.happened_at.isoformat(), self.due_on.isoformat()
        return f"{self.thing_id.hex} {self.amount_fen:d} {at} {on} {self.note}"


async def record(app: App, payload: Mapping[str, Any]) -> None:
    """Leave a row; before that wait, fail, give up or die as the payload says."""
    name = str(payload["name"])
    await _note(name)
    await asyncio.sleep(float(payload.get("wait_s", 0)))
    if payload.get("give_up"):
        raise GiveUp
    if await _runs(name) <= int(payload.get("failures", 0)):
        raise RuntimeError("resident 11010519491231002X told in an error's text")
    if payload.get("kill") and await _runs(name) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    await _note(f"{name} done")


async def tick(app: App, _payload: Mapping[str, Any]) -> None:
    """What the calendar asks for."""
    await _note("tick")


async def on_thing(app: App, event: ThingHappened) -> None:
    """The first subscriber: writes down what it received, in its own types."""
    await _note(f"first {event.told()}")


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


MANIFEST = Manifest(
    name="probe",
    jobs=(
        JobKind("probe.critical", "tests.core.probe:record", lane=Lane.CRITICAL),
        JobKind("probe.normal", "tests.core.probe:record", max_attempts=3, max_delay_s=0.1),
        JobKind("probe.bulk", "tests.core.probe:record", lane=Lane.BULK),
        JobKind("probe.once", "tests.core.probe:record", max_attempts=1, timeout_s=0.3),
        JobKind("probe.tick", "tests.core.probe:tick"),
    ),
    schedules=(Schedule("probe.tick", "* * * * * */1"),),
    events=("tests.core.probe:ThingHappened",),
    handlers=(
        EventHandler("probe.ThingHappened", "tests.core.probe:on_thing"),
        EventHandler("probe.ThingHappened", "tests.core.probe:on_thing_too"),
    ),
)
