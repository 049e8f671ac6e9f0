"""The product's own documents beside their peers: the home screen, and the catalogue of services.

The home screen is answered from cards in memory by every server. The catalogue is answered by the
product as it is, out of kept answers; its peers answer from our own answers in both languages.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import strawberry

from bench import catalogue_document, home_document, load
from bench.edge import Row, compare
from bench.load import Target
from bench.processes import LOAD_CORE, database, served, served_by_node
from bff.trusted.documents import TrustedOperation

Start = Callable[[Mapping[str, str]], AbstractContextManager[tuple[int, int]]]

_HOME = (
    "the product's Home: seven cards of seven types, one of them with five cases, in memory; by "
    "POST, ours as a trusted document"
)
_CATALOGUE = (
    "the product's Catalogue: 63 services × 11 fields, two of them resolvers with an argument, and "
    "their operations; by POST, ours as a trusted document out of kept answers"
)


def home(start: Start, title: str) -> Row:
    """The home screen of both in turns."""

    def data(ours: Target) -> Mapping[str, Any]:
        found: Mapping[str, Any] = orjson.loads(load.ask(ours))["data"]
        return found

    return _beside("ours", home_document.home(), home_document.schema(), data, start, title, _HOME)


def catalogue(start: Start, title: str) -> Row:
    """The catalogue of both in turns."""

    def data(ours: Target) -> Mapping[str, Any]:
        english = Target(
            ours.port, ours.request.replace(b"\r\n", b"\r\nAccept-Language: en\r\n", 1)
        )
        return catalogue_document.data_of(load.ask(ours), load.ask(english))

    schema = catalogue_document.schema_over([])
    operation = catalogue_document.catalogue()
    return _beside("whole", operation, schema, data, start, title, _CATALOGUE)


def _beside(
    server: str,
    operation: TrustedOperation,
    schema: strawberry.Schema,
    data: Callable[[Target], Mapping[str, Any]],
    start: Start,
    title: str,
    words: str,
) -> Row:
    load.pin(LOAD_CORE)
    with ExitStack() as stack:
        environment = stack.enter_context(database())
        our_port, our_pid = stack.enter_context(served(server, environment))
        ours = Target.post(our_port, orjson.dumps({"documentId": operation.id}))
        files = stack.enter_context(_files(schema, data(ours)))
        peer_port, peer_pid = stack.enter_context(start(files))
        theirs = Target.post(peer_port, orjson.dumps({"query": operation.source}))
        return compare(ours, theirs, title, our_pid, peer_pid, words)


@contextmanager
def _files(schema: strawberry.Schema, data: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    """What a peer serves, and where it finds it."""
    with tempfile.TemporaryDirectory() as folder:
        schema_file, data_file = Path(folder) / "schema.graphql", Path(folder) / "data.json"
        schema_file.write_text(schema.as_str(), encoding="utf-8")
        data_file.write_bytes(orjson.dumps(data))
        yield {"SCHEMA_FILE": str(schema_file), "DATA_FILE": str(data_file)}


def _rows(name: str, measure: Callable[[Start, str], Row], *python: str) -> Mapping[str, Any]:
    handler, strawberry_server = python
    peers: Mapping[str, tuple[Start, str]] = {
        "handler": (partial(served, handler), "hand-written Starlette + orjson"),
        "strawberry": (
            partial(served, strawberry_server),
            "stock Strawberry, parser and validation caches on",
        ),
        "mercurius": (partial(served_by_node, "mercurius"), "Mercurius + JIT (Node 24)"),
        "yoga": (partial(served_by_node, "yoga"), "GraphQL Yoga (Node 24)"),
        "apollo": (partial(served_by_node, "apollo"), "Apollo Server (Node 24)"),
    }
    return {f"{name}_vs_{peer}": partial(measure, *it) for peer, it in peers.items()}


ROWS: dict[str, Callable[[], Row]] = {
    **_rows("home", home, "handler", "stock_strawberry"),
    **_rows("catalogue", catalogue, "catalogue_handler", "catalogue_strawberry"),
}
