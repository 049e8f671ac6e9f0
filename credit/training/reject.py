"""Reject inference: what declined applications would have done, told from those like them.

Parcelling (Siddiqi 2006): a first model, fitted on the accepted, gives each declined application a
probability; its odds are raised by a factor, because whoever declined it knew something; a seeded
draw then assigns the outcome it joins the training window with.
"""

from dataclasses import replace

import numpy as np

from credit.engine.features import derive
from credit.engine.model import probability
from credit.errors import InputError
from credit.training.calibrate import intercept_for
from credit.training.data import Dataset, joined
from credit.training.specs.spec import Spec
from credit.training.train import fit_window

ODDS_FACTOR = 1.5
"""Odds of default of the declined, as a multiple of those of the accepted alike."""


def with_rejects(spec: Spec, accepted: Dataset, declined: Dataset, seed: int) -> Dataset:
    """The training window with the declined in it, each under an inferred outcome.

    Declined applications of years outside the window are left out: they would teach of a time
    that the window does not know.
    """
    years = (declined.year >= accepted.year.min()) & (declined.year <= accepted.year.max())
    declined = declined.where(years)
    if not len(declined):
        raise InputError("no declined application falls into the training window")
    fitted = fit_window(spec, accepted, seed)
    model, lookups = fitted.boosted.model, fitted.lookups
    own = model.log_odds(derive(spec.features, lookups, accepted.columns, len(accepted)))
    theirs = model.log_odds(derive(spec.features, lookups, declined.columns, len(declined)))
    intercept = intercept_for(own, accepted.weight, accepted.base_rate)
    prob = probability(theirs + intercept + np.log(ODDS_FACTOR))
    draws = np.random.default_rng(seed).random(len(declined))
    inferred = replace(
        declined,
        bad=(draws < prob).astype(np.float64),
        stratum=np.full(len(declined), "declined", dtype=object),
    )
    return joined(accepted, inferred)
