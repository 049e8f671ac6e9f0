"""The additive model: log-odds as a sum of tables over one or two binned features each.

Because a tree whose every path uses at most two features is a sum of such tables, boosted trees
and scorecards take the same form. The Shapley value of a two-feature table is itself a table, so
exact contributions cost look-ups instead of a walk over trees (Lundberg & Lee 2017 for the value;
the background is the training data's own bin frequencies).

Sums run in a fixed order, so one row and a million rows give the same bits.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

NEUTRAL = -math.inf
"""In a matrix: a value that was withheld from us. It moves nothing: its contribution is zero."""

LEAST_MISSING_ROWS = 20
"""Training rows without a value from which a gap's own evidence may be learned."""

CHUNK = 2048
"""Rows scored at once: the working set of a chunk stays in the processor's cache."""


@dataclass(frozen=True)
class Table:
    """A function of one feature (values 1-D) or of two (2-D), indexed by bin.

    The last bin of each axis stands for "missing". At work each axis gets one bin more, for
    `NEUTRAL`: the mean over the training data, so that what is not known speaks for nothing.
    """

    features: tuple[int, ...]
    values: Floats


@dataclass(frozen=True, eq=False)
class AdditiveModel:
    """Bins, tables and calibration of one fitted model.

    `edges[j]` are ascending float32 thresholds: a value falls in the bin numbered by how many of
    them it reaches. `background[j]` are training frequencies of feature j's bins.
    """

    edges: tuple[NDArray[np.float32], ...]
    tables: tuple[Table, ...]
    background: tuple[Floats, ...]
    slope: float
    intercept: float

    def bins(self, matrix: Floats) -> Ints:
        """Bin numbers, shape (features, rows), of a matrix of shape (rows, features)."""
        out = np.empty((len(self.edges), len(matrix)), dtype=np.intp)
        values = matrix.T.astype(np.float32)
        for j, edges in enumerate(self.edges):
            np.copyto(out[j], edges.searchsorted(values[j], side="right"))
            out[j][np.isnan(values[j])] = len(edges) + 1
            out[j][np.isneginf(values[j])] = len(edges) + 2
        return out

    def log_odds(self, matrix: Floats) -> Floats:
        """Log-odds of default of each row."""
        out = np.empty(len(matrix), dtype=np.float64)
        for start in range(0, len(matrix), CHUNK):
            rows = slice(start, start + CHUNK)
            out[rows] = self._chunk_log_odds(self.bins(matrix[rows]))
        return out

    def default_probs(self, matrix: Floats) -> Floats:
        """Probability of default of each row."""
        return probability(self.log_odds(matrix))

    def contributions(self, matrix: Floats) -> tuple[Floats, Floats]:
        """(log-odds, contributions of shape (rows, features)); `base` + row sum = log-odds."""
        log_odds = np.empty(len(matrix), dtype=np.float64)
        parts = np.empty((len(matrix), len(self.edges)), dtype=np.float64)
        for start in range(0, len(matrix), CHUNK):
            rows = slice(start, start + CHUNK)
            bins = self.bins(matrix[rows])
            log_odds[rows] = self._chunk_log_odds(bins)
            parts[rows] = self._chunk_contributions(bins).T
        return log_odds, parts

    def explain_one(self, row: Floats) -> tuple[float, Floats]:
        """`contributions` of a single row, without a loop over tables; the same bits."""
        bins = self.bins(row.reshape(1, -1))[:, 0]
        flat = self._flat
        at = flat.offset + bins[flat.first] * flat.stride + bins[flat.second]
        # cumsum and bincount add strictly in order, as the loops over tables do
        total = np.cumsum(flat.values[at])[-1]
        shares: Floats = np.bincount(
            flat.owners,
            np.concatenate((flat.first_share[at], flat.second_share[at])),
            len(self.edges),
        ).astype(np.float64)
        shares *= self.slope
        return float(self.intercept + self.slope * total), shares

    @cached_property
    def base(self) -> float:
        """Log-odds of the training data's average applicant: what contributions start from."""
        return float(self.intercept + self.slope * sum(split.mean for split in self._splits))

    def _chunk_log_odds(self, bins: Ints) -> Floats:
        total = np.zeros(bins.shape[1], dtype=np.float64)
        for table, split in zip(self._tables, self._splits, strict=True):
            total += split.values.take(_index(table, bins))
        return self.intercept + self.slope * total

    def _chunk_contributions(self, bins: Ints) -> Floats:
        out = np.zeros((len(self.edges), bins.shape[1]), dtype=np.float64)
        places = [_index(table, bins) for table in self._tables]
        for table, split, at in zip(self._tables, self._splits, places, strict=True):
            out[table.features[0]] += split.first.take(at)
        for table, split, at in zip(self._tables, self._splits, places, strict=True):
            if len(table.features) == 2:
                out[table.features[1]] += split.second.take(at)
        return self.slope * out

    @cached_property
    def _tables(self) -> tuple[Table, ...]:
        return tuple(_with_neutral(table, self.background) for table in self.tables)

    @cached_property
    def _splits(self) -> tuple["_Split", ...]:
        shares = [np.append(share, 0.0) for share in self.background]
        return tuple(_shapley(table, shares) for table in self._tables)

    @cached_property
    def _flat(self) -> "_Flat":
        return _flatten(self._tables, self._splits)


