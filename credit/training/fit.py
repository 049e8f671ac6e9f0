"""One fit of both candidates on one training window, uncalibrated."""

from collections.abc import Mapping
from dataclasses import dataclass

from credit.engine.features import Floats
from credit.engine.model import AdditiveModel
from credit.training.boost import Boosted, Watch, fit_boosted
from credit.training.data import Dataset
from credit.training.encode import Effects, learn, recency, training_matrix, vintage_log_odds
from credit.training.scorecard import fit_scorecard
from credit.training.specs.spec import Spec


@dataclass(frozen=True, eq=False)
class Fitted:
    """Both candidates with what their categories taught."""

    lookups: Mapping[str, Effects]
    matrix: Floats
    weight: Floats
    boosted: Boosted
    scorecard: AdditiveModel

    def candidates(self) -> dict[str, AdditiveModel]:
        """Both models by kind; the champion's kind is chosen by backtest."""
        return {"boosted": self.boosted.model, "scorecard": self.scorecard}


def fit_window(
    spec: Spec, data: Dataset, seed: int, *, threads: int = 1, watch: Watch | None = None
) -> Fitted:
    """Fit boosted trees and scorecard on the rows given."""
    offset = vintage_log_odds(data)
    lookups = learn(spec, data, offset)
    matrix = training_matrix(spec, data, offset, lookups, seed)
    weight = recency(data.year, spec.fit.half_life_years)
    boosted = fit_boosted(
        spec.features, matrix, data.bad, weight, offset, spec.fit,
        seed=seed, threads=threads, watch=watch,
    )  # fmt: skip
    scorecard = fit_scorecard(spec.features, matrix, data.bad, weight, offset)
    return Fitted(lookups, matrix, weight, boosted, scorecard)
