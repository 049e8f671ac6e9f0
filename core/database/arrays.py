"""Rows that go to the database as arrays, one for each column: one statement has any number."""

from collections.abc import Mapping


def unnest(columns: Mapping[str, str], alias: str, first: int = 1) -> str:
    """What a statement reads such rows from: their columns with their types, as the parameters from
    `$first` on."""
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(columns.values(), first))
    return f"unnest({arrays}) AS {alias} ({', '.join(columns)})"
