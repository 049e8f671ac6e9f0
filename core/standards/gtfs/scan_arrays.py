"""The arrays that a search goes over, and those in which it leaves what it has found."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.standards.gtfs.tables import Ints

NEVER = np.int32(2**30)
BOARD, ALIGHT = 1, 2


class Connections(NamedTuple):
    """Ways from stop to stop, by departure. Times are seconds after the timeline's start."""

    departure: Ints
    arrival: Ints
    from_stop: Ints
    to_stop: Ints
    run: Ints
    flags: NDArray[np.uint8]
    """BOARD where one can get on before it, ALIGHT where one can get off after it."""
    row: Ints
    """The row of the timeline at which it begins; -1 for an added run."""
    runs: int
    onward: Ints
    """By run: the run in which one stays seated at its end; -1 for none."""
    is_last: NDArray[np.uint8]


class Footpaths(NamedTuple):
    """Walks between stops: those of stop i are `first[i]` to `first[i + 1]`."""

    first: Ints
    to_stop: Ints
    seconds: Ints
    change: Ints
    """By stop: what it takes to change vehicles there."""


class Labels(NamedTuple):
    """What a scan has found, by stop and number of vehicles."""

    reach: Ints
    """When one arrives there by vehicle."""
    boarded: Ints
    """With the connection in which that vehicle was boarded,"""
    alighted: Ints
    """and the one in which it was left."""
    walked_from: Ints
    """The stop from which one walks there to board the next; itself where one waits; -1."""
