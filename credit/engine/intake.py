"""Raw texts to typed columns: every value is read, ranged and refused by row and column here.

Silence is read too: a blank is kept apart by why it is blank (`credit.engine.presence`).
"""

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import repeat
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.presence import STATUSES, WITHHELD, Presence, status_field
from credit.engine.schema import Column, Kind
from credit.storage.errors import Fault, InputError

NOT_RECORDED = frozenset({"", "NA", "N/A", "NaN", "nan", "None", "null", "NULL"})

GREATEST = float(np.finfo(np.float32).max)
"""Models compare in single precision; a number beyond it is a mistake."""

Raw = Mapping[str, Sequence[Any]]
"""Column name → values as they came: texts of a CSV, scalars of Parquet or JSON, None."""

Columns = Mapping[str, NDArray[Any]]
"""Column name → float64 array (numbers, dates as ordinals), or object array of str or None."""

# enumerations are slow to look into, and these are looked at for every input of every decision
_BLANK, _KNOWN, _NONE = int(Presence.BLANK), int(Presence.KNOWN), int(Presence.NONE)
_NOT_ASKED, _WITHHELD = int(Presence.NOT_ASKED), int(WITHHELD)

_STATE_OF = {text: int(presence) for text, presence in STATUSES.items()}

States = NDArray[np.int8]
"""`Presence` of each row."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Typed columns of some rows, and for each source what its blanks mean.

    A source of which nothing is said is not in `answers`: its blanks were not asked for.
    """

    columns: Columns
    answers: Mapping[str, States]
    rows: int

    def presence(self, column: Column) -> States:
        """Whether each row's value is known, and why not."""
        values = self.columns[column.name]
        if values.dtype == np.float64:
            missing = np.isnan(values)
        else:
            missing = np.fromiter(map(is_, values.tolist(), repeat(None)), bool, self.rows)
        if not column.source:
            why: Any = _BLANK
        else:
            why = self.answers.get(column.source, np.int8(_NOT_ASKED))
        return np.where(missing, why, np.int8(_KNOWN)).astype(np.int8)


def parse(
    raw: Raw, columns: Sequence[Column], *, first_row: int = 1, today: date | None = None
) -> Inputs:
    """Typed columns with what is known of their blanks.

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
    answers = _answers(raw, columns, out, first_row, faults)
    if faults:
        raise InputError(sorted(faults, key=lambda fault: (fault.row, fault.column)))
    return Inputs(out, answers, len(next(iter(out.values()))) if out else 0)


def _answers(
    raw: Raw,
    columns: Sequence[Column],
    typed: dict[str, NDArray[Any]],
    first_row: int,
    faults: list[Fault],
) -> dict[str, States]:
    """What each source's blanks mean; a value that a source cannot have given is a fault."""
    answers: dict[str, States] = {}
    for source in sorted({column.source for column in columns} - {""}):
        field = status_field(source)
        if field not in raw:
            continue
        states, said = _statuses(raw[field], field, first_row, faults)
        answers[source] = states
        for column in columns:
            if column.source == source:
                _settle(column, typed, states, said, first_row, faults)
    return answers


def _statuses(
    values: Sequence[Any], field: str, first_row: int, faults: list[Fault]
) -> tuple[States, NDArray[np.bool_]]:
    """(what a blank means in each row, where a status was given at all)."""
    states = np.full(len(values), Presence.NOT_ASKED, dtype=np.int8)
    said = np.zeros(len(values), dtype=bool)
    if set(map(type, values)) == {str} and set(values) <= _STATE_OF.keys():
        plain = np.fromiter(map(_STATE_OF.__getitem__, values), np.int8, len(values))
        return plain, np.ones(len(values), dtype=bool)
    for i, value in enumerate(values):
        if value is None or value == "" or _is_nan(value):
            continue
        state = STATUSES.get(str(value).strip())
        if state is None:
            known = ", ".join(STATUSES)
            faults.append(Fault(first_row + i, field, f"{str(value)[:40]!r} is none of: {known}"))
            continue
        states[i], said[i] = state, True
    return states, said


def _settle(
    column: Column,
    typed: dict[str, NDArray[Any]],
    states: States,
    said: NDArray[np.bool_],
    first_row: int,
    faults: list[Fault],
) -> None:
    """Fill in what "none" stands for; refuse a value of a source that gave none."""
    silent = said & ((states >= _WITHHELD) | (states == _NONE))
    if not silent.any():
        return
    values = typed[column.name]
    if values.dtype == np.float64:
        given = ~np.isnan(values)
    else:
        given = np.array([value is not None for value in values.tolist()], dtype=bool)
    zero = column.none if column.none is not None else math.nan
    for i in np.flatnonzero(given & silent).tolist():
        # the number that "none" stands for contradicts nothing
        if states[i] == Presence.NONE and values[i] == zero:
            continue
        status = next(text for text, state in STATUSES.items() if state == states[i])
        message = f"has a value, but its source {column.source} is said to be: {status}"
        faults.append(Fault(first_row + i, column.name, message))
    if column.none is not None:
        values[said & (states == Presence.NONE) & ~given] = column.none


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _is_blank(value: Any, column: Column) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        text = value.strip()
        return (text in NOT_RECORDED and text not in column.kept) or text in column.blank
    return _is_nan(value)


def _texts(
    values: Sequence[Any], column: Column, first_row: int, faults: list[Fault]
) -> NDArray[Any]:
    out = np.empty(len(values), dtype=object)
    if _is_plain(values, column):
        out[:] = values
        return out
    known: dict[str, str] = {}
    for i, value in enumerate(values):
        if type(value) is str and value in known:
            out[i] = known[value]
            continue
        text = None
        if not _is_blank(value, column):
            text = value.strip() if isinstance(value, str) else _as_text(value)
            text = None if text in column.blank else text
        if text is None:
            if column.required:
                faults.append(Fault(first_row + i, column.name, "is required"))
            continue
        if not text.isprintable() and any(unicodedata.category(c) == "Cc" for c in text):
            faults.append(Fault(first_row + i, column.name, "holds a control character"))
            continue
        out[i] = text
        if type(value) is str:
            known[value] = text
    return out


