"""Declared jobs: typed arguments, a payload that older releases still fill, refusals at start."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from core.context.app import App
from core.database import connection, fetch_all, transaction
from core.errors import StartError
from core.ids import new_id
from core.queue.jobs import Job, JobKind, JobQueue, Lane, job
from tests.core import probe
from tests.wings import Plant

SEEN: list[tuple[object, ...]] = []


@job("typed.look", lane=Lane.BULK, timeout_s=5)
async def look(app: Any, thing_id: UUID, due_on: date, ids: list[UUID], attempt: int = 0) -> None:
    """Note the arguments."""
    SEEN.append((thing_id, due_on, ids, attempt))


async def test_arguments_come_back_in_their_own_types() -> None:
    SEEN.clear()
    one, two = new_id(), new_id()
    payload = look.write((one, date(2026, 11, 28), [two]))
    assert payload == (f'{{"thing_id":"{one}","due_on":"2026-11-28","ids":["{two}"]}}'.encode())
    await look.run(None, payload)
    await look(None, one, date(2026, 11, 28), [two], 3)
    assert [(one, date(2026, 11, 28), [two], 0), (one, date(2026, 11, 28), [two], 3)] == SEEN
    assert type(SEEN[0][0]) is UUID


async def test_a_payload_of_an_older_or_newer_release_still_runs() -> None:
    SEEN.clear()
    one = new_id()
    await look.run(
        None, f'{{"ids": [], "thing_id": "{one}", "due_on": "2026-11-28", "gone": 1}}'.encode()
    )
    assert [(one, date(2026, 11, 28), [], 0)] == SEEN


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("no id", date(2026, 11, 28), []), ValidationError),
        ((new_id(),), ValidationError),
        ((new_id(), date(2026, 11, 28), [], 0, 1), TypeError),
    ],
    ids=["wrong", "too few", "too many"],
)
async def test_wrong_arguments_are_refused_when_enqueued(
    probed: App, arguments: tuple[object, ...], error: type[Exception]
) -> None:
    probed.queue.add(look)
    async with transaction() as tx:
        with pytest.raises(error):
            await JobKind[Any]("typed.look").enqueue(probed, tx, *arguments)
    assert await fetch_all(connection(), "SELECT * FROM pgqueuer") == []


async def test_a_job_is_enqueued_by_its_name_where_its_function_cannot_be_imported(
    probed: App,
) -> None:
    async with transaction() as tx:
        later = timedelta(hours=1)
        await JobKind[str]("probe.once").enqueue(probed, tx, "a", key="k", after=later)
        await probe.once.enqueue(probed, tx, "b", key="k", after=later)
    (row,) = await fetch_all(
        connection(), "SELECT convert_from(payload, 'UTF8') AS payload FROM pgqueuer"
    )
    assert row["payload"] == '{"name":"a"}'


JOBS = """
from typing import Any
from core.queue.jobs import JobKind, job


@job("{kind}"{every})
async def first(app: Any{argument}) -> None: ...


{more}
"""


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (
            {"kind": "other.first"},
            "wing declares the job 'other.first' of another",
        ),
        (
            {
                "kind": "wing.first",
                "more": '@job("wing.first")\nasync def b(app: Any) -> None: ...',
            },
            "declared twice, job kind: wing.first",
        ),
        (
            {"kind": "wing.first", "more": 'SECOND = JobKind[int]("wing.second")'},
            "no room declares the job 'wing.second', which is enqueued",
        ),
        (
            {"kind": "wing.first", "every": ', every="* * * * *"', "argument": ", n: int"},
            "wing.first: the calendar has no arguments to give",
        ),
    ],
    ids=["another wing's", "twice", "unknown", "scheduled with arguments"],
)
def test_a_job_that_could_never_run_refuses_to_start(
    plant: Plant, source: dict[str, str], line: str
) -> None:
    texts = {"every": "", "argument": "", "more": ""} | source
    with pytest.raises(StartError) as refused:
        JobQueue((plant("wing", {"jobs": JOBS.format(**texts)}),))
    assert str(refused.value) == line


def test_a_job_is_plain_data() -> None:
    assert isinstance(look, Job)
    assert (look.kind, look.lane, look.timeout_s, look.every) == ("typed.look", "bulk", 5, None)
    with pytest.raises(AttributeError):
        look.kind = "other"  # type: ignore[misc]
