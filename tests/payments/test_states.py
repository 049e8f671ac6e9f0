"""The machines of payments: every pair of states, in the code and in the database."""

from collections.abc import AsyncIterator
from itertools import product

import asyncpg
import pytest

from core.context.app import App
from core.database import parse_url
from core.ids import new_id
from core.processes.embedded import DatabaseUrls
from core.states import IllegalTransition, StateMachine
from payments.domain import CONTRACT, HOLD, INTENT, OPEN, REFUND, STATUS, next_look
from payments.reconciliation.domain import CASE
from payments.sharing.domain import SHARE, SHARE_RETURN

MACHINES = (INTENT, REFUND, HOLD, CONTRACT, CASE, SHARE, SHARE_RETURN)


@pytest.fixture
async def owner(app: App, database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """A connection past all our code; rows need no sense beyond their state."""
    connection = await asyncpg.connect(**parse_url(database.owner))
    yield connection
    await connection.close()


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
async def test_the_database_takes_the_edges_and_nothing_else(
    owner: asyncpg.Connection, machine: StateMachine
) -> None:
    legal = {(edge.state, edge.target) for edge in machine.edges}
    table = f"states_of_{machine.name}"
    await owner.execute(f"CREATE TABLE {table} (id uuid, {machine.column} text)")
    copy = StateMachine(machine.name, table, machine.column, machine.initial, machine.edges)
    await owner.execute(copy.trigger_sql())
    for before, after in product(machine.states, repeat=2):
        row_id = new_id()
        await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await owner.execute(f"INSERT INTO {table} VALUES ($1, $2)", row_id, before)
        await owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        change = f"UPDATE {table} SET {machine.column} = $2 WHERE id = $1"
        if before == after or (before, after) in legal:
            await owner.execute(change, row_id, after)
            continue
        with pytest.raises(asyncpg.CheckViolationError):
            await owner.execute(change, row_id, after)
        kept = await owner.fetchval(f"SELECT {machine.column} FROM {table} WHERE id = $1", row_id)
        assert kept == before


async def test_the_real_tables_carry_the_machines(owner: asyncpg.Connection) -> None:
    for machine in MACHINES:
        source = await owner.fetchval(
            "SELECT prosrc FROM pg_proc WHERE proname = $1",
            f"{machine.table}_{machine.column}_edges",
        )
        assert source is not None
        for edge in machine.edges:
            assert f"('{edge.state}','{edge.target}')" in source


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_the_code_takes_the_edges_and_nothing_else(machine: StateMachine) -> None:
    legal = {(edge.state, edge.event): edge.target for edge in machine.edges}
    events = {edge.event for edge in machine.edges}
    for state, event in product(machine.states, events):
        if (state, event) in legal:
            assert machine.next_state(state, event) == legal[state, event]
        else:
            with pytest.raises(IllegalTransition):
                machine.next_state(state, event)


def test_every_state_is_told_to_the_payer_and_can_be_settled_while_unpaid() -> None:
    assert set(STATUS) == set(INTENT.states)
    for state in INTENT.states:
        assert INTENT.allows(state, "settle") == (state in OPEN)
        # nothing that ends without money may be deaf to money that comes after all
        if state in ("expired", "rejected"):
            assert INTENT.allows(state, "settle_late")


def test_the_ladder() -> None:
    waits = [next_look(n).total_seconds() for n in range(7)]
    assert waits == [5, 15, 30, 120, 600, 600, 600]
