"""How much may be offered at a given risk: shares of what is asked and of the yearly turnover."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Band:
    """Up to this probability, at most these shares of the request and of the yearly turnover."""

    up_to_prob: float
    request_share_bps: int
    turnover_share_bps: int = 0


@dataclass(frozen=True)
class Limit:
    """Bands by ascending risk. Amounts in the policy's own unit; no turnover column, no cap."""

    amount_column: str
    turnover_column: str
    least_amount: int
    most_amount: int
    round_to: int
    bands: tuple[Band, ...]

    def amounts(self, facts: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
        """The largest amount to offer on every row.

        0 where the request or the turnover is unknown or bears none.
        """
        band = np.searchsorted([b.up_to_prob for b in self.bands], facts["pd"], side="left")
        shares = [*((b.request_share_bps, b.turnover_share_bps) for b in self.bands), (0, 0)]
        of_request, of_turnover = np.array(shares, dtype=np.float64)[band].T / 10_000
        ceiling = np.minimum(facts[self.amount_column] * of_request, float(self.most_amount))
        if self.turnover_column:
            ceiling = np.minimum(ceiling, facts[self.turnover_column] * of_turnover)
        whole = np.floor(np.nan_to_num(ceiling) / self.round_to) * self.round_to
        return np.where(whole >= self.least_amount, whole, 0).astype(np.int64)
