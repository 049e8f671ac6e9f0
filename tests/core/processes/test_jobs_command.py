"""`quancheng jobs`: tells when it shows a part, puts back what is named, refuses the unknown."""

from functools import partial

import pytest

from core.context.app import App
from core.database import connection, fetch_all
from tests.core.processes.commands import Quancheng
from tests.core.processes.test_wiring import variables  # noqa: F401 - a fixture
from tests.jobs import enqueue_raw


@pytest.fixture
async def dead(app: App) -> list[int]:
    """Three failed jobs of one kind and two of another, by id."""
    await enqueue_raw(app, "payments.check", {}, 3)
    await enqueue_raw(app, "payments.fulfil", {}, 2)
    await connection().execute_query("UPDATE pgqueuer SET status = 'failed', attempts = 10")
    rows = await fetch_all(connection(), "SELECT id FROM pgqueuer ORDER BY id")
    return [row["id"] for row in rows]


async def _queued() -> list[int]:
    rows = await fetch_all(
        connection(), "SELECT id FROM pgqueuer WHERE status = 'queued' AND attempts = 0 ORDER BY id"
    )
    return [row["id"] for row in rows]


async def test_jobs_are_listed_and_put_back(
    dead: list[int],
    quancheng: Quancheng,
    variables: dict[str, str],  # noqa: F811
) -> None:
    jobs = partial(quancheng, "jobs", **variables)
    shown = jobs("list", "--limit", "2")
    assert shown.stdout.endswith("2 of 5 jobs; --limit shows more\n"), shown.stderr
    every = jobs("list", "--kind", "payments.fulfil").stdout
    assert every.count("payments.fulfil") == 2 and " of " not in every

    unknown = jobs("rerun", str(dead[0]), "999999", "999998")
    assert unknown.returncode == 1
    assert unknown.stderr == (
        "quancheng: no failed job has the id 999998, 999999; nothing was put back\n"
    )
    assert await _queued() == []
    for nothing in ([], ["1", "--all"], ["--all", "--kind", "payments.check"]):
        refused = jobs("rerun", *nothing)
        assert refused.stderr == "quancheng: name ids, or --kind, or --all\n"
    assert await _queued() == []

    assert jobs("rerun", str(dead[0])).stdout == "1 jobs put back\n"
    assert await _queued() == dead[:1]
    assert jobs("rerun", "--kind", "payments.fulfil").stdout == "2 jobs put back\n"
    assert jobs("rerun", "--all").stdout == "2 jobs put back\n"
    assert await _queued() == dead
