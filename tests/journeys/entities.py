"""What a client's cache makes of answers: entities by `id` alone, whatever their type."""

from typing import Any

from graphql import FieldNode, NameNode, SelectionSetNode, Visitor, parse, print_ast, visit

TYPENAME = "__typename"


def with_typename(source: str) -> str:
    """A document that asks every object for its type, as Apollo and Relay rewrite theirs."""

    class Add(Visitor):
        def leave_selection_set(
            self, node: SelectionSetNode, _key: Any, parent: Any, *_: Any
        ) -> SelectionSetNode | None:
            if getattr(parent, "kind", "") == "operation_definition":
                return None
            names = {
                getattr(one, "alias", None) or getattr(one, "name", None) for one in node.selections
            }
            if any(name is not None and name.value == TYPENAME for name in names):
                return None
            field = FieldNode(name=NameNode(value=TYPENAME), arguments=(), directives=())
            return SelectionSetNode(selections=(field, *node.selections))

    return print_ast(visit(parse(source), Add()))


class EntityCache:
    """Every entity seen, and what was told of it in one answer."""

    def __init__(self) -> None:
        self.types: dict[str, str] = {}
        """The type of each id."""
        self.faults: list[str] = []

    def take(self, answer: Any) -> None:
        """Note the entities of one answer; within it nothing changes."""
        seen: dict[tuple[str, str, str], Any] = {}
        pending = [answer]
        while pending:
            value = pending.pop()
            if isinstance(value, list):
                pending += value
            elif isinstance(value, dict):
                pending += value.values()
                if value.get("id") is not None:
                    self._note(value, seen)

    def _note(self, value: dict[str, Any], seen: dict[tuple[str, str, str], Any]) -> None:
        type_, id_ = str(value[TYPENAME]), str(value["id"])
        known = self.types.setdefault(id_, type_)
        if known != type_:
            self.faults.append(f"{id_} is the id of {known} and of {type_}")
        for name, member in value.items():
            if (
                not isinstance(member, dict | list)
                and seen.setdefault((type_, id_, name), member) != member
            ):
                self.faults.append(f"{type_} {id_}: {name} is told twice, differently")


async def open_case(house: House, person_id: str, no: str, unit: str) -> None:
    """A case of a person on which a unit works, without walking through an application."""
    await house.query(
        """WITH definition AS (
             INSERT INTO applications_definition
               (id, service_id, item, body, first_state, edges, ends, created_at)
             VALUES (gen_random_uuid(), 'gov-case-apply', 'probe', '{}', 'open', '[]', '[]', now())
             RETURNING id
           ), opened AS (
             INSERT INTO applications_case
               (id, no, service_id, item, definition_id, citizen_id, category, state, turn, unit,
                round, sequence, turn_from_on, promise_days, is_warned, is_escalated,
                is_provisional, opened_at, moved_at)
             SELECT gen_random_uuid(), $2, 'gov-case-apply', 'probe', id, $1, '', 'open', 'UNIT',
                    $3, 1, 0, current_date, 1, false, false, false, now(), now() FROM definition
             RETURNING id
           )
           INSERT INTO applications_task
             (id, case_id, kind, state, round, branch, unit, from_unit, status, opened_at)
           SELECT gen_random_uuid(), id, 'decide', 'open', 1, '', $3, '', 'OPEN', now()
             FROM opened""",
        *(person_id, no, unit),
    )
