"""The models to beat, fitted in the same run on the same rows: one-hot logistic regression and
xgboost with its library's defaults; and the leaky twin, which shows what cheating would have read.
"""

from dataclasses import dataclass

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from credit.engine.features import Floats
from credit.engine.schema import USABLE, Column, Kind
from credit.training.data import Dataset
from credit.training.specs.spec import Spec

MOST_CATEGORIES = 200
"""A text with more values than this enters a plain model by its first two characters (industry
and postal codes are made for that), or not at all if those are too many still."""

Texts = dict[str, int]
"""Text columns taken, with how many characters of each; 0 for all."""


@dataclass(frozen=True, eq=False)
class Plain:
    """Columns as any data scientist would first take them: numbers as they are, texts as codes."""

    numbers: Floats
    texts: NDArray[np.object_]


def plain_inputs(spec: Spec, data: Dataset, texts: Texts) -> Plain:
    """Every application-time column of the file, whether our features use it or not."""
    numbers = [data.columns[c.name] for c in _usable(spec, data) if c.kind is Kind.NUMBER]
    columns = [
        np.array(
            [
                "?" if text is None else text[: length or None]
                for text in data.columns[name].tolist()
            ],
            dtype=object,
        )
        for name, length in texts.items()
    ]
    rows = len(data)
    return Plain(
        np.column_stack(numbers) if numbers else np.empty((rows, 0)),
        np.column_stack(columns) if columns else np.empty((rows, 0), dtype=object),
    )


def text_columns(spec: Spec, train: Dataset) -> Texts:
    """Application-time texts with few enough values, whole or shortened, to be encoded."""
    taken: Texts = {}
    for column in _usable(spec, train):
        if column.kind is not Kind.TEXT:
            continue
        values = {text for text in train.columns[column.name].tolist() if text is not None}
        for length in (0, 2):
            if len({text[: length or None] for text in values}) <= MOST_CATEGORIES:
                taken[column.name] = length
                break
    return taken


def _usable(spec: Spec, data: Dataset) -> list[Column]:
    return [c for c in spec.columns if c.known in USABLE and c.name in data.columns]


def logistic_probs(spec: Spec, train: Dataset, test: Dataset) -> Floats:
    """Default probabilities of a one-hot logistic regression with standardised numbers."""
    texts = text_columns(spec, train)
    known, unseen = plain_inputs(spec, train, texts), plain_inputs(spec, test, texts)
    scaler = StandardScaler().fit(_filled(known.numbers))
    parts = [
        [sparse.csr_matrix(scaler.transform(_filled(side.numbers)))] for side in (known, unseen)
    ]
    if texts:
        encoder = OneHotEncoder(handle_unknown="ignore").fit(known.texts)
        for part, side in zip(parts, (known, unseen), strict=True):
            part.append(encoder.transform(side.texts))
    design, later = (sparse.hstack(part).tocsr() for part in parts)
    weight = train.weight * len(train) / train.weight.sum()
    model = LogisticRegression(max_iter=2000).fit(design, train.bad, sample_weight=weight)
    return np.asarray(model.predict_proba(later)[:, 1], dtype=np.float64)


def xgboost_probs(spec: Spec, train: Dataset, test: Dataset) -> Floats:
    """Default probabilities of xgboost as it comes, texts as category codes."""
    texts = text_columns(spec, train)
    known, unseen = plain_inputs(spec, train, texts), plain_inputs(spec, test, texts)
    return _default_xgboost(_coded(known, known), _coded(known, unseen), train)


def leaky_probs(spec: Spec, train: Dataset, test: Dataset, leaks: tuple[Floats, Floats]) -> Floats:
    """The same xgboost, given also the columns that nobody can know at application."""
    texts = text_columns(spec, train)
    known, unseen = plain_inputs(spec, train, texts), plain_inputs(spec, test, texts)
    before = np.column_stack([_coded(known, known), leaks[0]])
    after = np.column_stack([_coded(known, unseen), leaks[1]])
    return _default_xgboost(before, after, train)


def _default_xgboost(known: Floats, unseen: Floats, train: Dataset) -> Floats:
    weight = train.weight * len(train) / train.weight.sum()
    model = xgb.XGBClassifier(n_jobs=1).fit(known, train.bad, sample_weight=weight)
    return np.asarray(model.predict_proba(unseen)[:, 1], dtype=np.float64)


def _coded(known: Plain, side: Plain) -> Floats:
    columns = [side.numbers]
    for j in range(side.texts.shape[1]):
        codes = {text: i for i, text in enumerate(sorted(set(known.texts[:, j])))}
        columns.append(np.array([[codes.get(t, np.nan)] for t in side.texts[:, j]], dtype=float))
    return np.column_stack(columns)


def _filled(numbers: Floats) -> Floats:
    return np.where(np.isnan(numbers), 0.0, numbers)
