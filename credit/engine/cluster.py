"""Batch scoring on a Dask cluster (extra `cluster`): the same batches, the same code, elsewhere.

A batch is a pure task, so a worker that dies takes nothing with it: the scheduler runs its batches
again. Results come back in file order, with a bounded number of batches under way.
"""

import importlib
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from credit.engine.artefact import Artefact
from credit.engine.assess import Desk
from credit.engine.batch import Job, Spread, score_batch
from credit.policy.rules import Policy
from credit.storage.errors import CreditError
from credit.storage.files import Batch

UNDER_WAY_PER_THREAD = 3
CONNECT_TIMEOUT_S = 10


def on_cluster(
    desk: Desk, address: str, job: Job, *, timeout_s: float = CONNECT_TIMEOUT_S
) -> Spread:
    """Batches spread over a cluster's workers. Raises CreditError if it cannot be reached."""
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise CreditError(
            "--scheduler needs the extra `cluster`: pip install dask[distributed]"
        ) from error

    def work(parts: Iterator[tuple[int, Batch]]) -> Iterable[tuple[list[str], bytes]]:
        try:
            client = distributed.Client(address, timeout=timeout_s)
        except (OSError, TimeoutError) as error:
            raise CreditError(f"no Dask scheduler answers at {address}: {error}") from error
        with client:
            content = client.scatter(dict(desk.artefact.content), broadcast=True, hash=False)
            yield from _in_order(client, content, desk, parts, job)

    return work


def _in_order(
    client: Any, content: Any, desk: Desk, parts: Iterator[tuple[int, Batch]], job: Job
) -> Iterator[tuple[list[str], bytes]]:
    threads = sum(client.nthreads().values()) or 1
    waiting: deque[Any] = deque()
    name = (desk.artefact.hash, desk.policy)
    for first, batch in parts:
        waiting.append(client.submit(_remote, content, *name, first, batch, job, pure=False))
        if len(waiting) >= UNDER_WAY_PER_THREAD * threads:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _remote(
    content: dict[str, Any], digest: str, policy: Policy, first: int, batch: Batch, job: Job
) -> tuple[list[str], bytes]:
    """Runs on a worker. The client has verified the model; its hash names the worker's copy."""
    desk = _OPEN.get((digest, policy.hash))
    if desk is None:
        desk = _OPEN.setdefault((digest, policy.hash), Desk(Artefact(digest, content), policy))
    return score_batch(desk, first, batch, job)


_OPEN: dict[tuple[str, str], Desk] = {}
