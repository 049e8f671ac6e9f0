"""Lists whose members each stand for themselves: what can be read is served, the rest is counted.

Old systems send dates such as 2026-02-30 and amounts such as "1,234.5". One such record must not
take the others with it, and must not vanish: the count goes into the metrics and to the reader.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

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


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A place in a log. `number` is None where it cannot be read, `item` where the rest cannot."""

    number: int | None
    item: T | None


@dataclass(frozen=True, slots=True)
class Log(Generic[T]):
    """The next entries of a log that is read on behind its last number, every one of them: one that
    is passed over is never met again."""

    entries: Sequence[Entry[T]]

    @property
    def unreadable(self) -> int:
        """How many cannot be read."""
        return sum(entry.item is None for entry in self.entries)

    def places(self, after: int) -> Iterable[tuple[int, Entry[T]]]:
        """Each entry with the number behind which the log tells it, where `after` was asked for."""
        for entry in self.entries:
            yield after, entry
            after = after if entry.number is None else entry.number


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


def log_reader(form: type[T], member: str, number: str) -> Callable[[Any], Log[T]]:
    """Reads a JSON list in a member of a JSON object as entries of a log, by a `number` of theirs.

    What is wrong with an entry is said by the entry. Raises KeyError or TypeError without a list.
    """
    whole, place = TypeAdapter(form), TypeAdapter(Annotated[int, Field(gt=0, lt=2**63)])

    def entry_of(record: Any) -> Entry[T]:
        own = record.get(number) if isinstance(record, dict) else None
        known = next(iter(_good([own], place.validate_python)), None)
        if known is None:
            return Entry(None, None)
        return Entry(known, next(iter(_good([record], whole.validate_python)), None))

    def read(value: Any) -> Log[T]:
        if not isinstance(value[member], list):
            raise TypeError("no list of entries")
        return Log([entry_of(one) for one in value[member]])

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
