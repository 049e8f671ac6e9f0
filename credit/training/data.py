"""Training data: read, checked and lined up with its label, weight and time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.intake import Columns, Inputs, States, parse
from credit.engine.presence import Presence
from credit.storage.errors import Fault, InputError
from credit.storage.files import read_whole
from credit.training.specs.spec import Spec

DAYS_A_MONTH = 365.25 / 12

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows of loans with known outcome. `year` is 0 and `day` NaN where the spec has no time."""

    columns: Columns
    ids: NDArray[Any]
    bad: Floats
    weight: Floats
    year: Ints
    day: Floats
    stratum: NDArray[Any]
    answers: Mapping[str, States] = field(default_factory=dict)
    """For each source, what its blanks mean (`credit.engine.intake.Inputs`)."""
    drawn: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    """Where the outcome was inferred, not observed; empty where none was."""

    def __len__(self) -> int:
        return len(self.bad)

    def where(self, mask: NDArray[np.bool_]) -> "Dataset":
        """The rows of a mask, in order."""
        return Dataset(
            {name: values[mask] for name, values in self.columns.items()},
            self.ids[mask],
            self.bad[mask],
            self.weight[mask],
            self.year[mask],
            self.day[mask],
            self.stratum[mask],
            {source: states[mask] for source, states in self.answers.items()},
            self.inferred[mask],
        )

    @property
    def inputs(self) -> Inputs:
        """The rows as an engine would read them."""
        return Inputs(self.columns, self.answers, len(self))

    @property
    def inferred(self) -> NDArray[np.bool_]:
        """Where the outcome was inferred, not observed."""
        return self.drawn if len(self.drawn) else np.zeros(len(self), dtype=bool)

    @property
    def base_rate(self) -> float:
        """Weighted share of bad loans; rows of no weight alone count alike."""
        weight = self.weight if self.weight.any() else np.ones(len(self))
        return float(np.average(self.bad, weights=weight))

    def mature(self, horizon_months: int | None, as_of: float) -> NDArray[np.bool_]:
        """Rows whose outcome is complete on an ordinal day: the whole horizon has passed."""
        if horizon_months is None or np.isnan(self.day).all():
            return np.ones(len(self), dtype=bool)
        return np.asarray(self.day + np.round(horizon_months * DAYS_A_MONTH) <= as_of)


def read(path: Path, spec: Spec, *, today: date | None, extra: Sequence[str] = ()) -> Dataset:
    """Read and check a labelled file. Raises InputError by row and column."""
    wanted = frozenset(column.name for column in spec.training_columns()) | frozenset(extra)
    return build(read_whole(path, wanted), spec, today=today)


def build(raw: Mapping[str, Sequence[Any]], spec: Spec, *, today: date | None) -> Dataset:
    """Line up raw columns as training data.

    A file without the weight or strata columns counts every row once. Raises InputError for no
    rows, an unknown label, or rows of one class only.
    """
    inputs = _typed(raw, spec, today, frozenset())
    bad = _outcomes(inputs.columns[spec.label], spec)
    if not len(bad):
        raise InputError("the file holds no rows")
    if bad.min() == bad.max():
        only = "bad" if bad[0] else "good"
        raise InputError(f"column {spec.label}: every loan is {only}; both outcomes are needed")
    return _lined_up(inputs, bad, spec)


def build_unlabelled(
    raw: Mapping[str, Sequence[Any]], spec: Spec, *, today: date | None
) -> Dataset:
    """Applications whose outcome nobody knows; their `bad` is NaN."""
    inputs = _typed(raw, spec, today, frozenset({spec.label}))
    return _lined_up(inputs, np.full(inputs.rows, np.nan), spec)


def joined(first: Dataset, second: Dataset) -> Dataset:
    """The rows of both, the first's before the second's."""
    shared = [name for name in first.columns if name in second.columns]
    both = {name: np.concatenate([first.columns[name], second.columns[name]]) for name in shared}
    unasked = np.int8(Presence.NOT_ASKED)
    answers = {
        source: np.concatenate(
            [side.answers.get(source, np.full(len(side), unasked)) for side in (first, second)]
        )
        for source in {*first.answers, *second.answers}
    }
    names = ("ids", "bad", "weight", "year", "day", "stratum")
    drawn = np.concatenate([first.inferred, second.inferred])
    rest = {n: np.concatenate([getattr(first, n), getattr(second, n)]) for n in names}
    return Dataset(both, **rest, answers=answers, drawn=drawn)


