"""What all executions of one operation share: schema, fragments, graphql-core's executor."""

from collections.abc import Callable
from typing import Any, cast

from graphql import (
    FragmentDefinitionNode,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    default_field_resolver,
    default_type_resolver,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues
from graphql.pyutils import Path
from strawberry.execution.is_awaitable import optimized_is_awaitable as is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.info import Info

from bff.compiler.execution import Execution
from bff.compiler.info import LazyInfo
from bff.compiler.plan import Field
from bff.compiler.schema_facts import strawberry_schema


class Setting:
    """What all executions of one operation have in common."""

    __slots__ = (
        "executor_class",
        "fragment_definitions",
        "fragments",
        "hide_suggestions",
        "info_class",
        "operation",
        "options",
        "raw_info",
        "schema",
        "strawberry",
    )

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDetails],
        hide_suggestions: bool,
    ) -> None:
        self.schema = schema
        self.operation = operation
        self.fragments = fragments
        self.fragment_definitions: dict[str, FragmentDefinitionNode] = {
            name: fragment.definition for name, fragment in fragments.items()
        }
        self.hide_suggestions = hide_suggestions
        self.strawberry = strawberry_schema(schema)
        self.executor_class: type[Executor[Any]] = Executor
        self.info_class: Callable[..., Info[Any, Any]] = Info
        self.options: dict[str, Any] = {}
        if self.strawberry is not None:
            self.executor_class = self.strawberry.execution_context_class
            self.info_class = self.strawberry.config.info_class
            self.options = {"operation_extensions": None}

        standard = self.executor_class in (Executor, StrawberryGraphQLCoreExecutionContext)
        self.raw_info: Callable[[Execution, Field, Path | None], Any] = (
            LazyInfo if standard else _whole_info
        )

    def executor(self, root: Any, context: Any, variables: VariableValues) -> Executor[Any]:
        """graphql-core's own executor for one execution."""
        return self.executor_class(
            self.schema,
            self.fragment_definitions,
            self.fragments,
            root,
            context,
            self.operation,
            variables,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            is_awaitable=cast(Any, is_awaitable),
            hide_suggestions=self.hide_suggestions,
            **self.options,
        )


def _whole_info(run: Execution, field: Field, parent: Path | None) -> GraphQLResolveInfo[Any]:
    """For executors of a schema's own, which may put other things into it."""
    return run.info(field, Path(parent, field.key, field.parent.name))
