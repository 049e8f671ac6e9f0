"""GraphQL types out of described dataclasses: a field is written once, where its rules stand.

    @dataclass(frozen=True, slots=True)
    class Deposit:
        \"\"\"One month's deposit.\"\"\"
        month: Annotated[str, 'The month it is for, "YYYY-MM".']
        amount_fen: Annotated[int, "Employer's and own part together."]

`view(Deposit)` makes it the GraphQL type `Deposit { month: String!, amount: Fen! }`. Resolvers
return the dataclass's own objects. The first paragraph of the docstring describes the type, the
text in `Annotated` the field; a field without a text is refused. A property is shown where its
return type has a text. What becomes of the types:

| Python | GraphQL |
|---|---|
| `int` named `*_fen` | `Fen`, the name without `_fen` |
| `UUID`; `str` named `id`, `*_ref` or `*_id` | `ID` |
| `str`, `int`, `float`, `bool`, `date`, `datetime` | the scalar |
| `Named`, a name in both languages | `String`, in the viewer's language |
| an enum | an enum; its docstring describes every value by name |
| another described dataclass | its type |
| `X | None`, `Sequence[X]` | a nullable value, a list |
"""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import strawberry
from pydantic import AwareDatetime
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver
from strawberry.utils.str_converters import to_camel_case

from core.graphql.guards import Info
from core.graphql.scalars import Fen
from core.texts import Named
from core.upstream.readings import Reading
from core.upstream.records import Records

T = TypeVar("T")

_SCALARS: Mapping[Any, Any] = {
    **{type_: type_ for type_ in (str, int, float, bool, date, datetime)},
    AwareDatetime: datetime,
    UUID: strawberry.ID,
    Named: str,
}
_LISTS = (list, tuple, Sequence)
UNREADABLE = "How many came in a form that cannot be read and are not shown."


@dataclass(frozen=True, slots=True)
class _Member:
    """A field or property of a dataclass: its Python name, its type and what is in it."""

    name: str
    type: Any
    description: str


def view(
    cls: type[T],
    *,
    name: str | None = None,
    names: Mapping[str, str] | None = None,
    hidden: Collection[str] = (),
    is_interface: bool = False,
) -> type[T]:
    """Make a described dataclass a GraphQL type, or an enum a GraphQL enum; returns the class.

    `name` is the type's, where it is not the class's; `names` those of fields (in Python's
    spelling) that the rule would call otherwise; `hidden` fields are not shown. An interface is
    implemented by the views of its subclasses. Raises TypeError for what lacks a description.
    """
    if issubclass(cls, Enum):
        return _enum(cls, name)
    given = names or {}
    shown = [_field(member, given.get(member.name)) for member in _members(cls, hidden)]
    _define(cls, name or cls.__name__, _description(cls), shown, is_interface=is_interface)
    return cls


def reading_view(name: str, description: str, **value: Any) -> type:
    """The GraphQL type of a `Reading`: status, asOf, reason, and its value under a name.

    `reading_view("HousingFund", "…", account=Annotated[Account, "…"])` shows the value as nullable
    `account`. The value of a reading of a list, `items=Annotated[Sequence[Item], "…"]`, is an empty
    list where there is nothing to show; every such list is called `items`. One of `Records[Item]`
    has `unreadable` beside it. The resolver returns the `Reading` itself. Raises TypeError for a
    list of another name.
    """
    ((field_name, annotation),) = value.items()
    type_, text = get_args(annotation)
    are_records = get_origin(type_) is Records
    if are_records:
        type_ = Sequence[get_args(type_)[0]]  # type: ignore[misc]
    is_list = get_origin(type_) in _LISTS
    if is_list and field_name != "items":
        raise TypeError(f"{name}.{field_name}: the list of a reading is called items")
    read = _Member("items", type_, text) if is_list else _Member("value", type_ | None, text)
    shown = [_field(member) for member in _members(Reading, hidden=("value",))]
    cls = type(name, (), {"__doc__": description})
    if are_records:
        shown.append(_field(_Member("unreadable", int, UNREADABLE)))
    _define(cls, name, description, [*shown, _field(read, field_name)])
    return cls


