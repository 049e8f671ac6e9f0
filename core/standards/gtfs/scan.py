"""The connection scan: earliest arrivals by number of vehicles, over an array of connections.

Dibbelt, Pajor, Strasser, Wagner: "Connection Scan Algorithm", ACM JEA 2018, with the number of
vehicles as second criterion. A connection is a vehicle's way from one stop to the next. Compiled,
without the interpreter's lock.
"""

import numpy as np
from numba import njit

from core.standards.gtfs.scan_arrays import NEVER, Connections, Footpaths, Labels
from core.standards.gtfs.tables import Ints


@njit(nogil=True, cache=True)
def scan(
    connections: Connections,
    footpaths: Footpaths,
    access: Ints,
    egress: Ints,
    vehicles: int,
    until: int,
    slack: int,
) -> Labels:
    """Scan from the times in `access` (by stop: when one is there on foot, NEVER: not at all).

    `egress` is the walk from each stop to the target, seconds. No connection after `until` is
    taken, nor one more than `slack` after the earliest arrival at the target.
    """
    departure, arrival, from_stop, to_stop, run_of, flags, _, runs, onward, is_last = connections
    reach, boarded, alighted, walked_from = labels = _empty(len(access), vehicles)
    ready = np.full((len(access), vehicles + 1), NEVER, np.int32)
    ready[:, 0] = access
    soonest = access.copy()  # over all numbers of vehicles: most connections stop at one look here
    enter = np.full((runs, vehicles + 1), -1, np.int32)
    is_entered = np.zeros(runs, np.uint8)
    limit = until
    for index in range(np.searchsorted(departure, access.min()), len(departure)):
        leaves, run, flag = departure[index], run_of[index], flags[index]
        if leaves > limit:
            break
        origin, target, arrives = from_stop[index], to_stop[index], arrival[index]
        if not is_entered[run] and soonest[origin] > leaves:
            continue
        for count in range(1, vehicles + 1):
            if enter[run, count] < 0:
                if not flag & 1 or ready[origin, count - 1] > leaves:
                    continue
                enter[run, count] = index
                is_entered[run] = 1
            if flag & 2 and arrives < reach[target, count]:
                reach[target, count] = arrives
                boarded[target, count], alighted[target, count] = enter[run, count], index
                _walk_on(target, count, arrives, footpaths, ready, walked_from, soonest)
                if egress[target] < NEVER:
                    limit = min(limit, arrives + egress[target] + slack)
            if is_last[index] and onward[run] >= 0 and enter[onward[run], count] < 0:
                enter[onward[run], count] = enter[run, count]
                is_entered[onward[run]] = 1
    return labels


@njit(nogil=True, cache=True)
def _empty(stops: int, vehicles: int) -> Labels:
    """Labels of nothing found yet."""
    shape = (stops, vehicles + 1)
    return Labels(
        np.full(shape, NEVER, np.int32),
        np.full(shape, -1, np.int32),
        np.full(shape, -1, np.int32),
        np.full(shape, -1, np.int32),
    )


@njit(nogil=True, cache=True)
def _walk_on(
    stop: int,
    count: int,
    arrives: int,
    footpaths: Footpaths,
    ready: Ints,
    walked_from: Ints,
    soonest: Ints,
) -> None:
    """Note when one can board at a stop where a vehicle arrives, and at those around it."""
    first, to_stop, seconds, change = footpaths
    if arrives + change[stop] < ready[stop, count]:
        ready[stop, count] = arrives + change[stop]
        walked_from[stop, count] = stop
        soonest[stop] = min(soonest[stop], ready[stop, count])
    for path in range(first[stop], first[stop + 1]):
        there = to_stop[path]
        if arrives + seconds[path] < ready[there, count]:
            ready[there, count] = arrives + seconds[path]
            walked_from[there, count] = stop
            soonest[there] = min(soonest[there], ready[there, count])
