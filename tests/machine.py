"""How fast this machine is just now, so that a bound on time means the same on every one."""

import json
import time
from collections.abc import Callable

PATIENCE_S = 30.0
"""How long a test waits for what comes at once; only one that fails waits so long."""

_REFERENCE_S = 0.085
"""What `_work` takes on the machine on which the bounds were set."""

_PAGE = {f"member {n}": [n, str(n), {"half": n / 2}] for n in range(400)}


def in_time(took_s: float, bound_s: float, clock: Callable[[], float] = time.monotonic) -> bool:
    """Whether something took less than a bound, in seconds of the machine on which it was set.

    On a slower machine, or a busy one, the bound grows as much as a fixed piece of work does.
    `clock` is what both were measured with: `time.process_time` leaves waiting out.
    """
    return took_s < bound_s or took_s < bound_s * _work(clock) / _REFERENCE_S


def _work(clock: Callable[[], float]) -> float:
    """How long a fixed piece of Python takes (s)."""
    started_s = clock()
    for _ in range(40):
        page = json.loads(json.dumps(_PAGE, indent=1))
        sorted(page, key=lambda name: str(page[name]))
    return clock() - started_s
