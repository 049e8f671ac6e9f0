"""Counts the pairs of fields that validation would compare, before it does.

The rule that fields of one name can be merged compares them pairwise, level by level; written
with care, 2 KB of text keep it busy for a second. This walks the same merged selections, but
only counts, and stops at a budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

STEPS_PER_PAIR = 20
"""Selections this may look at, per pair allowed: the bound of its own time."""


class TooMuchOverlap(Exception):
    """The pairs to compare exceed the budget."""

    def __init__(self, pairs: int) -> None:
        super().__init__(pairs)
        self.pairs = pairs


class Overlap:
    """Counts the pairs of one document."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], budget: int) -> None:
        self._fragments = fragments
        self._budget = budget
        self._steps_left = budget * STEPS_PER_PAIR
        self._pairs = 0
        self._seen: set[frozenset[int]] = set()

    def check(self, document: DocumentNode) -> int:
        """The number of pairs in all selections of a document.

        :raises TooMuchOverlap: as soon as the budget is spent.
        """
        pending: list[SelectionSetNode] = [
            definition.selection_set
            for definition in document.definitions
            if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode)
        ]
        while pending:
            node = pending.pop()
            self._merge([node])
            for selection in node.selections:
                below = getattr(selection, "selection_set", None)
                if below is not None:
                    pending.append(below)
        return self._pairs

    def _merge(self, first: list[SelectionSetNode]) -> None:
        """Count pairs among selections that are merged, and in what is merged below them."""
        pending = [first]
        while pending:
            nodes = pending.pop()
            key = frozenset(map(id, nodes))
            if key in self._seen:
                continue
            self._seen.add(key)
            for group in self._by_response_name(nodes):
                self._count(len(group) * (len(group) - 1) // 2)
                if len(group) > 1:
                    pending.append([f.selection_set for f in group if f.selection_set])

    def _by_response_name(self, nodes: list[SelectionSetNode]) -> Iterable[list[FieldNode]]:
        """Fields with fragments written out, each fragment once."""
        groups: dict[str, list[FieldNode]] = {}
        pending, visited = list(nodes), set()
        while pending:
            for selection in pending.pop().selections:
                self._step()
                if isinstance(selection, FieldNode):
                    name = (selection.alias or selection.name).value
                    groups.setdefault(name, []).append(selection)
                elif isinstance(selection, InlineFragmentNode):
                    pending.append(selection.selection_set)
                else:
                    fragment = self._fragments.get(selection.name.value)  # type: ignore[attr-defined]
                    if fragment and fragment.name.value not in visited:
                        visited.add(fragment.name.value)
                        pending.append(fragment.selection_set)
        return groups.values()

    def _count(self, pairs: int) -> None:
        self._pairs += pairs
        if self._pairs > self._budget:
            raise TooMuchOverlap(self._pairs)

    def _step(self) -> None:
        self._steps_left -= 1
        if self._steps_left < 0:
            raise TooMuchOverlap(self._budget + 1)
