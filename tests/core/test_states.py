"""State machines: code and database agree on every pair of states, for any machine."""

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.database import parse_url
from core.manifest import discover
from core.processes.embedded import DatabaseUrls
from core.states import MACHINES, Edge, IllegalTransition, StateMachine

STATES = ("drafted", "open", "paid", "closed", "失败")
EVENTS = ("go", "stop", "retry")


@st.composite
def machines(draw: st.DrawFn) -> StateMachine:
    """Any small machine: an event leads from a state to at most one other."""
    targets = draw(
        st.dictionaries(
            st.tuples(st.sampled_from(STATES), st.sampled_from(EVENTS)),
            st.sampled_from(STATES),
            min_size=1,
            max_size=8,
        )
    )
    initial = draw(st.lists(st.sampled_from(STATES), min_size=1, max_size=2, unique=True))
    edges = [Edge(state, event, target) for (state, event), target in targets.items()]
    return StateMachine("probe", "probe_machine", "state", initial, edges)


PRODUCT = MACHINES.of(discover(examples=True))


@given(machines())
def test_code_allows_the_edges_and_nothing_else(machine: StateMachine) -> None:
    edges = {(edge.state, edge.event): edge.target for edge in machine.edges}
    for state in STATES:
        for event in EVENTS:
            assert machine.allows(state, event) is ((state, event) in edges)
            if (state, event) in edges:
                assert machine.next_state(state, event) == edges[state, event]
            else:
                with pytest.raises(IllegalTransition) as refused:
                    machine.next_state(state, event)
                assert refused.value.code == "ILLEGAL_STATE"
    assert not any(edge.state in machine.final for edge in machine.edges)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(machine=machines())
async def test_the_database_allows_the_edges_and_nothing_else(
    database: DatabaseUrls, machine: StateMachine
) -> None:
    await _check_in_database(database, machine)


@pytest.mark.parametrize("machine", PRODUCT, ids=lambda machine: machine.name)
async def test_the_products_machines_hold_in_the_database(
    database: DatabaseUrls, machine: StateMachine
) -> None:
    await _check_in_database(
        database,
        StateMachine(machine.name, "probe_machine", "state", machine.initial, machine.edges),
    )


@pytest.mark.parametrize("machine", PRODUCT, ids=lambda machine: machine.name)
async def test_the_products_tables_carry_their_trigger(
    database: DatabaseUrls, machine: StateMachine
) -> None:
    connection = await asyncpg.connect(**parse_url(database.owner))
    try:
        found = await connection.fetchval(
            "SELECT count(*) FROM pg_trigger WHERE tgrelid = $1::regclass AND tgname = $2"
            " AND tgenabled = 'O'",
            machine.table,
            f"{machine.table}_{machine.column}_edges",
        )
    finally:
        await connection.close()
    assert found == 1


@pytest.mark.parametrize("machine", PRODUCT, ids=lambda machine: machine.name)
def test_the_drawing_shows_every_edge(machine: StateMachine) -> None:
    drawing = machine.mermaid()
    assert drawing.startswith("stateDiagram-v2\n")
    for edge in machine.edges:
        assert f"{edge.state} --> {edge.target}: {edge.event}" in drawing
    for state in machine.initial:
        assert f"[*] --> {state}" in drawing


def test_an_event_that_leads_to_two_places_is_a_mistake() -> None:
    torn = StateMachine("torn", "t", "state", ("a",), (Edge("a", "go", "b"), Edge("a", "go", "c")))
    with pytest.raises(ValueError, match="an event leads to two states"):
        torn.next_state("a", "go")


async def _check_in_database(database: DatabaseUrls, machine: StateMachine) -> None:
    states = {*STATES, *machine.states}
    legal = {(edge.state, edge.target) for edge in machine.edges}
    connection = await asyncpg.connect(**parse_url(database.owner))
    try:
        await connection.execute(
            "DROP TABLE IF EXISTS probe_machine;"
            "CREATE TABLE probe_machine (id int, state text NOT NULL, note text);"
        )
        for _ in range(2):  # generated statements are safe to run again
            await connection.execute(machine.trigger_sql())
        for state in states:
            accepted = await _is_accepted(
                connection, "INSERT INTO probe_machine VALUES (1, $1)", state
            )
            assert accepted is (state in machine.initial), state
            for target in states:
                await _force(connection, state)
                accepted = await _is_accepted(
                    connection, "UPDATE probe_machine SET state = $1, note = 'x'", target
                )
                assert accepted is (state == target or (state, target) in legal), (state, target)
    finally:
        await connection.close()


async def _force(connection: asyncpg.Connection, state: str) -> None:
    """One row in this state, the trigger notwithstanding."""
    await connection.execute("ALTER TABLE probe_machine DISABLE TRIGGER USER")
    await connection.execute("DELETE FROM probe_machine")
    await connection.execute("INSERT INTO probe_machine VALUES (1, $1)", state)
    await connection.execute("ALTER TABLE probe_machine ENABLE TRIGGER USER")


async def _is_accepted(connection: asyncpg.Connection, statement: str, state: str) -> bool:
    try:
        await connection.execute(statement, state)
    except asyncpg.CheckViolationError as error:
        assert error.constraint_name == "probe_machine_state_edges"
        return False
    return True
