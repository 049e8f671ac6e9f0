"""What a table declares about the people in it, beside its columns: whose a row is, what of it is
handed out, which columns are sealed, and what an erasure does. `core.people.data_rights` walks
these declarations; what a table cannot say stays a plain function of its wing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from tortoise.models import Model

from core.texts import Text


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column that the vault encrypts, and the purpose bound into its values."""

    column: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Through:
    """Whose a row is follows from another table, whose primary key stands in `column`."""

    column: str
    parent: "PersonalTable"


Value: TypeAlias = str | Callable[[Mapping[str, Any]], Any]
"""An exported value: a column, or a function of the row with its sealed columns opened."""


@dataclass(frozen=True, slots=True)
class Section:
    """A table's part of an export: the exported names and where their values come from."""

    name: str
    values: Mapping[str, Value]


def section(name: str, *columns: str, **values: Value) -> Section:
    """A section with columns under their own names and `values` under other names."""
    return Section(name, {column: column for column in columns} | values)


@dataclass(frozen=True, slots=True)
class Deleted:
    """Rows are deleted, but for those that have a value in the column `unless`."""

    unless: str | None = None


@dataclass(frozen=True, slots=True)
class Cleared:
    """Rows stay without the person: these columns take these values."""

    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """Rows stay by law, and the person is told: until when is counted from their last one.

    `since` is the column of that moment, `until` makes its civil date the last day of the hold.
    """

    what: str
    reason: Text
    since: str
    until: Callable[[date], date]


@dataclass(frozen=True, slots=True)
class Stays:
    """Rows stay, or a function of the wing deals with them; `reason` is for who reads the code."""

    reason: str


DELETED = Deleted()


@dataclass(frozen=True, slots=True)
class PersonalTable:
    """What a table holds about people.

    `owner` is the column of the person's account id; of several columns each makes the row theirs.
    """

    model: type[Model]
    owner: str | Sequence[str] | Through
    erased: Deleted | Cleared | Held | Stays
    exported: Section | None = None
    sealed: Sequence[Sealed] = ()
    merged: bool = True
    """Whether its rows go along when an account is merged into another of the same person; not
    where a row says for good who did something in an office."""
    exclusive: str | None = None
    """The column by which its owner has one such row alone. What a double would lose is not the
    same: a row goes along without it where the other account has its like."""

    @property
    def name(self) -> str:
        """The table's name in the database."""
        return str(self.model._meta.db_table)

    @property
    def key(self) -> str:
        """The primary key's column."""
        return str(self.model._meta.db_pk_column)
