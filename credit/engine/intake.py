"""Raw texts to typed columns: every value is read, ranged and refused by row and column here."""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.schema import Column, Kind
from credit.errors import Fault, InputError

NOT_RECORDED = frozenset({"", "NA", "N/A", "NaN", "nan", "None", "null", "NULL"})

Raw = Mapping[str, Sequence[Any]]
"""Column name → values as they came: texts of a CSV, scalars of Parquet or JSON, None."""


def parse(
    raw: Raw, columns: Sequence[Column], *, first_row: int = 1, today: date | None = None
) -> dict[str, NDArray[Any]]:
    """Typed columns: float64 with NaN, or object arrays of str | None; dates as ordinals.

    Raises InputError listing every fault: missing columns first, then bad values by row.
    """
    absent = [column.name for column in columns if column.name not in raw]
    if absent:
        have = ", ".join(sorted(raw)) or "none"
        raise InputError(f"missing column(s): {', '.join(absent)} (the file has: {have})")
    faults: list[Fault] = []
    out: dict[str, NDArray[Any]] = {}
    for column in columns:
        values = raw[column.name]
        if column.kind is Kind.TEXT:
            out[column.name] = _texts(values, column, first_row, faults)
        elif column.kind is Kind.DATE:
            out[column.name] = _dates(values, column, first_row, faults, today)
        else:
            out[column.name] = _numbers(values, column, first_row, faults)
    if faults:
        raise InputError(sorted(faults, key=lambda fault: (fault.row, fault.column)))
    return out


def _is_blank(value: Any, column: Column) -> bool:
    if value is None:
        return True
    text = value.strip() if isinstance(value, str) else value
    return text in NOT_RECORDED if isinstance(text, str) else _is_nan(text)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _texts(
    values: Sequence[Any], column: Column, first_row: int, faults: list[Fault]
) -> NDArray[Any]:
    out = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        if _is_blank(value, column):
            if column.required:
                faults.append(Fault(first_row + i, column.name, "is required"))
            continue
        text = value.strip() if isinstance(value, str) else _as_text(value)
        out[i] = None if text in column.blank else text
    return out


def _as_text(value: Any) -> str:
    # a table reader that guessed numbers turns code 7 into 7.0
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _numbers(
    values: Sequence[Any], column: Column, first_row: int, faults: list[Fault]
) -> NDArray[np.float64]:
    out = np.full(len(values), np.nan, dtype=np.float64)
    for i, value in enumerate(values):
        if _is_blank(value, column):
            if column.required:
                faults.append(Fault(first_row + i, column.name, "is required"))
            continue
        number = _number(value)
        fault = _range_fault(number, value, column)
        if fault:
            faults.append(Fault(first_row + i, column.name, fault))
        elif str(value).strip() not in column.blank:
            out[i] = number
    return out


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _range_fault(number: float | None, value: Any, column: Column) -> str | None:
    if number is None:
        return f"not a number: {str(value)[:40]!r}"
    if not math.isfinite(number):
        return f"not a finite number: {value}"
    if column.minimum is not None and number < column.minimum:
        return f"{value} is below the least possible, {column.minimum:g}"
    if column.maximum is not None and number > column.maximum:
        return f"{value} is above the greatest possible, {column.maximum:g}"
    return None


def _dates(
    values: Sequence[Any],
    column: Column,
    first_row: int,
    faults: list[Fault],
    today: date | None,
) -> NDArray[np.float64]:
    out = np.full(len(values), np.nan, dtype=np.float64)
    for i, value in enumerate(values):
        if _is_blank(value, column):
            if column.required:
                faults.append(Fault(first_row + i, column.name, "is required"))
            continue
        try:
            on = date.fromisoformat(str(value).strip()[:10])
        except ValueError:
            faults.append(Fault(first_row + i, column.name, f"not a date: {str(value)[:40]!r}"))
            continue
        if today is not None and on > today:
            faults.append(Fault(first_row + i, column.name, f"{on} lies in the future"))
        out[i] = on.toordinal()
    return out
