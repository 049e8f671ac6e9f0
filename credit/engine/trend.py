"""The base rate's trend, carried from the loans it was measured on to each application's date."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Trend:
    """`yearly` log-odds a year from `day` on, its pull multiplied by `damping` each year.

    `day` is an ordinal, None where the data have no dates; nothing is carried further than
    `most_years`.
    """

    day: float | None
    yearly: float
    damping: float
    most_years: float

    def shift(self, days: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-odds to add for applications of these days; 0 before the trend's own day."""
        if self.day is None or not self.yearly or self.most_years <= 0:
            return np.zeros(len(days))
        years = np.clip((days - self.day) / DAYS_A_YEAR, 0.0, self.most_years)
        carried = np.expm1(years * math.log(self.damping)) / math.log(self.damping)
        # an application without a date is taken at the trend's own day
        return np.asarray(self.yearly * np.nan_to_num(carried))
