"""The product's own catalogue beside its peers: 63 services, names by argument, operations."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

import orjson

from bench import load
from bench.catalogue_document import FILE, catalogue, write_data
from bench.edge import Row, compare
from bench.load import Target
from bench.processes import LOAD_CORE, database, served, served_by_node

Start = Callable[[Mapping[str, str]], AbstractContextManager[tuple[int, int]]]

_WORDS = (
    "the product's Catalogue: 63 services × 10 fields, two of them resolvers with an argument, and "
    "their operations; by POST, ours as a trusted document out of kept answers"
)


@contextmanager
def _peer(start: Start, port: int, operation_id: str) -> Iterator[tuple[int, int]]:
    """A peer that answers from our own answers in both languages."""
    body = orjson.dumps({"documentId": operation_id})
    chinese = load.ask(Target.post(port, body))
    english = load.ask(Target.post(port, body, "Accept-Language: en\r\n"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalogue.json"
        write_data(path, chinese, english)
        with start({FILE: str(path)}) as peer:
            yield peer


def beside(start: Start, title: str) -> Row:
    """The catalogue of both in turns."""
    load.pin(LOAD_CORE)
    operation = catalogue()
    with ExitStack() as stack:
        environment = stack.enter_context(database())
        our_port, our_pid = stack.enter_context(served("whole", environment))
        peer_port, peer_pid = stack.enter_context(_peer(start, our_port, operation.id))
        ours = Target.post(our_port, orjson.dumps({"documentId": operation.id}))
        theirs = Target.post(peer_port, orjson.dumps({"query": operation.source}))
        return compare(ours, theirs, title, our_pid, peer_pid, _WORDS)


def _python(name: str) -> Start:
    return partial(served, name)


def _node(name: str) -> Start:
    return partial(served_by_node, name)


ROWS: dict[str, Callable[[], Row]] = {
    "catalogue_vs_handler": lambda: beside(
        _python("catalogue_handler"), "hand-written Starlette + orjson"
    ),
    "catalogue_vs_strawberry": lambda: beside(
        _python("catalogue_strawberry"), "stock Strawberry, parser and validation caches on"
    ),
    "catalogue_vs_mercurius": lambda: beside(_node("mercurius"), "Mercurius + JIT (Node 24)"),
    "catalogue_vs_yoga": lambda: beside(_node("yoga"), "GraphQL Yoga (Node 24)"),
    "catalogue_vs_apollo": lambda: beside(_node("apollo"), "Apollo Server (Node 24)"),
}
