"""How a resolved value becomes response data, for values that need more than inline code.

A completion either returns data (or an awaitable of it), or raises `Odd` before it has called
any resolver; the caller then lets graphql-core complete the same value.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

from graphql import (
    GraphQLAbstractType,
    GraphQLObjectType,
    GraphQLOutputType,
    Undefined,
    default_type_resolver,
)
from graphql.pyutils import Path
from strawberry.execution.is_awaitable import optimized_is_awaitable as is_awaitable

from bff.compiler.errors import Odd
from bff.compiler.execution import Execution
from bff.compiler.plan import Field
from bff.compiler.schema_facts import (
    CAST_ATTRIBUTE,
    checks_instance_only,
    has_settled_type,
    resolves_by_class,
)

Function = Callable[..., Any]
PathParts = tuple[Path | None, str | int, str | None]
"""What a path is made of, and a path itself."""


class Completion(Protocol):
    """Completes values of one output type at one place of the document."""

    def complete(self, run: Execution, of: Field, path: Path, value: Any) -> Any: ...


def dispose(value: Any) -> bool:
    """Whether a value was awaitable; if so it is closed, for nobody will await it."""
    if not is_awaitable(value):
        return False
    if hasattr(value, "close"):
        value.close()
    return True


def _is_object(value: Any) -> bool:
    """Whether graphql-core would read fields off the value rather than treat it before that."""
    return not (
        value is None or value is Undefined or isinstance(value, Exception) or is_awaitable(value)
    )


def _class_decides(cls: type) -> bool:
    """Whether one look at the class says that its instances are not awaitable."""
    reads_plainly: Any = cls.__getattribute__
    return reads_plainly is object.__getattribute__ and not hasattr(cls, "__getattr__")


@dataclass(eq=False)
class Guard:
    """Admits values to an object type, remembering the classes that always pass."""

    object_type: GraphQLObjectType
    known: set[type] = field(default_factory=set)
    usual: type | None = None
    """The class that was admitted to them last."""

    @property
    def minds_casts(self) -> bool:
        """Whether ``strawberry.cast`` can change the verdict on a value."""
        return self.object_type.is_type_of is not None

    def admit(self, run: Execution, of: Field, path: Path, value: Any) -> type | None:
        """Check one value; return its class if all of that class need no further check.

        :raises Odd: if the value is not to be read as this type.
        """
        cls = type(value)
        is_type_of = self.object_type.is_type_of
        cast = is_type_of is not None and getattr(value, CAST_ATTRIBUTE, None) is not None
        if cls in self.known and not cast:
            return cls
        if not _is_object(value):
            raise Odd
        if is_type_of is not None:
            verdict = is_type_of(value, run.info(of, path))
            if dispose(verdict) or not verdict:
                raise Odd
        if cast or not checks_instance_only(self.object_type) or not _class_decides(cls):
            return None
        self.known.add(cls)
        self.usual = cls
        return cls


@dataclass(eq=False)
class Plain:
    """A generated function for a flat value."""

    function: Function

    def complete(self, run: Execution, of: Field, path: Path, value: Any) -> Any:
        try:
            return self.function(run, path, value)
        except Exception as error:
            # Reading again does no harm, and graphql-core says what went wrong, and where.
            raise Odd from error


@dataclass(eq=False)
class PlainList:
    """A generated function for a list below which nothing is called.

    The function lets graphql-core complete the items that it does not handle itself, so what
    it raises is the final word.
    """

    function: Function
    nullable: bool

    def complete(self, run: Execution, of: Field, path: Path, value: Any) -> Any:
        if value is None and self.nullable:
            return None
        if type(value) is not list and type(value) is not tuple:
            raise Odd
        return self.function(run, path, value)


@dataclass(eq=False)
class ObjectOf:
    """An object some of whose fields need calls."""

    guard: Guard
    function: Function
    nullable: bool

    def complete(self, run: Execution, of: Field, path: Path, value: Any) -> Any:
        if value is None and self.nullable:
            return None
        self.guard.admit(run, of, path, value)
        return self.function(run, path, value)


@dataclass(eq=False)
class AbstractOf:
    """A value of an interface or union: finds its runtime type, then that type's function."""

    abstract_type: GraphQLAbstractType
    functions: dict[str, Function]
    guards: dict[str, Guard]
    nullable: bool = False
    _known: dict[type, Function] = field(default_factory=dict)

    def complete(self, run: Execution, of: Field, path: Path, value: Any) -> Any:
        if value is None and self.nullable:
            return None
        return self.pick(run, of, path, value)(run, path, value)

    def pick(self, run: Execution, of: Field, at: PathParts, value: Any) -> Function:
        """The generated function for the value's runtime type.

        :raises Odd: if the type cannot be told at once, or is not a possible one.
        """
        cast = getattr(value, CAST_ATTRIBUTE, None) is not None
        function = self._known.get(type(value))
        if function is not None and not cast:
            return function
        if not _is_object(value):
            raise Odd
        path = Path(*at)
        resolve_type = self.abstract_type.resolve_type or default_type_resolver
        try:
            name: Any = resolve_type(value, run.info(of, path), self.abstract_type)
        except Exception as error:
            raise Odd from error
        if dispose(name) or type(name) is not str or name not in self.functions:
            raise Odd
        cls = self.guards[name].admit(run, of, path, value)
        if (
            cls is not None
            and not cast
            and resolves_by_class(self.abstract_type)
            and has_settled_type(cls)
        ):
            self._known[cls] = self.functions[name]
        return self.functions[name]


def _no_function(*_arguments: Any) -> Any:
    raise AssertionError("no class is known")


@dataclass(eq=False)
class ListOf:
    """A list whose items need calls."""

    item: Completion
    item_type: GraphQLOutputType
    nullable: bool
    known: Collection[type] = ()
    """Classes of items that may go to `function` at once."""
    function: Function = _no_function

    def __post_init__(self) -> None:
        if isinstance(self.item, ObjectOf) and not self.item.guard.minds_casts:
            self.known, self.function = self.item.guard.known, self.item.function

    def complete(self, run: Execution, of: Field, path: Path, value: Any) -> Any:
        if value is None and self.nullable:
            return None
        if type(value) is not list and type(value) is not tuple:
            raise Odd
        return run.complete_items(self, of, path, value)


@dataclass(eq=False)
class Core:
    """A value that is graphql-core's from here on."""

    def complete(self, run: Execution, of: Field, path: Path, value: Any) -> Any:
        raise Odd
