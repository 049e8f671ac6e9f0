"""State machines as data: the same edges drive the code, the database trigger and the docs.

A machine lists (state, event, next state). `next_state` answers in code; `trigger_sql` makes
PostgreSQL refuse every UPDATE of the column that is no edge and every INSERT in a wrong state;
`mermaid` draws it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from core.errors import Conflict
from core.refusal_texts import ILLEGAL_STATE
from core.rooms import ExtensionPoint


class IllegalTransition(Conflict):
    """The event does not exist in this state."""

    def __init__(self, machine: str, state: str, event: str) -> None:
        super().__init__(ILLEGAL_STATE, machine=machine, state=state, event=event)


@dataclass(frozen=True)
class Edge:
    """A legal step: in `state`, `event` leads to `target`."""

    state: str
    event: str
    target: str


@dataclass(frozen=True)
class StateMachine:
    """The life of one table's rows, held in one column."""

    name: str
    table: str
    column: str
    initial: Sequence[str]
    edges: Sequence[Edge]

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Every state, in order of first mention."""
        mentioned = [*self.initial]
        for edge in self.edges:
            mentioned += [edge.state, edge.target]
        return tuple(dict.fromkeys(mentioned))

    @cached_property
    def final(self) -> frozenset[str]:
        """States that nothing leaves."""
        return frozenset(self.states) - {edge.state for edge in self.edges}

    @cached_property
    def _targets(self) -> dict[tuple[str, str], str]:
        targets = {(edge.state, edge.event): edge.target for edge in self.edges}
        if len(targets) != len(self.edges):
            raise ValueError(f"{self.name}: an event leads to two states")
        return targets

    def next_state(self, state: str, event: str) -> str:
        """Where an event leads. Raises IllegalTransition when there is no such edge."""
        try:
            return self._targets[state, event]
        except KeyError:
            raise IllegalTransition(self.name, state, event) from None

    def allows(self, state: str, event: str) -> bool:
        """Whether the event is legal in this state."""
        return (state, event) in self._targets

    def trigger_sql(self) -> str:
        """The SQL that makes the database refuse what is no edge; safe to run again."""
        pairs = sorted({(edge.state, edge.target) for edge in self.edges})
        legal = ", ".join(f"('{a}','{b}')" for a, b in pairs)
        first = ", ".join(f"'{state}'" for state in self.initial)
        function = f"{self.table}_{self.column}_edges"
        return f"""
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.{self.column} NOT IN ({first}) THEN
      RAISE EXCEPTION 'illegal first state of {self.table}: %', NEW.{self.column}
        USING ERRCODE = 'check_violation', CONSTRAINT = '{function}';
    END IF;
  ELSIF NEW.{self.column} IS DISTINCT FROM OLD.{self.column}
    AND (OLD.{self.column}, NEW.{self.column}) NOT IN ({legal}) THEN
    RAISE EXCEPTION 'illegal state change of {self.table}: % to %',
      OLD.{self.column}, NEW.{self.column}
      USING ERRCODE = 'check_violation', CONSTRAINT = '{function}';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER {function} BEFORE INSERT OR UPDATE OF {self.column} ON {self.table}
  FOR EACH ROW EXECUTE FUNCTION {function}();
"""

    def mermaid(self) -> str:
        """A Mermaid state diagram of the machine."""
        lines = ["stateDiagram-v2"]
        lines += [f"    [*] --> {state}" for state in self.initial]
        lines += [f"    {e.state} --> {e.target}: {e.event}" for e in self.edges]
        lines += [f"    {state} --> [*]" for state in self.states if state in self.final]
        return "\n".join(lines)


MACHINES = ExtensionPoint(
    "state machine", StateMachine, key=lambda machine: f"{machine.table}.{machine.column}"
)