def _is_plain(values: Sequence[Any], column: Column) -> bool:
    """Whether every value is a text that stands as it is: none blank, padded or unprintable."""
    if set(map(type, values)) != {str}:
        return False
    distinct = set(values)
    joined = "".join(distinct)
    is_whole = joined.isprintable() and " " not in joined and "\u3000" not in joined
    return is_whole and distinct.isdisjoint(NOT_RECORDED | set(column.blank))


def _as_text(value: Any) -> str:
    # a table reader that guessed numbers turns code 7 into 7.0
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _numbers(
    values: Sequence[Any], column: Column, first_row: int, faults: list[Fault]
) -> NDArray[np.float64]:
    quick = _quick_numbers(values, column)
    if quick is not None:
        return quick
    blanks = {_number(text, column.marks) for text in column.blank} - {None}
    out = np.full(len(values), np.nan, dtype=np.float64)
    for i, value in enumerate(values):
        is_blank = _is_blank(value, column)
        number = None if is_blank else _number(value, column.marks)
        if is_blank or (number is not None and number in blanks):
            if column.required:
                faults.append(Fault(first_row + i, column.name, "is required"))
            continue
        fault = _range_fault(number, value, column)
        if fault:
            faults.append(Fault(first_row + i, column.name, fault))
        else:
            assert number is not None
            out[i] = number
    return out


def _quick_numbers(values: Sequence[Any], column: Column) -> NDArray[np.float64] | None:
    """The numbers of a column without a blemish, many times faster; None where it has one.

    Whatever is not plainly a number or empty is left to the careful reading, which says why.
    """
    if column.blank or column.marks != ("", "."):
        return None
    types = set(map(type, values))
    joined = "".join(values if types == {str} else [v for v in values if type(v) is str])
    if "_" in joined or not joined.isascii() or bool in types:
        return None
    empty = values.count("") + values.count(None)
    try:
        if types <= {str, type(None)}:
            given: Iterable[Any] = [v or "nan" for v in values] if empty else values
        else:
            given = [math.nan if v is None or v == "" else v for v in values]
            empty += sum(v != v for v in values)
        out = np.fromiter(map(float, given), np.float64, len(values))
    except (TypeError, ValueError):
        return None
    missing = np.isnan(out)
    low = -GREATEST if column.minimum is None else column.minimum
    high = GREATEST if column.maximum is None else column.maximum
    fine = missing | ((out >= max(low, -GREATEST)) & (out <= min(high, GREATEST)))
    sound = fine.all() and int(missing.sum()) == empty and not (column.required and empty)
    return out if sound else None


def _number(value: Any, marks: tuple[str, str]) -> float | None:
    if isinstance(value, bool | np.bool_):
        return None
    if marks != ("", ".") and isinstance(value, str):
        value = _unmarked(value.strip(), marks)
    # Python reads 1_2 as 12 and digits of other scripts as ours; a file that has them is broken
    if isinstance(value, str) and ("_" in value or not value.isascii()):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _unmarked(text: str, marks: tuple[str, str]) -> str:
    """A number in our own spelling; as it was where its thousands are not in threes."""
    thousands, decimal = marks
    whole, _, rest = text.partition(decimal)
    if thousands and thousands in whole:
        groups = whole.lstrip("+-").split(thousands)
        if not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:]):
            return text
        whole = whole.replace(thousands, "")
    return f"{whole}.{rest}" if rest else whole


def _range_fault(number: float | None, value: Any, column: Column) -> str | None:
    if number is None:
        return f"not a number: {str(value)[:40]!r}"
    if not math.isfinite(number):
        return f"not a finite number: {value}"
    if abs(number) > GREATEST:
        return f"{value} is too large for any amount"
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
    quick = _quick_dates(values, column, today)
    if quick is not None:
        return quick
    out = np.full(len(values), np.nan, dtype=np.float64)
    known: dict[Any, date] = {}
    for i, value in enumerate(values):
        if _is_blank(value, column):
            if column.required:
                faults.append(Fault(first_row + i, column.name, "is required"))
            continue
        try:
            on = known.get(value) or _date(value, column.date_form)
        except ValueError:
            faults.append(Fault(first_row + i, column.name, f"not a date: {str(value)[:40]!r}"))
            continue
        if today is not None and on > today:
            faults.append(Fault(first_row + i, column.name, f"{on} lies in the future"))
        known[value] = on
        out[i] = on.toordinal()
    return out


def _quick_dates(
    values: Sequence[Any], column: Column, today: date | None
) -> NDArray[np.float64] | None:
    """The days of a column of sound texts, each text read once; None where one is not sound."""
    if set(map(type, values)) != {str}:
        return None
    days: dict[str, float] = {}
    for text in set(values):
        try:
            on = None if _is_blank(text, column) else _date(text, column.date_form)
        except ValueError:
            return None
        if (on is None and column.required) or (on and today is not None and on > today):
            return None
        days[text] = math.nan if on is None else float(on.toordinal())
    return np.fromiter(map(days.__getitem__, values), np.float64, len(values))


def _date(value: Any, form: str) -> date:
    """Raises ValueError unless the whole of it is a date, or a date and time of day."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value).strip()
    if form:
        return datetime.strptime(text, form).date()  # noqa: DTZ007 - a civil date has no zone
    if not text.isascii() or text[4:5] != "-":
        raise ValueError(text)
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text).date()