def _members(cls: type, hidden: Collection[str]) -> Iterator[_Member]:
    """What a dataclass shows: its fields in their order, then its described properties."""
    if not is_dataclass(cls):
        raise TypeError(f"{cls.__name__} is no dataclass")
    hints = get_type_hints(cls, include_extras=True)
    for field in fields(cls):
        if field.name in hidden:
            continue
        member = _member(field.name, hints[field.name])
        if member is None:
            raise TypeError(f"{cls.__name__}.{field.name} has no description")
        yield member
    properties = {
        name: value
        for base in reversed(cls.__mro__)
        for name, value in vars(base).items()
        if isinstance(value, property)
    }
    for name, value in properties.items():
        returned = get_type_hints(value.fget, include_extras=True).get("return")
        if described := _member(name, returned):
            yield described


def _member(name: str, annotation: Any) -> _Member | None:
    """A member whose annotation has a description, else None."""
    if get_origin(annotation) is not Annotated:
        return None
    type_, *notes = get_args(annotation)
    text = next((note for note in notes if isinstance(note, str)), None)
    return _Member(name, type_, text) if text else None


def _field(member: _Member, name: str | None = None) -> StrawberryField:
    """The GraphQL field that reads a member; `name` where it is not the rule's."""
    if name == "id" and member.name.endswith("_ref"):
        raise TypeError(f"{member.name}: somebody else's id is unique among theirs alone")
    is_name = Named in (member.type, *get_args(member.type))
    return StrawberryField(
        python_name=member.name,
        graphql_name=to_camel_case(name or member.name.removesuffix("_fen")),
        type_annotation=StrawberryAnnotation(_graphql_type(member.type, member.name)),
        description=member.description,
        base_resolver=StrawberryResolver(spoken(member.name)) if is_name else None,
    )


def _graphql_type(type_: Any, name: str) -> Any:
    """The type as Strawberry writes it; `name` is the member's. Raises TypeError."""
    if get_origin(type_) in (Union, UnionType):
        inner, *others = (part for part in get_args(type_) if part is not NoneType)
        if not others:
            return _graphql_type(inner, name) | None
    if get_origin(type_) in _LISTS and Named not in get_args(type_):
        return list[_graphql_type(get_args(type_)[0], name)]  # type: ignore[misc]
    if type_ is int and name.endswith("_fen"):
        return Fen
    if type_ is str and (name == "id" or name.endswith(("_ref", "_id"))):
        return strawberry.ID
    if type_ in _SCALARS:
        return _SCALARS[type_]
    if isinstance(type_, type):
        if "__strawberry_definition__" in vars(type_):
            return type_
        if issubclass(type_, Enum) or is_dataclass(type_):
            return view(type_)
    raise TypeError(f"{name}: no GraphQL type for {type_}")


def _enum(cls: type[T], name: str | None) -> type[T]:
    """A GraphQL enum. Raises TypeError where the docstring does not name every value."""
    description = _description(cls)
    missing = [value for value in cls.__members__ if value not in description]  # type: ignore[attr-defined]
    if missing:
        raise TypeError(f"{cls.__name__}: the docstring does not describe {missing}")
    strawberry.enum(cls, name=name, description=description)  # type: ignore[call-overload]
    return cls


def _description(cls: type) -> str:
    """The first paragraph of the docstring. Raises TypeError where there is none."""
    text = inspect.cleandoc(vars(cls).get("__doc__") or "")
    if not text or text.startswith(f"{cls.__name__}("):  # what dataclass writes by itself
        raise TypeError(f"{cls.__name__} has no docstring")
    return " ".join(text.split("\n\n")[0].split())


def _define(
    cls: type,
    name: str,
    description: str,
    shown: list[StrawberryField],
    *,
    is_interface: bool = False,
) -> None:
    """Give the class the definition by which Strawberry knows it."""
    for field in shown:
        field.origin = cls
    definitions = [vars(base).get("__strawberry_definition__") for base in cls.__mro__[1:]]
    cls.__strawberry_definition__ = StrawberryObjectDefinition(  # type: ignore[attr-defined]
        name=name,
        is_input=False,
        is_interface=is_interface,
        origin=cls,
        description=description,
        interfaces=[base for base in definitions if base is not None and base.is_interface],
        extend=False,
        directives=(),
        is_type_of=None,
        resolve_type=None,
        fields=shown,
    )


def spoken(attribute: str) -> Callable[..., str | None]:
    """A resolver that says a two-language name in the viewer's language."""

    def say(root: Any, info: Info) -> str | None:
        name: Named | None = getattr(root, attribute)
        return None if name is None else name.say(info.context.locale)

    return say
