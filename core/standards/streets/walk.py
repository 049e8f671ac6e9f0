"""How far one walks from a place, along the streets: Dijkstra's search up to a distance.

Compiled, without the interpreter's lock.
"""

from heapq import heappop, heappush

import numpy as np
from numba import njit

from core.standards.gtfs.tables import Floats, Ints


@njit(nogil=True, cache=True)
def spread(
    first: Ints, to: Ints, metres: Floats, place: int, most_m: float, away: Floats
) -> list[int]:
    """Lower `away`, infinite before, to the metres from a place; those that are reached, at most
    `most_m` away, are returned, and to be put back by who searches again."""
    away[place] = 0.0
    reached = [np.int64(place)]
    heap = [(0.0, np.int64(place))]
    while heap:
        here_m, here = heappop(heap)
        if here_m > away[here]:
            continue
        for piece in range(first[here], first[here + 1]):
            there, there_m = np.int64(to[piece]), here_m + metres[piece]
            if there_m <= most_m and there_m < away[there]:
                if away[there] == np.inf:
                    reached.append(there)
                away[there] = there_m
                heappush(heap, (there_m, there))
    return reached
