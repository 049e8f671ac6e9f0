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
