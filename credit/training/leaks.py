"""The second leak guard: no single input may know the outcome.

Declarations can be wrong, so the data are asked too. An input that alone ranks loans better than
anything honest could is refused: a number by its value, by whether it is recorded, by whether it
is a whole number of years (a loan's final term is the classic case: those that ended early are
not); a text by what its values did in other loans. The claim must hold beyond chance, so that a
handful of bad loans accuses nobody.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.features import Floats, derive
from credit.engine.stability import effective_rows
from credit.training.data import Dataset
from credit.training.encode import FOLDS, category_effects, vintage_log_odds
from credit.training.metrics import auc
from credit.training.specs.spec import LeakError, Spec

VALUE_SUSPECT, FORM_SUSPECT = 0.85, 0.80
"""Above these a value, or the mere form of one, is suspected. Honest scores of small firms reach
0.8 with everything together; the single best input of the simulated city reaches 0.80."""

CERTAINTY = 2.58
"""Standard errors by which the lower bound lies below the figure (99 % two-sided)."""

GUARD_SEED = 20_250_101


@dataclass(frozen=True)
class Suspicion:
    """One way in which one input alone predicts the outcome too well."""

    name: str
    how: str
    auc: float
    low: float
    level: float

    def __str__(self) -> str:
        return (
            f"{self.name} ({self.how}) alone has AUC {self.auc:.3f}, "
            f"surely above {self.low:.3f} > {self.level:.2f}"
        )


def suspicions(numbers: Mapping[str, Floats], data: Dataset) -> list[Suspicion]:
    """Every number that alone, by value, by gap or by form, surely ranks too well."""
    found = []
    for name, column in numbers.items():
        for how, (view, level) in _views(column).items():
            found += _suspect(name, how, view, level, data)
    return found


def text_suspicions(texts: Mapping[str, NDArray[Any]], data: Dataset) -> list[Suspicion]:
    """Every text whose values, by what they did in other loans, surely rank too well."""
    fold = np.random.default_rng(GUARD_SEED).permutation(len(data)) % FOLDS
    offset = vintage_log_odds(data)
    found = []
    for name, column in texts.items():
        keys = column.tolist()
        view = np.zeros(len(data))
        for k in range(FOLDS):
            known, unseen = fold != k, np.flatnonzero(fold == k)
            effects = category_effects(keys, data.bad, offset, known)
            view[unseen] = [effects.get(keys[i], 0.0) for i in unseen.tolist()]
        found += _suspect(name, "its categories, out of fold", view, VALUE_SUSPECT, data)
        given = np.array([key is not None for key in keys], dtype=np.float64)
        found += _suspect(name, "whether it is recorded", given, FORM_SUSPECT, data)
    return found


def guard(spec: Spec, data: Dataset, accepted: frozenset[str]) -> None:
    """Refuse any feature, or column behind one, that alone predicts the outcome too well.

    Raises LeakError unless every suspicion's input is accepted by name.
    """
    real = data.where(~data.inferred)
    names = sorted({name for f in spec.features for name in f.derivation.sources()})
    columns = {name: real.columns[name] for name in names if name in real.columns}
    numbers = {name: values for name, values in columns.items() if values.dtype == np.float64}
    texts = {name: values for name, values in columns.items() if values.dtype != np.float64}
    for name, values in _derived(spec, real):
        numbers.setdefault(name, values)
    found = suspicions(numbers, real) + text_suspicions(texts, real)
    open_cases = [case for case in found if case.name not in accepted]
    if open_cases:
        raise LeakError("refused as leaking: " + "; ".join(str(case) for case in open_cases))


def _derived(spec: Spec, data: Dataset) -> Iterator[tuple[str, Floats]]:
    plain = [f for f in spec.features if f.derivation.form not in ("effect", "profile")]
    matrix = derive(plain, {}, data.columns, len(data))
    for j, feature in enumerate(plain):
        yield feature.name, matrix[:, j]


def _views(column: Floats) -> dict[str, tuple[Floats, float]]:
    known = ~np.isnan(column)
    filled = np.where(known, column, np.nanmin(column) - 1 if known.any() else 0.0)
    # zero is a multiple of everything and says nothing of years
    whole_years = known & (filled != 0) & (np.mod(filled, 12) == 0)
    return {
        "its value": (filled, VALUE_SUSPECT),
        "whether it is recorded": (known.astype(np.float64), FORM_SUSPECT),
        "its divisibility by 12": (whole_years.astype(np.float64), FORM_SUSPECT),
    }


def _suspect(name: str, how: str, view: Floats, level: float, data: Dataset) -> list[Suspicion]:
    ranking = auc(data.bad, view, data.weight)
    ranking = max(ranking, 1 - ranking)
    if ranking <= level:
        return []
    low = ranking - CERTAINTY * standard_error(ranking, data)
    return [Suspicion(name, how, ranking, low, level)] if low > level else []


def standard_error(ranking: float, data: Dataset) -> float:
    """Of an AUC, by Hanley & McNeil (1982), with the effective numbers of weighted rows."""
    bads = effective_rows(data.weight[data.bad == 1])
    goods = effective_rows(data.weight[data.bad == 0])
    q1, q2 = ranking / (2 - ranking), 2 * ranking**2 / (1 + ranking)
    square = ranking * (1 - ranking)
    square += (bads - 1) * (q1 - ranking**2) + (goods - 1) * (q2 - ranking**2)
    # a perfect ranking of three loans is no proof: never surer than its count allows
    return math.sqrt(max(square, 0.0) / (bads * goods)) + 0.5 / min(bads, goods)
