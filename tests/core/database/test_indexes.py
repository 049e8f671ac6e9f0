"""Every index that a model declares is in the database, and none is there twice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

import pytest
from tortoise import Tortoise
from tortoise.models import Model

from core.context.app import App
from core.database import connection, fetch_all


@dataclass(frozen=True, slots=True)
class Index:
    """An index of the database; `rule` says which rows it has, None for all."""

    table: str
    name: str
    columns: tuple[str, ...]
    is_unique: bool
    rule: str | None

    def finds(self, columns: Sequence[str]) -> bool:
        """Whether rows are found by values of these columns."""
        is_whole = self.rule in (None, f"({columns[0]} IS NOT NULL)")
        return is_whole and self.columns[: len(columns)] == tuple(columns)


@pytest.fixture
async def indexes(app: App) -> list[Index]:
    """All of the database, by table."""
    rows = await fetch_all(
        connection(),
        """SELECT i.indrelid::regclass::text AS table, i.indexrelid::regclass::text AS name,
                  i.indisunique AS is_unique, pg_get_expr(i.indpred, i.indrelid) AS rule,
                  ARRAY(SELECT trim('"' FROM pg_get_indexdef(i.indexrelid, n, true))
                          FROM generate_series(1, i.indnkeyatts) n) AS columns
             FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
            WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2""",
    )
    return [Index(**(row | {"columns": tuple(row["columns"])})) for row in rows]


async def test_every_declared_index_is_there(indexes: list[Index]) -> None:
    by_table = {table: list(own) for table, own in groupby(indexes, lambda index: index.table)}
    missing = [
        (model.__name__, columns)
        for model in _models()
        for columns, is_unique in _declared(model)
        if not any(
            index.finds(columns) and (index.is_unique or not is_unique)
            for index in by_table[model._meta.db_table]
        )
    ]
    assert missing == []


async def test_no_index_is_there_twice(indexes: list[Index]) -> None:
    twice = [
        (one.name, other.name)
        for _, own in groupby(indexes, lambda index: index.table)
        for one, other in combinations(own, 2)
        if (one.columns, one.rule) == (other.columns, other.rule)
    ]
    assert twice == []


def _models() -> Iterator[type[Model]]:
    for models in (Tortoise.apps or {}).values():
        yield from models.values()


def _declared(model: type[Model]) -> Iterator[tuple[list[str], bool]]:
    """The columns of each index that a model declares, and whether it is a unique one."""
    meta = model._meta
    for name, field in meta.fields_map.items():
        if field.index or field.unique:
            yield [field.source_field or name], field.unique
    for names in (*meta.indexes, *meta.unique_together):
        assert isinstance(names, tuple)
        columns = [meta.fields_map[name].source_field or name for name in names]
        yield columns, names in meta.unique_together
