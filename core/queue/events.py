"""Events: news of what one wing committed, carried to its subscribers as jobs.

An event class is a frozen dataclass in a room `events.py`; its name on the wire is
"<wing>.<Class>". Publishing enqueues one job per subscriber in the publisher's own transaction,
so an event exists exactly when the thing it tells of does.
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, is_dataclass
from functools import cache
from typing import Any, Generic, TypeVar, get_args

from pydantic import TypeAdapter

from core.database import Transaction
from core.errors import StartError
from core.json import to_json
from core.manifest import Manifest
from core.queue.jobs import Job, JobQueue, Lane, NewJob
from core.rooms import ExtensionPoint, classes_of

E = TypeVar("E")
Handler = Callable[[Any, E], Awaitable[None]]


@dataclass(frozen=True)
class Subscriber(Generic[E]):
    """A function that runs as a job after an event's transaction commits. Called, it is that
    function."""

    events: Sequence[str]
    function: Handler[E]
    kinds: str
    lane: Lane
    max_attempts: int
    timeout_s: float

    async def __call__(self, app: Any, event: E) -> None:
        """Run the function, without the queue."""
        await self.function(app, event)


def on(
    *events: str,
    kinds: str = "",
    lane: Lane = Lane.NORMAL,
    max_attempts: int = 10,
    timeout_s: float = 30.0,
) -> Callable[[Handler[E]], Subscriber[E]]:
    """Subscribe a function `(app, event)` to events by name ("payments.PaymentFulfilled").

    With `kinds`, only to those whose `kind` begins with it: no job is made for what the subscriber
    would pass over. An event that nobody declares, or that the function does not take, refuses to
    start.
    """

    def subscribe(function: Handler[E]) -> Subscriber[E]:
        return Subscriber(events, function, kinds, lane, max_attempts, timeout_s)

    return subscribe


SUBSCRIBERS: ExtensionPoint[Subscriber[Any]] = ExtensionPoint("event subscriber", Subscriber, id)


class EventBook:
    """Every event class and who listens to it, from the rooms."""

    def __init__(self, manifests: Sequence[Manifest], queue: JobQueue) -> None:
        self._queue = queue
        self._names: dict[type, str] = {}
        self._subscribers: dict[str, list[tuple[str, str]]] = {}
        for manifest in manifests:
            for event_class in classes_of(manifest):
                if event_class.__module__.endswith(".events") and is_dataclass(event_class):
                    name = f"{manifest.name}.{event_class.__name__}"
                    self._names[event_class] = name
                    self._subscribers[name] = []
        classes = {name: event_class for event_class, name in self._names.items()}
        for manifest, subscriber in SUBSCRIBERS.owned(manifests):
            for event in subscriber.events:
                _require_sound(manifest, subscriber, event, classes.get(event))
                job = _job_of(manifest, subscriber, event, classes[event])
                queue.add(job)
                self._subscribers[event].append((job.kind, subscriber.kinds))

    async def publish(
        self, tx: Transaction, event: object, *also: NewJob, instead_of: str | None = None
    ) -> None:
        """Tell every subscriber, when `tx` commits; `also` are jobs that go with the same trip, and
        `instead_of` is one that is dropped with it: see `JobQueue.enqueue`.

        Raises KeyError for an event whose class is in no room.
        """
        await self._queue.enqueue(tx, [*self.jobs_of(event), *also], instead_of=instead_of)

    def jobs_of(self, event: object) -> list[NewJob]:
        """The jobs that tell an event's subscribers, to be enqueued with others. Raises KeyError as
        `publish` does."""
        return [
            NewJob(job, [event])
            for job, kinds in self._subscribers[self._names[type(event)]]
            if not kinds or getattr(event, "kind").startswith(kinds)  # noqa: B009 - not every event's
        ]


@cache
def _adapter(event_class: type) -> TypeAdapter[Any]:
    return TypeAdapter(event_class)


def _job_of(
    manifest: Manifest, subscriber: Subscriber[Any], event: str, event_class: type
) -> Job[Any]:
    """The kind of job that carries one event to one subscriber; its payload is the event."""
    adapter = _adapter(event_class)
    return Job(
        f"{event}>{manifest.name}.{subscriber.function.__name__}",
        subscriber.function,
        write=lambda arguments: to_json(arguments[0]),
        read=lambda payload: [adapter.validate_json(payload)],
        lane=subscriber.lane,
        max_attempts=subscriber.max_attempts,
        timeout_s=subscriber.timeout_s,
    )


def _require_sound(
    manifest: Manifest, subscriber: Subscriber[Any], event: str, event_class: type | None
) -> None:
    """Raise StartError for a subscriber that could never run."""
    if event_class is None:
        raise StartError(f"{manifest.name} listens to unknown event {event}")
    if subscriber.kinds and "kind" not in event_class.__annotations__:
        raise StartError(f"{manifest.name}: {event} is of no kind")
    _app, parameter = inspect.signature(subscriber.function).parameters.values()
    if event_class not in (get_args(parameter.annotation) or (parameter.annotation,)):
        name = subscriber.function.__name__
        raise StartError(f"{manifest.name}: {name} listens to {event} and does not take it")
