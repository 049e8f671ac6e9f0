"""Which variables decide what an operation includes, and which directives forbid compiling it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    REMOVE,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails

from bff.compiler.errors import CannotCompile

_CONDITIONAL = ("skip", "include")


def reachable_fragments(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDetails]
) -> list[str]:
    """Names of the fragments an operation uses, each once, in the order met."""
    names: list[str] = []
    pending = [operation.selection_set]
    while pending:
        for selection in _selections(pending.pop()):
            if isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if name in fragments and name not in names:
                    names.append(name)
                    pending.append(fragments[name].definition.selection_set)
    return names


def condition_variables(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDetails]
) -> tuple[str, ...]:
    """Names of the variables in `@skip` and `@include`, sorted."""
    names = set()
    for selection in _all_selections(operation, fragments):
        for directive in selection.directives or ():
            if directive.name.value in _CONDITIONAL:
                for argument in directive.arguments or ():
                    if isinstance(argument.value, VariableNode):
                        names.add(argument.value.name.value)
    return tuple(sorted(names))


def refuse_directives(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDetails]
) -> None:
    """Check that nothing but `@skip` and `@include` is applied.

    :raises CannotCompile: for `@defer`, `@stream` and directives of the schema's own.
    """
    for directive in operation.directives or ():
        raise CannotCompile(f"the operation carries @{directive.name.value}")
    for selection in _all_selections(operation, fragments):
        for directive in selection.directives or ():
            if directive.name.value not in _CONDITIONAL:
                raise CannotCompile(f"it uses @{directive.name.value}")


def without_defer(document: DocumentNode) -> DocumentNode:
    """The document for one whole answer; the very same one where it defers nothing."""

    class Undefer(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: object) -> Any:
            return REMOVE if node.name.value == "defer" else None

    plain: DocumentNode = visit(document, Undefer())
    return plain


def _all_selections(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDetails]
) -> Iterator[SelectionNode]:
    yield from _selections(operation.selection_set)
    for name in reachable_fragments(operation, fragments):
        yield from _selections(fragments[name].definition.selection_set)


def _selections(selection_set: SelectionSetNode) -> Iterator[SelectionNode]:
    pending = [selection_set]
    while pending:
        for selection in pending.pop().selections:
            yield selection
            if isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set:
                pending.append(selection.selection_set)
