"""The second leak guard: no single input may know the outcome.

Declarations can be wrong, so the data are asked too. A feature that alone ranks loans better than
anything honest could, or whose divisibility by twelve does, is refused: a loan's final term is the
classic case, because those that ended early are no whole number of years.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from credit.engine.features import Floats
from credit.engine.intake import Columns
from credit.training.data import Dataset
from credit.training.metrics import auc
from credit.training.specs.spec import LeakError

SUSPECT_AUC = 0.80


@dataclass(frozen=True)
class Suspicion:
    """One way in which one input alone predicts the outcome too well."""

    name: str
    how: str
    auc: float

    def __str__(self) -> str:
        return f"{self.name} ({self.how}) alone has AUC {self.auc:.3f} > {SUSPECT_AUC:.2f}"


def suspicions(names: Iterable[str], values: Iterable[Floats], data: Dataset) -> list[Suspicion]:
    """Every input that alone, by value, by gap or by divisibility by 12, ranks too well."""
    found = []
    for name, column in zip(names, values, strict=True):
        for how, view in _views(column).items():
            ranking = auc(data.bad, view, data.weight)
            ranking = max(ranking, 1 - ranking)
            if ranking > SUSPECT_AUC:
                found.append(Suspicion(name, how, ranking))
    return found


def _views(column: Floats) -> dict[str, Floats]:
    known = ~np.isnan(column)
    filled = np.where(known, column, np.nanmin(column) - 1 if known.any() else 0.0)
    return {
        "its value": filled,
        "whether it is recorded": known.astype(np.float64),
        "its divisibility by 12": np.where(known, np.mod(filled, 12) == 0, False).astype(float),
    }


def raw_numbers(names: Iterable[str], columns: Columns) -> dict[str, Floats]:
    """The numeric columns behind features: divisibility survives no logarithm."""
    return {
        name: columns[name]
        for name in names
        if name in columns and columns[name].dtype == np.float64
    }


def refuse(found: list[Suspicion], accepted: frozenset[str]) -> None:
    """Raises LeakError unless every suspicion's input is accepted by name."""
    open_cases = [case for case in found if case.name not in accepted]
    if open_cases:
        raise LeakError("refused as leaking: " + "; ".join(str(case) for case in open_cases))
