"""Which rows a figure may be measured on, and what that figure may be called."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from credit.engine.artefact import Artefact
from credit.training.data import Dataset
from credit.training.seen import seen
from credit.training.specs.spec import Spec


class SampleKind(StrEnum):
    """How far from the training data the measured rows are."""

    OUT_OF_TIME = "out of time"  # later than everything trained on
    OUT_OF_SAMPLE = "out of sample"  # unseen, of data without time
    IN_SAMPLE = "in sample"  # rows of the training window among them: no honest figure


@dataclass(frozen=True, eq=False)
class Sample:
    """The rows to measure on, as a mask, and how many others there were and why."""

    kind: SampleKind
    rows: NDArray[np.bool_]
    seen_rows: int
    immature_rows: int


def sample_of(
    artefact: Artefact, spec: Spec, data: Dataset, *, every_row: bool, as_of: float | None
) -> Sample:
    """The rows later than, or apart from, all that the model has seen, their outcomes complete.

    `as_of` is the ordinal day on which outcomes were looked up; None: long after.
    """
    known = seen(artefact.content["training"]["row_keys"], spec, data)
    timed = artefact.through is not None
    within = known if artefact.through is None else known | (data.year <= artefact.through)
    mature = np.ones(len(data), dtype=bool)
    if as_of is not None:
        mature = data.mature(artefact.horizon_months, as_of)
    rows = mature if every_row else mature & ~within
    if (rows & within).any():
        kind = SampleKind.IN_SAMPLE
    else:
        kind = SampleKind.OUT_OF_TIME if timed else SampleKind.OUT_OF_SAMPLE
    unripe = int((~mature & (every_row | ~within)).sum())
    return Sample(kind, rows, int(known.sum()), unripe)
