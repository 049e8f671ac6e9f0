"""Two servers beside each other over HTTP, one worker on one core each."""

import statistics
from dataclasses import asdict, dataclass
from typing import Any

from bench import load
from bench.home_document import checksum
from bench.load import Target
from bench.processes import (
    cpu_share,
    machine,
    memory_mb,
)

Row = dict[str, Any]

ROUNDS = 5
OPEN_LOOP_SHARE = 0.6
"""Of the slower server's capacity: the rate at which both are asked for latencies."""


@dataclass(frozen=True, slots=True)
class _Round:
    """What a server gave: answers a second, and processor time of its process for each."""

    rate: float
    cpu_ms: float


def _measure(target: Target, pid: int) -> _Round:
    with cpu_share(pid) as busy:
        rate = load.requests_per_second(target)
    return _Round(rate, busy.share * 1000 / rate)


def compare(
    ours: Target, theirs: Target, title: str, our_pid: int, peer_pid: int, document: str
) -> Row:
    """Both servers in turns; the ratio is the median of the rounds' ratios."""
    answer, their_answer = load.ask(ours), load.ask(theirs)
    assert checksum(answer) == checksum(their_answer), "the answers differ"
    rounds = [(_measure(ours, our_pid), _measure(theirs, peer_pid)) for _ in range(ROUNDS)]
    our_rate, their_rate = (
        statistics.median(one.rate for one in s) for s in zip(*rounds, strict=True)
    )
    our_ms, their_ms = (
        statistics.median(one.cpu_ms for one in s) for s in zip(*rounds, strict=True)
    )
    rate = OPEN_LOOP_SHARE * min(our_rate, their_rate)
    return {
        "ours": round(our_rate),
        "peer": title,
        "peer_value": round(their_rate),
        "ratio": round(statistics.median(m.rate / o.rate for m, o in rounds), 3),
        "unit": "req/s",
        "conditions": machine()
        | {
            "document": f"{document}, {len(answer)} bytes, equal by checksum",
            "servers": "each one process on one core; those in Python under uvicorn, uvloop",
            "load": "own raw-socket generator on the other core; req/s with 32 connections asking "
            f"again as soon as answered, median of {ROUNDS} rounds in turns",
            "cpu_ms": {"ours": round(our_ms, 4), "peer": round(their_ms, 4)},
            "cpu_ratio": round(statistics.median(o.cpu_ms / m.cpu_ms for m, o in rounds), 3),
            "open_loop_rate": round(rate),
            "ours_open_loop": asdict(load.open_loop(ours, rate)),
            "peer_open_loop": asdict(load.open_loop(theirs, rate)),
            "ours_memory_mb": memory_mb(our_pid),
            "peer_memory_mb": memory_mb(peer_pid),
        },
    }