def _typed(
    raw: Mapping[str, Sequence[Any]], spec: Spec, today: date | None, left_out: frozenset[str]
) -> Inputs:
    spare = (spec.weight, *spec.strata, *spec.spare())
    optional = {name for name in spare if name and name not in raw}
    absent = optional | left_out
    wanted = [column for column in spec.training_columns() if column.name not in absent]
    return parse(raw, wanted, today=today)


def _lined_up(inputs: Inputs, bad: Floats, spec: Spec) -> Dataset:
    columns, rows = inputs.columns, inputs.rows
    if spec.id:
        ids = columns[spec.id]
        _must_differ(ids, spec)
    else:
        ids = np.array([str(i + 1) for i in range(rows)], dtype=object)
    day = columns[spec.date] if spec.date else np.full(rows, np.nan)
    return Dataset(
        columns=columns,
        ids=ids,
        bad=bad,
        weight=_weights(columns, spec, rows),
        year=_years(columns, spec, day),
        day=day,
        stratum=_strata(columns, spec, rows),
        answers=inputs.answers,
    )


def _must_differ(ids: NDArray[Any], spec: Spec) -> None:
    """Raises InputError where two rows have one id: a loan counted twice counts too much."""
    first: dict[Any, int] = {}
    faults = []
    for i, text in enumerate(ids.tolist(), start=1):
        if text is not None and first.setdefault(text, i) != i:
            message = f"{text!r} stands already in row {first[text]}"
            faults.append(Fault(i, spec.id, message))
    if faults:
        raise InputError(faults)


def _weights(columns: Columns, spec: Spec, rows: int) -> Floats:
    weight: Floats = columns.get(spec.weight or "", np.ones(rows))
    if (weight < 0).any():
        raise InputError([Fault(int(np.argmax(weight < 0)) + 1, str(spec.weight), "is below 0")])
    weight = np.where(np.isnan(weight), 1.0, weight)
    if rows and not weight.any():
        raise InputError(f"column {spec.weight}: every weight is 0, so no row counts")
    return weight


def _outcomes(labels: NDArray[Any], spec: Spec) -> Floats:
    bad = np.array([_outcome(label, spec) for label in labels.tolist()], dtype=np.float64)
    faults = [
        Fault(int(i) + 1, spec.label, f"unknown outcome {labels[i]!r}")
        for i in np.flatnonzero(np.isnan(bad))
    ]
    if faults:
        raise InputError(faults)
    return bad


def _outcome(label: str | None, spec: Spec) -> float:
    if label in spec.bad:
        return 1.0
    return 0.0 if label in spec.good else np.nan


def _years(columns: Columns, spec: Spec, day: Floats) -> Ints:
    if spec.year:
        year: Floats = columns[spec.year]
        broken = ~(np.floor(year) == year)
        faults = [
            Fault(int(i) + 1, spec.year, "is required" if np.isnan(year[i]) else "is no whole year")
            for i in np.flatnonzero(broken)
        ]
        if faults:
            raise InputError(faults)
        return year.astype(np.int64)
    if spec.date:
        gaps = [Fault(int(i) + 1, spec.date, "is required") for i in np.flatnonzero(np.isnan(day))]
        if gaps:
            raise InputError(gaps)
        return np.array([date.fromordinal(int(d)).year for d in day], dtype=np.int64)
    return np.zeros(len(day), dtype=np.int64)


def _strata(columns: Columns, spec: Spec, rows: int) -> NDArray[Any]:
    names = [name for name in spec.strata if name in columns]
    if not names:
        return np.full(rows, "", dtype=object)
    keys = zip(*(columns[name].tolist() for name in names), strict=True)
    return np.array(["|".join(str(part) for part in key) for key in keys], dtype=object)
