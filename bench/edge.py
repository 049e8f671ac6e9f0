"""The edge beside its peers: a home-shaped document over HTTP, one worker on one core each."""

import statistics
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from typing import Any

import orjson

from bench import load
from bench.home_document import DOCUMENT, checksum
from bench.load import Target
from bench.processes import (
    LOAD_CORE,
    city,
    cpu_share,
    database,
    machine,
    memory_mb,
    served,
    served_by_node,
)
from bff.trusted.documents import documents_of
from bff.trusted.shipped import document_id
from core.manifest import discover

Row = dict[str, Any]

ROUNDS = 5
_OPEN_LOOP_SHARE = 0.6
"""Of the slower server's capacity: the rate at which both are asked for latencies."""

_HOME = "63 services × 5 fields + 12 cards × 5 fields, in memory"

_OURS = orjson.dumps({"documentId": document_id(DOCUMENT)})
_THEIRS = orjson.dumps({"query": DOCUMENT})


def home_vs_handler() -> Row:
    """Beside a hand-written Starlette handler with orjson."""
    return _beside(served("handler"), "hand-written Starlette + orjson")


def home_vs_strawberry() -> Row:
    """Beside stock Strawberry."""
    return _beside(served("stock_strawberry"), "stock Strawberry, parser and validation caches on")


def home_vs_mercurius() -> Row:
    """Beside Mercurius with its JIT."""
    return _beside(served_by_node("mercurius"), "Mercurius + JIT (Node 24)")


def home_vs_yoga() -> Row:
    """Beside GraphQL Yoga."""
    return _beside(served_by_node("yoga"), "GraphQL Yoga (Node 24)")


def home_vs_apollo() -> Row:
    """Beside Apollo Server."""
    return _beside(served_by_node("apollo"), "Apollo Server (Node 24)")


def _beside(peer: AbstractContextManager[tuple[int, int]], title: str) -> Row:
    load.pin(LOAD_CORE)
    with ExitStack() as stack:
        environment = stack.enter_context(database())
        our_port, our_pid = stack.enter_context(served("ours", environment))
        peer_port, peer_pid = stack.enter_context(peer)
        ours, theirs = Target.post(our_port, _OURS), Target.post(peer_port, _THEIRS)
        return compare(ours, theirs, title, our_pid, peer_pid, _HOME)


def compare(
    ours: Target, theirs: Target, title: str, our_pid: int, peer_pid: int, document: str
) -> Row:
    """Both servers in turns; the ratio is the median of the rounds' ratios."""
    answer, their_answer = load.ask(ours), load.ask(theirs)
    assert checksum(answer) == checksum(their_answer), "the answers differ"
    rounds = [
        (load.requests_per_second(ours), load.requests_per_second(theirs)) for _ in range(ROUNDS)
    ]
    our_rate, their_rate = (statistics.median(side) for side in zip(*rounds, strict=True))
    rate = _OPEN_LOOP_SHARE * min(our_rate, their_rate)
    return {
        "ours": round(our_rate),
        "peer": title,
        "peer_value": round(their_rate),
        "ratio": round(statistics.median(mine / other for mine, other in rounds), 3),
        "unit": "req/s",
        "conditions": machine()
        | {
            "document": f"{document}, {len(answer)} bytes, equal by checksum",
            "servers": "each one process on one core; those in Python under uvicorn, uvloop",
            "load": "own raw-socket generator on the other core; req/s with 32 connections asking "
            f"again as soon as answered, median of {ROUNDS} rounds in turns",
            "open_loop_rate": round(rate),
            "ours_open_loop": asdict(load.open_loop(ours, rate)),
            "peer_open_loop": asdict(load.open_loop(theirs, rate)),
            "ours_memory_mb": memory_mb(our_pid),
            "peer_memory_mb": memory_mb(peer_pid),
        },
    }


def home_live() -> Row:
    """The real home screen of somebody with cards: database, consents, upstreams and all."""
    load.pin(LOAD_CORE)
    with city() as (port, api_pid, token):
        (operation,) = documents_of(discover()).by_name["home"].operations
        body = orjson.dumps({"documentId": operation.id})
        target = Target.post(port, body, f"Authorization: Bearer {token}\r\n")
        answer = load.ask(target)
        sections = orjson.loads(answer)["data"]["home"]["sections"]
        with cpu_share(api_pid) as busy:
            rates = [load.requests_per_second(target) for _ in range(ROUNDS)]
        rate = statistics.median(rates)
        return {
            "ours": round(rate),
            "peer": None,
            "peer_value": None,
            "ratio": None,
            "unit": "req/s",
            "conditions": machine()
            | {
                "document": f"the app's home, {len(sections)} cards, {len(answer)} bytes, viewer "
                "signed in at level 2 with all consents",
                "cards": {section["id"]: section["status"] for section in sections},
                "servers": "the API alone on one core; PostgreSQL, worker, sandbox city and the "
                "load generator on the other",
                "api_core_busy_share": round(busy.share, 2),
                "api_cpu_ms_per_request": round(busy.share * 1000 / rate, 2),
                "open_loop_rate": round(_OPEN_LOOP_SHARE * rate),
                "ours_open_loop": asdict(load.open_loop(target, _OPEN_LOOP_SHARE * rate)),
                "ours_memory_mb": memory_mb(api_pid),
            },
        }


ROWS: dict[str, Callable[[], Row]] = {
    "home_vs_handler": home_vs_handler,
    "home_vs_strawberry": home_vs_strawberry,
    "home_vs_mercurius": home_vs_mercurius,
    "home_vs_yoga": home_vs_yoga,
    "home_vs_apollo": home_vs_apollo,
    "home_live": home_live,
}
