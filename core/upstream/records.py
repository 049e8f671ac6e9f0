"""Lists whose members each stand for themselves: what can be read is served, the rest is counted.

Old systems send dates such as 2026-02-30 and amounts such as "1,234.5". One such record must not
take the others with it, and must not vanish: the count goes into the metrics and to the reader.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Records(Generic[T]):
    """The records of an answer that could be read, and how many could not."""

    items: Sequence[T]
    unreadable: int = 0

    def convert(self, change: Callable[[T], U]) -> "Records[U]":
        """What `change` makes of each; one for which it raises ValueError cannot be read.

        Raises ValueError where there are records and none can be read.
        """
        made = list(_good(self.items, change))
        return _records(made, self.unreadable + len(self.items) - len(made))


def records_reader(form: type[T], member: str = "") -> Callable[[Any], Records[T]]:
    """Reads a JSON list, or that in a member of a JSON object ("result.records").

    Raises KeyError, TypeError or ValueError where there is no list or nothing in it can be read.
    """
    one, every = TypeAdapter(form), TypeAdapter(list[form])  # type: ignore[valid-type]

    def read(value: Any) -> Records[T]:
        for name in filter(None, member.split(".")):
            value = value[name]
        if not isinstance(value, list):
            raise TypeError("no list of records")
        try:
            return Records(every.validate_python(value))
        except ValidationError:
            good = list(_good(value, one.validate_python))
        return _records(good, len(value) - len(good))

    return read


def each_once(items: Sequence[T], key: Callable[[T], object]) -> Sequence[T]:
    """The items, and of those with the same key the first alone: nothing is shown or added up twice
    because its system tells it twice."""
    first: dict[object, T] = {}
    for item in items:
        first.setdefault(key(item), item)
    return list(first.values())


def _good(items: Iterable[Any], change: Callable[[Any], U]) -> Iterable[U]:
    for item in items:
        try:
            yield change(item)
        except ValueError:  # a ValidationError is one
            continue


def _records(items: Sequence[T], unreadable: int) -> Records[T]:
    if unreadable and not items:
        raise ValueError("no record can be read")
    return Records(items, unreadable)
