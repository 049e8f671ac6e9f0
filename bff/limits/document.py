"""What a GraphQL document may ask for: caps before parsing, then one pass over the parsed text.

The pass is linear in the text even where the operation it describes is exponential. Validation
runs only on documents that passed, and gives up after a few errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from bff.limits.measure import Costs, LimitExceeded, Limits, Measure, cost, hold, integers_known
from bff.limits.overlap import Overlap, TooMuchOverlap
from bff.request.operation import RequestError

__all__ = [
    "RULES",
    "Costs",
    "LimitExceeded",
    "Limits",
    "ParsedDocument",
    "check_document",
    "check_variables",
    "cost",
    "parse_and_validate",
]

RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
"""The rules a document is validated by: graphql-core's, and those Strawberry adds."""


@dataclass(frozen=True)
class ParsedDocument:
    """A document within its limits: valid if there are no errors."""

    document: DocumentNode | None
    costs: Costs | None
    errors: list[GraphQLError]


def parse_and_validate(
    schema: GraphQLSchema,
    source: str,
    limits: Limits | None = None,
    variables: Mapping[str, Any] | None = None,
) -> ParsedDocument:
    """Parse, measure and validate the text of a document, in bounded time.

    :raises LimitExceeded: before the work it limits is done.
    """
    limits = limits or Limits()
    size = len(source.encode(errors="surrogatepass"))
    hold("TOO_LARGE", limits.source_bytes, size)
    check_variables(variables, limits)
    try:
        document = parse(source, max_lexical_tokens=limits.tokens, max_comments=limits.comments)
    except GraphQLError as error:
        for code, limit in (("tokens", limits.tokens), ("comments", limits.comments)):
            if f"more than {limit} {code}" in error.message:
                raise LimitExceeded(f"TOO_MANY_{code.upper()}", limit, limit + 1) from error
        return ParsedDocument(None, None, [error])
    costs = check_document(schema, document, variables, limits)
    errors = validate(schema, document, RULES, max_errors=limits.errors, hide_suggestions=True)
    return ParsedDocument(document, costs, errors[: limits.errors])


def check_document(
    schema: GraphQLSchema,
    document: DocumentNode,
    variables: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
) -> Costs:
    """Measure a parsed document, valid or not.

    :param variables: page sizes are read from them; without, the defaults or the most count.
    :raises LimitExceeded: for the first limit that the document breaks.
    """
    limits = limits or Limits()
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    hold("TOO_MANY_DEFINITIONS", limits.definitions, len(document.definitions))
    hold("TOO_MANY_OPERATIONS", limits.operations, len(operations))
    fragments = {
        d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
    }
    costs = Costs()
    for operation in operations:
        pass_ = Measure(schema, fragments, limits, integers_known(operation, variables))
        costs = _most(costs, pass_.operation(operation))
    # Fragments that no operation uses are validated all the same.
    unused = Measure(schema, fragments, limits, {})
    for fragment in fragments.values():
        costs = _most(costs, replace(unused.fragment(fragment), root_fields=0))
    _hold_all(costs, limits)
    try:
        Overlap(fragments, limits.overlap).check(document)
    except TooMuchOverlap as error:
        raise LimitExceeded("TOO_MUCH_OVERLAP", limits.overlap, error.pairs) from error
    return costs


def check_variables(variables: Mapping[str, Any] | None, limits: Limits) -> None:
    """Walk a request's variables, level by level: whatever walks them later may recurse.

    :raises LimitExceeded: when there are too many to coerce in time, or nested too deep.
    :raises RequestError: for U+0000, which PostgreSQL cannot store and nobody means.
    """
    level: list[Any] = [variables or {}]
    count, depth = 0, 0
    while level:
        count += len(level)
        hold("TOO_MANY_VALUES", limits.variable_values, count)
        hold("VARIABLES_TOO_DEEP", limits.variable_depth, depth)
        level = [child for value in level for child in _children(value)]
        depth += 1


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, str):
        if "\x00" in value:
            raise RequestError("no text may hold a NUL")
        return ()
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _hold_all(costs: Costs, limits: Limits) -> None:
    hold("TOO_DEEP", limits.depth, costs.depth)
    hold("TOO_MANY_ROOT_FIELDS", limits.root_fields, costs.root_fields)
    hold("TOO_MANY_FIELDS", limits.fields, costs.fields)
    hold("TOO_MANY_ALIASES", limits.aliases, costs.aliases)
    hold("TOO_MANY_DIRECTIVES", limits.directives, costs.directives)
    hold("TOO_COSTLY", limits.cost, costs.cost)


def _most(left: Costs, right: Costs) -> Costs:
    return Costs(*(max(getattr(left, f.name), getattr(right, f.name)) for f in fields(Costs)))
