"""Events: news of what one wing committed, carried to its subscribers as jobs.

An event class is a frozen dataclass in its publisher's `events.py`; its name on the wire is
"<wing>.<Class>". Publishing enqueues one job per subscriber in the publisher's own transaction,
so an event exists exactly when the thing it tells of does.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import TypeAdapter

from core.database import Transaction
from core.json import to_json
from core.manifest import Manifest, load
from core.queue.jobs import JobQueue, NewJob, subscription


class EventBook:
    """Every event class and who listens to it, from the manifests."""

    def __init__(self, manifests: Sequence[Manifest], queue: JobQueue) -> None:
        self._queue = queue
        self._names: dict[type, str] = {}
        self._types: dict[str, TypeAdapter[Any]] = {}
        self._subscribers: dict[str, list[tuple[str, str]]] = {}
        self._kinded: set[str] = set()
        self._event_of: dict[str, str] = {}
        for manifest in manifests:
            for path in manifest.events:
                self._declare(manifest, load(path))
        for manifest in manifests:
            for handler in manifest.handlers:
                if handler.event not in self._types:
                    raise ValueError(f"{manifest.name} listens to unknown event {handler.event}")
                if handler.of and handler.event not in self._kinded:
                    raise ValueError(f"{manifest.name}: {handler.event} is of no kind")
                kind = subscription(manifest, handler).kind
                self._subscribers[handler.event].append((kind, handler.of))
                self._event_of[kind] = handler.event

    def _declare(self, manifest: Manifest, event_class: type) -> None:
        name = f"{manifest.name}.{event_class.__name__}"
        self._names[event_class] = name
        self._types[name] = TypeAdapter(event_class)
        self._subscribers[name] = []
        if "kind" in event_class.__annotations__:
            self._kinded.add(name)

    async def publish(self, tx: Transaction, event: object, *also: NewJob) -> None:
        """Tell every subscriber, when `tx` commits; `also` are jobs that go with the same trip.

        Raises KeyError for an event whose class no manifest declares.
        """
        name, told = self._names[type(event)], to_json(event)
        jobs = [
            NewJob(kind, told)
            for kind, of in self._subscribers[name]
            if not of or getattr(event, "kind").startswith(of)  # noqa: B009 - not every event's
        ]
        await self._queue.enqueue_all(tx, [*jobs, *also])

    def payload(self, kind: str, body: bytes) -> Any:
        """What a handler of this job kind receives: the event itself, or the job's dictionary."""
        event = self._event_of.get(kind)
        if event is None:
            return orjson.loads(body)
        return self._types[event].validate_json(body)
