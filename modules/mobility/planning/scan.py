"""The connection scan: earliest arrivals by number of vehicles, over an array of connections.

Dibbelt, Pajor, Strasser, Wagner: "Connection Scan Algorithm", ACM JEA 2018, with the number of
vehicles as second criterion. A connection is a vehicle's way from one stop to the next. Compiled,
without the interpreter's lock.
"""

import numpy as np
from numba import njit

from core.standards.gtfs.tables import Ints
from modules.mobility.planning.arrays import NEVER, Connections, Footpaths, Labels


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
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
    first_path, path_to, path_s, change = footpaths
    stops = len(access)
    reach = np.full((stops, vehicles + 1), NEVER, np.int32)
    ready = np.full((stops, vehicles + 1), NEVER, np.int32)
    boarded = np.full((stops, vehicles + 1), -1, np.int32)
    alighted = np.full((stops, vehicles + 1), -1, np.int32)
    walked_from = np.full((stops, vehicles + 1), -1, np.int32)
    enter = np.full((runs, vehicles + 1), -1, np.int32)
    ready[:, 0] = access
    soonest = access.copy()  # over all numbers of vehicles: most connections stop at one look here
    is_entered = np.zeros(runs, np.uint8)
    start = until
    for stop in range(stops):
        start = min(start, access[stop])
    index = np.searchsorted(departure, start)
    limit = until
    while index < len(departure) and departure[index] <= limit:
        leaves, run, flag = departure[index], run_of[index], flags[index]
        origin, target, arrives = from_stop[index], to_stop[index], arrival[index]
        if not is_entered[run] and soonest[origin] > leaves:
            index += 1
            continue
        for count in range(1, vehicles + 1):
            entered = enter[run, count]
            if entered < 0:
                if not flag & 1 or ready[origin, count - 1] > leaves:
                    continue
                enter[run, count] = entered = index
                is_entered[run] = 1
            if flag & 2 and arrives < reach[target, count]:
                reach[target, count] = arrives
                boarded[target, count] = entered
                alighted[target, count] = index
                if arrives + change[target] < ready[target, count]:
                    ready[target, count] = arrives + change[target]
                    walked_from[target, count] = target
                    soonest[target] = min(soonest[target], arrives + change[target])
                for path in range(first_path[target], first_path[target + 1]):
                    there = path_to[path]
                    if arrives + path_s[path] < ready[there, count]:
                        ready[there, count] = arrives + path_s[path]
                        walked_from[there, count] = target
                        soonest[there] = min(soonest[there], arrives + path_s[path])
                if egress[target] < NEVER:
                    limit = min(limit, arrives + egress[target] + slack)
            if is_last[index] and onward[run] >= 0 and enter[onward[run], count] < 0:
                enter[onward[run], count] = entered
                is_entered[onward[run]] = 1
        index += 1
    return Labels(reach, boarded, alighted, walked_from)
