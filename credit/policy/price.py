"""What a loan of a given risk costs, for the lender who offers it; a decision carries no price.

The reference rate is the city's dated one (`City.rate_on`); which tenor takes which is lending's.
"""

import math
from dataclasses import dataclass

from credit.storage.errors import CreditError


@dataclass(frozen=True)
class Price:
    """A bank's price list of one product; `reference` names a rate of the city's table."""

    reference: str
    margin_bps: int
    loss_given_default_bps: int
    grid_bps: int
    most_bps: int

    def rate_bps(self, pd_prob: float, horizon_months: int | None, reference_bps: int) -> int:
        """Yearly rate: reference + margin + expected loss of a year, rounded up to the grid.

        `pd_prob` is of default within `horizon_months`, at a constant hazard. Raises CreditError
        where the horizon is unknown: a risk of no known duration has no yearly price.
        """
        if horizon_months is None:
            raise CreditError("the probability has no horizon, so it has no yearly price")
        yearly = 1 - math.pow(1 - min(pd_prob, 1 - 1e-9), 12 / horizon_months)
        loss = yearly / (1 - yearly) * self.loss_given_default_bps
        rate = reference_bps + self.margin_bps + loss
        # what a float leaves above a whole number of steps is not a step
        return min(math.ceil(rate / self.grid_bps - 1e-9) * self.grid_bps, self.most_bps)
