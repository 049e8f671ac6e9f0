"""Rows as the ORM's instances, for queries that are written out.

For those that run with every payment and every step of a case: the ORM takes longer to build an
instance than PostgreSQL to answer.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.fields import DateField, DatetimeField, UUIDField
from tortoise.models import Model

from core.database.pool import fetch_all, fetch_one

M = TypeVar("M", bound=Model)


async def fetch_model(
    db: BaseDBAsyncClient, model: type[M], tail: str, *values: object
) -> M | None:
    """A row of a model's table as its instance, or None; `tail` is the query after the table."""
    row = await fetch_one(db, f"SELECT * FROM {model._meta.db_table} {tail}", *values)  # noqa: S608
    return None if row is None else read_model(model, row)


def read_model(model: type[M], row: Mapping[str, Any], prefix: str = "") -> M:
    """The instance that a row holds, of one or several tables; its columns there begin with
    `prefix`. A test holds that the ORM makes the same.
    """
    columns, parsed, others = _form_of(model)
    instance = model.__new__(model)
    values = vars(instance)
    values.update(others, _await_when_save={})
    values.update({name: row[prefix + name] for name in columns})
    for name, parse in parsed:
        values[name] = parse(values[name])
    return instance


_AS_DRIVEN = (UUIDField, DatetimeField, DateField)
"""Fields whose values the driver gives as they are to be; the ORM looks at each all the same."""


@cache
def _form_of(
    model: type[Model],
) -> tuple[Sequence[str], Sequence[tuple[str, Callable[[Any], Any]]], Mapping[str, Any]]:
    """The columns of a model, how those are read that the driver leaves raw, and what an instance
    has besides. The ORM keeps `_init_from_db` private; a test holds that shape."""
    meta = model._meta
    columns = tuple(meta.fields_db_projection)
    raw = (*meta.db_default_fields, *meta.db_complex_fields)
    parsed = [(name, f.to_python_value) for _, name, f in raw if not isinstance(f, _AS_DRIVEN)]
    blank = vars(model._init_from_db(**dict.fromkeys(columns)))
    return columns, parsed, {name: blank[name] for name in blank.keys() - set(columns)}


async def fetch_models(
    db: BaseDBAsyncClient, model: type[M], tail: str, *values: object
) -> list[M]:
    """The rows of a model's table as its instances; `tail` is the query after the table."""
    rows = await fetch_all(db, f"SELECT * FROM {model._meta.db_table} {tail}", *values)  # noqa: S608
    return [read_model(model, row) for row in rows]


async def update_model(db: BaseDBAsyncClient, model: type[M], tail: str, *values: object) -> M:
    """Change the one row that `tail`, what follows SET, is about; returns it as its instance."""
    table = model._meta.db_table
    (row,) = await fetch_all(db, f"UPDATE {table} SET {tail} RETURNING *", *values)  # noqa: S608
    return read_model(model, row)