@dataclass(frozen=True, eq=False)
class _Split:
    values: Floats
    first: Floats
    second: Floats
    mean: float


@dataclass(frozen=True, eq=False)
class _Flat:
    values: Floats
    first_share: Floats
    second_share: Floats
    offset: Ints
    stride: Ints
    first: Ints
    second: Ints
    owners: Ints


def probability(log_odds: Floats) -> Floats:
    """Logistic function, safe at both ends."""
    return 1.0 / (1.0 + np.exp(-np.clip(log_odds, -700, 700)))


def silence_gaps(model: AdditiveModel, missing_rows: Sequence[int]) -> AdditiveModel:
    """The model with no evidence in a gap that training hardly met: there it says the mean.

    Trees send a value that they never saw missing somewhere all the same; that is no finding.
    """
    tables = []
    for table in model.tables:
        values = table.values.copy()
        for axis, feature in enumerate(table.features):
            if missing_rows[feature] < LEAST_MISSING_ROWS:
                mean = np.tensordot(values, model.background[feature], axes=(axis, 0))
                np.moveaxis(values, axis, 0)[-1] = mean
        tables.append(Table(table.features, values))
    return replace(model, tables=tuple(tables))


def model_to_plain(model: AdditiveModel) -> dict[str, Any]:
    """The model as JSON-ready data; floats survive the round trip exactly."""
    return {
        "edges": [edges.astype(float).tolist() for edges in model.edges],
        "tables": [
            {"features": list(table.features), "values": table.values.tolist()}
            for table in model.tables
        ],
        "background": [share.tolist() for share in model.background],
        "slope": model.slope,
        "intercept": model.intercept,
    }


def model_from(data: Mapping[str, Any]) -> AdditiveModel:
    """Rebuild a model from an artefact."""
    return AdditiveModel(
        edges=tuple(np.array(edges, dtype=np.float32) for edges in data["edges"]),
        tables=tuple(
            Table(tuple(table["features"]), np.array(table["values"], dtype=np.float64))
            for table in data["tables"]
        ),
        background=tuple(np.array(share, dtype=np.float64) for share in data["background"]),
        slope=float(data["slope"]),
        intercept=float(data["intercept"]),
    )


def _index(table: Table, bins: Ints) -> Ints:
    at: Ints = bins[table.features[0]]
    if len(table.features) == 2:
        at = at * table.values.shape[1] + bins[table.features[1]]
    return at


def _with_neutral(table: Table, background: Sequence[Floats]) -> Table:
    """The table with one more bin on each axis, the mean over the axis's background."""
    values = table.values
    for axis, feature in enumerate(table.features):
        mean = np.tensordot(values, background[feature], axes=(axis, 0))
        values = np.concatenate([values, np.expand_dims(mean, axis)], axis=axis)
        # the next axis averages over this one's neutral bin too
    return Table(table.features, values)


def _shapley(table: Table, background: Sequence[Floats]) -> _Split:
    """Both features' Shapley values in every cell, each feature averaged over its own marginal."""
    values = table.values
    if values.ndim == 1:
        mean = float(background[table.features[0]] @ values)
        return _Split(values, values - mean, np.zeros_like(values), mean)
    a, b = (background[j] for j in table.features)
    given_a = (values @ b)[:, None]
    given_b = (a @ values)[None, :]
    mean = float(a @ values @ b)
    first = 0.5 * ((given_a - mean) + (values - given_b))
    second = 0.5 * ((given_b - mean) + (values - given_a))
    return _Split(values.ravel(), first.ravel(), second.ravel(), mean)


def _flatten(tables: Sequence[Table], splits: Sequence[_Split]) -> _Flat:
    sizes = [table.values.size for table in tables]
    pairs = [len(table.features) == 2 for table in tables]
    first = np.array([table.features[0] for table in tables], dtype=np.intp)
    last = np.array([table.features[-1] for table in tables], dtype=np.intp)
    # a one-feature table is indexed by `second` alone, and its zero share goes to its own feature
    stride = [t.values.shape[1] if p else 0 for t, p in zip(tables, pairs, strict=True)]
    return _Flat(
        values=np.concatenate([split.values for split in splits]),
        first_share=np.concatenate([split.first for split in splits]),
        second_share=np.concatenate([split.second for split in splits]),
        offset=np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.intp),
        stride=np.array(stride, dtype=np.intp),
        first=first,
        second=last,
        owners=np.concatenate((first, last)),
    )
