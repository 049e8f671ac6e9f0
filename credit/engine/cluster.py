"""Batch scoring on a Dask cluster (extra `cluster`): the same batches, the same code, elsewhere.

A batch is a pure task, so a worker that dies takes nothing with it: the scheduler runs its batches
again. Results come back in file order, with a bounded number of batches under way.
"""

import importlib
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from credit.engine.artefact import Artefact
from credit.engine.batch import Spread, score_batch
from credit.errors import CreditError
from credit.files import Batch

UNDER_WAY_PER_THREAD = 3
CONNECT_TIMEOUT_S = 10


def on_cluster(
    artefact: Artefact,
    address: str,
    on: date,
    language: str,
    *,
    timeout_s: float = CONNECT_TIMEOUT_S,
) -> Spread:
    """Batches spread over a cluster's workers. Raises CreditError if it cannot be reached."""
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise CreditError(
            "--scheduler needs the extra `cluster`: pip install dask[distributed]"
        ) from error

    def work(parts: Iterator[tuple[int, Batch]]) -> Iterable[bytes]:
        try:
            client = distributed.Client(address, timeout=timeout_s)
        except (OSError, TimeoutError) as error:
            raise CreditError(f"no Dask scheduler answers at {address}: {error}") from error
        with client:
            content = client.scatter(dict(artefact.content), broadcast=True, hash=False)
            yield from _in_order(client, content, artefact.hash, parts, on, language)

    return work


def _in_order(
    client: Any,
    content: Any,
    digest: str,
    parts: Iterator[tuple[int, Batch]],
    on: date,
    language: str,
) -> Iterator[bytes]:
    threads = sum(client.nthreads().values()) or 1
    waiting: deque[Any] = deque()
    for first, batch in parts:
        waiting.append(
            client.submit(_remote, content, digest, first, batch, on, language, pure=False)
        )
        if len(waiting) >= UNDER_WAY_PER_THREAD * threads:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _remote(
    content: dict[str, Any], digest: str, first: int, batch: Batch, on: date, language: str
) -> bytes:
    """Runs on a worker. The client has verified the artefact; its hash names the worker's copy."""
    artefact = _OPEN.get(digest)
    if artefact is None:
        artefact = _OPEN.setdefault(digest, Artefact(digest, content))
    return score_batch(artefact, first, batch, on, language)


_OPEN: dict[str, Artefact] = {}
