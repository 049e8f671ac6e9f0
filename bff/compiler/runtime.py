"""One execution of a compiled operation: what generated code calls when a value is not plain.

The executor of graphql-core stands behind it and is built only when needed. Every unusual
value goes to that executor, so what it does with errors, nulls and odd types is not written
twice. Awaitables are scheduled as graphql-core schedules them: all fields of an object are
started before any is awaited, two or more of them run as tasks of one gather, and the fields
below continue in the task of their parent. Loaders therefore see whole levels at once.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from graphql import (
    GraphQLOutputType,
    GraphQLResolveInfo,
    default_field_resolver,
)
from graphql.execution import Executor
from graphql.execution.values import VariableValues
from graphql.pyutils import Path
from strawberry.execution.is_awaitable import optimized_is_awaitable as is_awaitable

from bff.compiler.arguments import coerce_arguments, coerce_literals, may_be_shared
from bff.compiler.completions import ListOf
from bff.compiler.errors import Odd
from bff.compiler.gathering import gather_fields, gather_root_fields
from bff.compiler.plan import Field
from bff.compiler.setting import Setting

Data = dict[str, Any]


async def _raise(error: Exception) -> None:
    raise error


class Run:
    """The state of one execution."""

    __slots__ = ("_arguments", "_core", "context", "root", "setting", "variables")

    def __init__(
        self, setting: Setting, root: Any, context: Any, variables: VariableValues
    ) -> None:
        self.setting = setting
        self.root = root
        self.context = context
        self.variables = variables
        self._core: Executor[Any] | None = None
        self._arguments: dict[int, dict[str, Any]] = {}

    @property
    def core(self) -> Executor[Any]:
        """The executor that handles what generated code does not."""
        if self._core is None:
            self._core = self.setting.executor(self.root, self.context, self.variables)
        return self._core

    @property
    def errors(self) -> list[Any]:
        """The field errors so far, in the order they occurred."""
        return self._core.collected_errors.errors if self._core is not None else []

    # What a resolver is given.

    def info(self, field: Field, path: Path) -> GraphQLResolveInfo[Any]:
        """graphql-core's info for a field; list indexes at the end of the path are dropped."""
        while type(path.key) is int:
            assert path.prev is not None
            path = path.prev
        return self.core.build_resolve_info(field.definition, field.nodes, field.parent, path)

    def arguments(self, field: Field) -> dict[str, Any]:
        """The coerced arguments of a field, coerced once unless a resolver could change them."""
        known = self._arguments.get(field.index)
        if known is not None:
            return known
        arguments = coerce_arguments(field, self.setting, self.variables)
        if may_be_shared(arguments):
            self._arguments[field.index] = arguments
        return arguments

    def call(self, field: Field, parent: Path | None, source: Any) -> Any:
        """Call a field's resolver as it stands, wrapping and all."""
        resolve = field.definition.resolve or default_field_resolver
        arguments = self.arguments(field)
        info = self.info(field, Path(parent, field.key, field.parent.name))
        return resolve(source, info, **arguments)

    # What becomes of a value.

    def again(
        self, fields: Sequence[Field], parent: Path | None, source: Any, waiting: Data
    ) -> list[Any]:
        """Have graphql-core read plain fields of one object, one of which was not plain."""
        values = []
        for field in fields:
            path = Path(parent, field.key, field.parent.name)
            value = self.core.execute_field(field.parent, source, field.details, path, None)
            if is_awaitable(value):
                waiting[field.key] = value
            values.append(value)
        return values

    def item_again(
        self,
        field: Field,
        path: Path,
        values: Sequence[Any],
        items: list[Any],
        waiting: list[int],
        item_type: GraphQLOutputType,
    ) -> Any:
        """Have graphql-core complete the next item of a list, of which `items` are done."""
        index = len(items)
        value, item_path = values[index], Path(path, index, None)
        arguments = (item_type, field.details, self.info(field, path), item_path, None)
        if is_awaitable(value):
            waiting.append(index)
            return self.core.complete_awaitable_list_item_value(value, *arguments)
        results: list[Any] = []
        try:
            if self.core.complete_list_item_value(value, results, *arguments):
                waiting.append(index)
        except Exception:
            self._leave(values, items, waiting)
            raise
        return results[0]

    def failed(self, field: Field, parent: Path | None, error: Exception) -> None:
        """Record that a resolver raised; raise the located error if the field is non-null."""
        path = Path(parent, field.key, field.parent.name)
        self.core.handle_field_error(error, field.return_type, field.details, path)

    def failed_later(
        self, field: Field, parent: Path | None, error: Exception, waiting: Data
    ) -> Any:
        """What `failed` does, at the time when an asynchronous resolver would have raised it.

        Strawberry converts the arguments of such a resolver, and calls it, once it is awaited;
        only graphql-core's own coercion of arguments comes before.
        """
        try:
            coerce_literals(field, self.setting, self.variables)
        except Exception:
            return self.failed(field, parent, error)
        path = Path(parent, field.key, field.parent.name)
        waiting[field.key] = pending = self._await_field(field, path, _raise(error))
        return pending

    def completed(self, field: Field, parent: Path | None, value: Any, waiting: Data) -> Any:
        """Complete what a resolver returned; an awaitable is noted among the waiting."""
        path = Path(parent, field.key, field.parent.name)
        if is_awaitable(value):
            waiting[field.key] = pending = self._await_field(field, path, value)
            return pending
        try:
            completed = self._complete(field, path, value)
        except Exception as error:
            self.core.handle_field_error(error, field.return_type, field.details, path)
            return None
        if is_awaitable(completed):
            waiting[field.key] = completed = self._await_completed(field, path, completed)
        return completed

    def _complete(self, field: Field, path: Path, value: Any) -> Any:
        try:
            return field.completion.complete(self, field, path, value)
        except Odd:
            pass
        info = self.info(field, path)
        return self.core.complete_value(field.return_type, field.details, info, path, value, None)

    async def _await_field(self, field: Field, path: Path, value: Awaitable[Any]) -> Any:
        try:
            completed = self._complete(field, path, await value)
            if is_awaitable(completed):
                completed = await completed
        except Exception as error:
            self.core.handle_field_error(error, field.return_type, field.details, path)
            return None
        return completed

    async def _await_completed(self, field: Field, path: Path, completed: Awaitable[Any]) -> Any:
        try:
            return await completed
        except Exception as error:
            self.core.handle_field_error(error, field.return_type, field.details, path)
            return None

    # Lists of objects that need calls.

    def complete_items(
        self, of: ListOf, field: Field, path: Path, values: Sequence[Any]
    ) -> list[Any] | Awaitable[list[Any]]:
        """Complete each item; errors stay with their item unless items are non-null."""
        results: list[Any] = []
        waiting: list[int] = []
        known, function = of.known, of.function
        try:
            for index, value in enumerate(values):
                item_path = Path(path, index, None)
                try:
                    if type(value) in known:
                        completed = function(self, item_path, value)
                    elif is_awaitable(value):
                        completed = self._complete_later(of, field, item_path, value)
                    else:
                        completed = self._complete_item(of, field, item_path, value)
                except Exception as error:
                    self.core.handle_field_error(error, of.item_type, field.details, item_path)
                    completed = None
                if type(completed) is not dict and is_awaitable(completed):
                    completed = self._await_item(of, field, item_path, completed)
                    waiting.append(index)
                results.append(completed)
        except Exception:
            self._leave(values, results, waiting)
            raise
        return self.join_items(results, waiting) if waiting else results

    def _leave(self, values: Sequence[Any], results: list[Any], waiting: list[int]) -> None:
        """Let what was started for a list that failed settle in the background."""
        left = [results[index] for index in waiting]
        left += [value for value in values[len(results) + 1 :] if is_awaitable(value)]
        if left:
            self.core.settle_in_background(left)

    def _complete_item(self, of: ListOf, field: Field, path: Path, value: Any) -> Any:
        try:
            return of.item.complete(self, field, path, value)
        except Odd:
            pass
        info = self.info(field, path)
        return self.core.complete_value(of.item_type, field.details, info, path, value, None)

    async def _complete_later(
        self, of: ListOf, field: Field, path: Path, value: Awaitable[Any]
    ) -> Any:
        completed = self._complete_item(of, field, path, await value)
        return await completed if is_awaitable(completed) else completed

    async def _await_item(
        self, of: ListOf, field: Field, path: Path, completed: Awaitable[Any]
    ) -> Any:
        try:
            return await completed
        except Exception as error:
            self.core.handle_field_error(error, of.item_type, field.details, path)
            return None

    async def join_items(self, results: list[Any], waiting: list[int]) -> list[Any]:
        if len(waiting) == 1:
            results[waiting[0]] = await results[waiting[0]]
            return results
        arrived = await gather_fields(results[index] for index in waiting)
        for index, value in zip(waiting, arrived, strict=True):
            results[index] = value
        return results

    # Objects, and the root of a mutation.

    def abandon(self, waiting: Data) -> None:
        """Let what was started for an object that failed settle in the background."""
        self.core.settle_in_background(list(waiting.values()))

    async def join(self, results: Data, waiting: Data, at_once: bool = False) -> Data:
        """Await the fields of an object that are not there yet, all at once."""
        if len(waiting) == 1:
            for key, value in waiting.items():
                results[key] = await value
            return results
        gathered = gather_root_fields if at_once else gather_fields
        results.update(zip(waiting, await gathered(waiting.values()), strict=True))
        return results

    def serially(
        self, steps: Sequence[Callable[..., Any]], root: Any, results: Data | None = None
    ) -> Data | Awaitable[Data]:
        """Run the root fields of a mutation one after the other, each to its end."""
        results = {} if results is None else results
        for position, step in enumerate(steps):
            completed = step(self, None, root)
            if is_awaitable(completed):
                return self._serially(completed, steps[position + 1 :], root, results)
            results.update(completed)
        return results

    async def _serially(
        self, first: Awaitable[Data], rest: Sequence[Callable[..., Any]], root: Any, results: Data
    ) -> Data:
        results.update(await first)
        following = self.serially(rest, root, results)
        return following if isinstance(following, dict) else await following
