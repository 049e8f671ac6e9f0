"""A full disk ends no work of the sandbox: what could not be written is done once there is room."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from sandbox.server.background import repeated
from sandbox.server.state import State

_SCHEMA = "CREATE TABLE note (text TEXT NOT NULL);"
_PAGE = "x" * 4096


def _fill(state: State, notes: int) -> None:
    with state.transaction():
        for _ in range(notes):
            state.run("INSERT INTO note VALUES (?)", (_PAGE,))


async def test_work_goes_on_after_a_full_disk(tmp_path: Path) -> None:
    state = State(str(tmp_path / "state"), schema=_SCHEMA, seed=1)
    pages = state.all("PRAGMA page_count")[0][0]
    state.all(f"PRAGMA max_page_count = {pages + 4}")
    done = asyncio.Event()

    async def turn() -> None:
        if not done.is_set():
            _fill(state, 40)
            done.set()

    async with repeated(turn, every_s=0.01, again_after_s=0.01):
        await asyncio.sleep(0.05)
        assert not done.is_set()
        assert state.all("SELECT count(*) FROM note")[0][0] == 0
        with pytest.raises(sqlite3.OperationalError, match="full"):
            _fill(state, 40)
        state.all("PRAGMA max_page_count = 1000000")
        async with asyncio.timeout(10):
            await done.wait()
    assert state.all("SELECT count(*) FROM note")[0][0] == 40
    state.close()
