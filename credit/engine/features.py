"""From columns to the model's numbers: the same code trains and decides, so the two cannot differ.

Forms of a derivation:
  number   one column, optionally its logarithm (not below `floor`)
  ratio    first column ÷ second
  equals   1 where the ratio of two columns is the one coded, else 0
  codes    a text turned into a number by a fixed code table; anything else is missing
  differs  1 where two texts differ, 0 where they agree
  effect   the learned log-odds effect of a category, from the finest level known to it; 0 for a
           category that nothing was learned of
  profile  what is usual for a category (its mean or median of `of`, or the logarithm of one more
           than its count); with `relative`, the application's own value less what is usual
Missing is NaN throughout.
"""

import operator
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from credit.engine.intake import GREATEST, Columns, Inputs, States
from credit.engine.presence import WITHHELD, Presence
from credit.engine.schema import Column, Derivation, Feature, Part

Lookup = Sequence[Mapping[str, float]]
"""What an effect or a profile learned: one map of category key → value per level."""

Floats = NDArray[np.float64]


def derive(
    features: Sequence[Feature], lookups: Mapping[str, Lookup], columns: Columns, rows: int
) -> Floats:
    """The model matrix, shape (rows, features), NaN where missing."""
    out = np.empty((rows, len(features)), dtype=np.float64)
    for j, feature in enumerate(features):
        out[:, j] = evaluate(feature.derivation, columns, lookups.get(feature.name, ()))
    # a quotient of amounts may leave single precision, in which models compare
    return np.clip(out, -GREATEST, GREATEST)


def evaluate(derivation: Derivation, columns: Columns, lookup: Lookup = ()) -> Floats:
    """One derived number for every row."""
    form = derivation.form
    if form == "number":
        return _scaled(columns[derivation.columns[0]], derivation)
    if form == "ratio":
        return _scaled(_ratio(columns, derivation), derivation)
    if form == "equals":
        ratio = np.round(_ratio(columns, derivation), 3)
        target = derivation.codes[0][1]
        return np.where(np.isnan(ratio), np.nan, np.where(ratio == target, 1.0, 0.0))
    if form == "codes":
        return _mapped(columns[derivation.columns[0]].tolist(), dict(derivation.codes))
    if form == "differs":
        return _differs(columns, derivation)
    if form == "effect":
        return _finest(derivation, columns, lookup)
    if form == "profile":
        keys = category_keys(derivation.levels[0], columns)
        usual = _mapped(keys, lookup[0])
        if derivation.statistic == "count":
            # a category that training never met has a count, and it is none
            usual[[key is not None and key not in lookup[0] for key in keys]] = 0.0
        if not derivation.relative or derivation.of is None:
            return usual
        return evaluate(derivation.of, columns) - usual
    raise ValueError(f"unknown derivation: {form}")


def category_keys(level: tuple[Part, ...], columns: Columns) -> list[str | None]:
    """The category of each row at one level; None where any part is missing."""
    texts = [_part(columns, part) for part in level]
    if len(texts) == 1:
        return texts[0]
    return [None if None in row else "|".join(row) for row in zip(*texts, strict=True)]


# enumerations are slow to look into, and this runs for every input of every decision
_BLANK, _KNOWN, _UNSEEN = int(Presence.BLANK), int(Presence.KNOWN), int(Presence.UNSEEN)
_WITHHELD = int(WITHHELD)
_IS_NAMED = partial(operator.is_not, None)
"""Whether a category's key is there."""


def presences(
    features: Sequence[Feature],
    lookups: Mapping[str, Lookup],
    inputs: Inputs,
    columns: Mapping[str, Column],
    matrix: Floats,
) -> States:
    """Whether each derived number is known and why not, shape (rows, features)."""
    out = np.zeros(matrix.shape, dtype=np.int8)
    seen = {name: inputs.presence(column) for name, column in columns.items()}
    for j, feature in enumerate(features):
        derivation = feature.derivation
        # a ratio without a denominator is on no record although both its columns are
        why = np.full(len(matrix), _BLANK, dtype=np.int8)
        for name in feature.sources:
            why = np.maximum(why, seen[name])
        missing = np.isnan(matrix[:, j])
        strange = _strange(derivation, lookups.get(feature.name, ()), inputs.columns)
        # what is withheld is withheld, whatever the rest of the key would say
        unseen = strange & (why < _WITHHELD)
        out[:, j] = np.where(missing, why, _KNOWN)
        out[unseen, j] = _UNSEEN
    return out


def _strange(derivation: Derivation, lookup: Lookup, columns: Columns) -> NDArray[np.bool_]:
    """Rows whose category is given and was never met in training, at any level."""
    rows = len(next(iter(columns.values()))) if columns else 0
    if derivation.form == "codes":
        known_texts = {text for text, _ in derivation.codes} | {None}
        values = columns[derivation.columns[0]].tolist()
        return ~np.fromiter(map(known_texts.__contains__, values), bool, rows)
    if derivation.form not in ("effect", "profile"):
        return np.zeros(rows, dtype=bool)
    named, known = np.zeros(rows, dtype=bool), np.zeros(rows, dtype=bool)
    for level, effects in zip(derivation.levels, lookup, strict=False):
        keys = category_keys(level, columns)
        named |= np.fromiter(map(_IS_NAMED, keys), bool, rows)
        known |= np.fromiter(map(effects.__contains__, keys), bool, rows)
    return named & ~known


def _part(columns: Columns, part: Part) -> list[str | None]:
    values: list[str | None] = columns[part.column].tolist()
    if not part.prefix:
        return values
    return [value if value is None else value[: part.prefix] for value in values]


def _finest(derivation: Derivation, columns: Columns, lookup: Lookup) -> Floats:
    out = np.full(len(next(iter(columns.values()))), np.nan, dtype=np.float64)
    for level, known in zip(derivation.levels, lookup, strict=True):
        keys = category_keys(level, columns)
        effect = _mapped(keys, known)
        named = np.fromiter(map(_IS_NAMED, keys), bool, len(keys))
        out = np.where(np.isnan(effect), np.where(named & np.isnan(out), 0.0, out), effect)
    return out


def _mapped(keys: Sequence[str | None], known: Mapping[str, float]) -> Floats:
    get, nan = known.get, np.nan
    return np.fromiter((get(key, nan) for key in keys), np.float64, len(keys))  # type: ignore[arg-type]


def _ratio(columns: Columns, derivation: Derivation) -> Floats:
    top, bottom = (columns[name] for name in derivation.columns)
    safe = np.where(bottom > 0, bottom, np.nan)
    ratio: Floats = top / safe
    return ratio


def _scaled(values: Floats, derivation: Derivation) -> Floats:
    if not derivation.log:
        return values
    logged: Floats = np.log(np.maximum(values, derivation.floor))
    return logged


def _differs(columns: Columns, derivation: Derivation) -> Floats:
    left, right = (columns[name].tolist() for name in derivation.columns)
    return np.array(
        [
            np.nan if a is None or b is None else float(a != b)
            for a, b in zip(left, right, strict=True)
        ],
        dtype=np.float64,
    )
