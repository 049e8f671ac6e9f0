"""Reject inference: what declined applications would have done, told from those like them.

Parcelling (Siddiqi 2006): a first model, fitted on the accepted, gives each declined application a
probability; its odds are raised by a factor, because whoever declined it may have known something;
a seeded draw then assigns the outcome it joins the training window with. It joins in the stratum
of the accepted of its year: an offset of its own would swallow all that makes it worse. What is
drawn is never told against: backtests, levels and leak guards look at observed outcomes only.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.features import Floats, derive
from credit.engine.model import probability
from credit.storage.errors import InputError
from credit.training.data import Dataset, joined
from credit.training.encode import vintage_log_odds
from credit.training.fit import fit_window
from credit.training.specs.spec import Spec

ODDS_FACTOR = 1.5
"""Odds of default of the declined, as a multiple of those of the accepted alike.

On the simulated city, whose truth is known, 1.5 moves the gap between declined and accepted towards
the truth whether declining went by the columns or by more; at 1 the refit's own shrinkage moves it
a little away. `--reject-odds` says what a bank knows better.
"""


def with_rejects(
    spec: Spec, accepted: Dataset, declined: Dataset, seed: int, odds_factor: float = ODDS_FACTOR
) -> Dataset:
    """The training window with the declined in it, each under an inferred outcome.

    Declined applications of years outside the window are left out: they would teach of a time
    that the window does not know. Raises InputError where none is left.
    """
    if odds_factor <= 0:
        raise InputError(f"--reject-odds must be above 0, not {odds_factor:g}")
    years = (declined.year >= accepted.year.min()) & (declined.year <= accepted.year.max())
    declined = declined.where(years)
    if not len(declined):
        raise InputError("no declined application falls into the training window")
    fitted = fit_window(spec, accepted, seed)
    model, lookups = fitted.boosted.model, fitted.lookups
    theirs = model.log_odds(derive(spec.features, lookups, declined.columns, len(declined)))
    # the model was fitted on top of its vintages' levels, so they belong to what it says
    level = _levels(accepted, declined)
    prob = probability(theirs + level + np.log(odds_factor))
    draws = np.random.default_rng(seed).random(len(declined))
    inferred = replace(
        declined,
        bad=(draws < prob).astype(np.float64),
        stratum=_strata(accepted, declined),
        drawn=np.ones(len(declined), dtype=bool),
    )
    return joined(accepted, inferred)


def _levels(accepted: Dataset, declined: Dataset) -> Floats:
    """The log-odds of default of the accepted of each declined application's year."""
    offset = vintage_log_odds(accepted)
    mean = float(offset.mean())
    by_year = {
        year: float(offset[accepted.year == year].mean())
        for year in np.unique(accepted.year).tolist()
    }
    return np.array([by_year.get(year, mean) for year in declined.year.tolist()])


def _strata(accepted: Dataset, declined: Dataset) -> NDArray[Any]:
    """For each declined application the commonest stratum of the accepted of its year."""
    commonest = {
        year: Counter(accepted.stratum[accepted.year == year].tolist()).most_common(1)[0][0]
        for year in np.unique(accepted.year).tolist()
    }
    overall = Counter(accepted.stratum.tolist()).most_common(1)[0][0]
    return np.array([commonest.get(y, overall) for y in declined.year.tolist()], dtype=object)
