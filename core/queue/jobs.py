"""Queued work on pgqueuer, enqueued in the caller's own transaction.

The job and the rows it belongs to commit together or vanish together. A job runs at least once:
its function is repeat-safe and the permanent business key stands in our tables, not in the queue.

A job is declared where it is written:

    @job("payments.check", lane=Lane.CRITICAL, timeout_s=20)
    async def check(app: App, intent_id: UUID) -> None: ...

    await check.enqueue(app, tx, intent.id, key=f"{intent.id}:1", after=wait)
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVarTuple

import orjson
from pydantic import BaseModel, create_model

from core.clock import Clock
from core.database import (
    Transaction,
    is_notifying,
    notify_after_commit,
    raw_connection,
    transaction,
)
from core.database.arrays import unnest
from core.errors import StartError
from core.manifest import Manifest
from core.rooms import ExtensionPoint

Ts = TypeVarTuple("Ts")


class Lane(StrEnum):
    """Job lanes; a flood in one never delays another."""

    CRITICAL = "critical"
    NORMAL = "normal"
    BULK = "bulk"


_PRIORITY = {Lane.CRITICAL: 20, Lane.NORMAL: 10, Lane.BULK: 0}

_UNTIMED = "1970-01-01T00:00:00Z"
"""The queue's form wants a time, which nobody reads: so equal notices are equal."""

LOOKS_EVERY = timedelta(seconds=2)
"""How often a lane looks, unwoken, for work and for when the next delayed job is due."""

NO_TRIGGER_SQL = """
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_trigger WHERE tgname = 'tg_pgqueuer_changed') THEN
    DROP TRIGGER tg_pgqueuer_changed ON pgqueuer;
  END IF;
END $$
"""
"""Takes away the queue's own trigger, which wakes every lane for each job that comes or goes and in
its transaction: lanes are woken after the commit. Safe to run again."""


JOB = {"priority": "int", "kind": "text", "payload": "bytea", "after": "interval", "key": "text"}
"""The columns in which jobs go to the database, and their types."""


def insert_jobs(source: str) -> str:
    """The statement that adds the jobs of a source named `n`, which has the columns of `JOB`."""
    return f"""
INSERT INTO pgqueuer (priority, entrypoint, payload, execute_after, dedupe_key, status)
SELECT n.priority, n.kind, n.payload, now() + n.after, n.key, 'queued' FROM {source}
ON CONFLICT (dedupe_key) WHERE status IN ('queued', 'picked') AND dedupe_key IS NOT NULL DO NOTHING
"""  # noqa: S608 - our own text


_DROP = "DELETE FROM pgqueuer WHERE dedupe_key = $1 AND status = 'queued'"

_ENQUEUE = insert_jobs(unnest(JOB, "n"))
"""The queue's own statement logs each job too, which nobody reads: metrics tell of jobs."""

_AFTER_DROP = f"{unnest(JOB, 'n', first=2)} CROSS JOIN (SELECT count(*) FROM dropped) AS before"  # noqa: S608 - our own text

_REPLACE = f"""
WITH dropped AS ({_DROP} RETURNING id)
{insert_jobs(_AFTER_DROP)}
RETURNING (SELECT count(pg_notify(w.channel, w.payload))
             FROM unnest($7::text[], $8::text[]) AS w (channel, payload))
"""  # noqa: S608 - our own text
"""The same, once the job of a key is dropped, and lanes are woken: in one trip."""


def wake_channel(lane: Lane) -> str:
    """The channel on which a lane hears of new work."""
    return f"ch_pgqueuer_{_PRIORITY[lane]}"


def wake_payload(channel: str) -> str:
    """What has the lane of a channel look for work, in the queue's own form."""
    event = {"channel": channel, "operation": "insert", "sent_at": _UNTIMED, "table": "pgqueuer",
             "type": "table_changed_event"}  # fmt: skip
    return orjson.dumps(event).decode()


class GiveUp(Exception):
    """Raised by a handler where repeating cannot help: straight to the dead letters."""


EARLY_TOLERANCE = timedelta(seconds=2)
"""How much before its time a job may run where that does no harm."""


class Early(Exception):
    """Raised by a handler before its time: its job comes again then, and nothing has failed."""

    def __init__(self, wait: timedelta) -> None:
        """`wait` is how long it is until then."""
        super().__init__(f"{wait} before its time")
        self.wait = wait


def require_due(clock: Clock, due_at: datetime | None, tolerance: timedelta = timedelta(0)) -> None:
    """Raise Early more than `tolerance` before a moment; None is always past.

    What the database's clock has called due, the clock of the process that takes it may not, and
    another run may have moved the moment: the job that comes early would be the last to come.
    """
    wait = timedelta(0) if due_at is None else due_at - clock.now()
    if wait > tolerance:
        raise Early(wait)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to enqueue, with the arguments of its function.

    `key` drops the job where an equal one of its kind waits or runs, which may have looked already
    at what this one is to see: only for what that one does anyway, or a sweep stands behind.
    `after` delays it.
    """

    kind: str
    arguments: Sequence[object]
    key: str | None = None
    after: timedelta = timedelta(0)


class HasQueue(Protocol):
    """What enqueuing needs of an App."""

    @property
    def queue(self) -> "JobQueue":
        """The process's queue."""


@dataclass(frozen=True)
class JobKind(Generic[*Ts]):
    """A kind of job by its name, for files that the file of its function imports.

    `FULFIL = JobKind[UUID]("payments.fulfil")`; a kind that no room declares refuses to start.
    """

    kind: str

    def later(
        self, *arguments: *Ts, key: str | None = None, after: timedelta = timedelta(0)
    ) -> NewJob:
        """A job of this kind to enqueue together with others; see `NewJob`."""
        return NewJob(self.kind, arguments, key, after)

    async def enqueue(
        self,
        app: HasQueue,
        tx: Transaction,
        *arguments: *Ts,
        key: str | None = None,
        after: timedelta = timedelta(0),
    ) -> None:
        """Add a job that becomes visible when `tx` commits; see `NewJob`.

        Raises KeyError for a kind that is in no room, ValidationError for other arguments.
        """
        await app.queue.enqueue(tx, [NewJob(self.kind, arguments, key, after)])

    def waiting(self, key: str) -> str:
        """How the queue knows the job of this kind that may wait under a key."""
        return f"{self.kind}:{key}"

    async def drop(self, tx: Transaction, key: str) -> None:
        """Take back a job that still waits and has nothing left to do; none is no error."""
        await raw_connection(tx).execute(_DROP, self.waiting(key))


@dataclass(frozen=True)
class Job(JobKind[*Ts]):
    """A kind of job with its function and its limits. Runs at least once.

    Failed runs repeat after 1 s, 2 s, 4 s … (at most `max_delay_s`) until `max_attempts`, then the
    job stands among the dead letters until somebody re-runs it. With `every` (a cron expression in
    UTC) the calendar enqueues it. Called, it is its function.
    """

    function: Callable[[Any, *Ts], Awaitable[None]]
    write: Callable[[Sequence[object]], bytes]
    """The payload of a job with these arguments."""
    read: Callable[[bytes], Sequence[Any]]
    """The arguments in a payload. Raises ValidationError."""
    lane: Lane = Lane.NORMAL
    max_attempts: int = 10
    max_delay_s: float = 300.0
    timeout_s: float = 30.0
    every: str | None = None

    async def __call__(self, app: Any, *arguments: *Ts) -> None:
        """Run the function, without the queue."""
        await self.function(app, *arguments)

    async def run(self, app: Any, payload: bytes) -> None:
        """Run the function on a queued payload; where it is early, enqueue it anew for its time.

        Without a key: the job that runs has its own still, which would drop the new one.
        """
        arguments = self.read(payload)
        try:
            await self.function(app, *arguments)
        except Early as early:
            async with transaction() as tx:
                again = NewJob(self.kind, arguments, after=early.wait)
                await app.queue.enqueue(tx, [again])


def job(
    kind: str,
    *,
    lane: Lane = Lane.NORMAL,
    max_attempts: int = 10,
    max_delay_s: float = 300.0,
    timeout_s: float = 30.0,
    every: str | None = None,
) -> Callable[[Callable[[Any, *Ts], Awaitable[None]]], Job[*Ts]]:
    """Declare a function as a kind of job; `kind` begins with the name of its wing.

    Its payload is a JSON object of the names of the arguments after the App. Renaming one loses
    what is queued; a new one needs a default.
    """

    def declare(function: Callable[[Any, *Ts], Awaitable[None]]) -> Job[*Ts]:
        model = _arguments_of(kind, function)
        if every and any(field.is_required() for field in model.model_fields.values()):
            raise StartError(f"{kind}: the calendar has no arguments to give")
        return Job(
            kind,
            function,
            write=lambda arguments: _write(model, arguments),
            read=lambda payload: _read(model, payload),
            lane=lane,
            max_attempts=max_attempts,
            max_delay_s=max_delay_s,
            timeout_s=timeout_s,
            every=every,
        )

    return declare


def _arguments_of(kind: str, function: Callable[..., object]) -> type[BaseModel]:
    _app, *parameters = inspect.signature(function).parameters.values()
    fields: dict[str, Any] = {
        p.name: (p.annotation, ... if p.default is p.empty else p.default) for p in parameters
    }
    return create_model(kind, **fields)


def _write(model: type[BaseModel], arguments: Sequence[object]) -> bytes:
    names = list(model.model_fields)
    if len(arguments) > len(names):
        raise TypeError(f"a job {model.__name__!r} takes {len(names)} arguments")
    values = dict(zip(names, arguments, strict=False))
    return model(**values).model_dump_json(exclude_unset=True).encode()


def _read(model: type[BaseModel], payload: bytes) -> Sequence[Any]:
    arguments = model.model_validate_json(payload)
    return [getattr(arguments, name) for name in model.model_fields]


JOBS: ExtensionPoint[Job[Any]] = ExtensionPoint("job kind", Job, key=lambda declared: declared.kind)
_NAMES: ExtensionPoint[JobKind[Any]] = ExtensionPoint("name of a job", JobKind, key=id)


class JobQueue:
    """Enqueues jobs of the kinds that rooms declare."""

    def __init__(self, manifests: Sequence[Manifest]) -> None:
        self.kinds: dict[str, Job[Any]] = {}
        for manifest, declared in JOBS.owned(manifests):
            if not declared.kind.startswith(f"{manifest.name}."):
                raise StartError(f"{manifest.name} declares the job {declared.kind!r} of another")
            self.add(declared)
        for name in _NAMES.of(manifests):
            if name.kind not in self.kinds:
                raise StartError(f"no room declares the job {name.kind!r}, which is enqueued")

    def add(self, declared: Job[Any]) -> None:
        """Take a kind of job into the queue. Raises StartError for a second of its name."""
        if declared.kind in self.kinds:
            raise StartError(f"declared twice, job kind: {declared.kind}")
        self.kinds[declared.kind] = declared

    async def enqueue(
        self, tx: Transaction, jobs: Sequence[NewJob], *, instead_of: str | None = None
    ) -> None:
        """Add jobs of any kinds in one statement; without jobs there is none.

        They become visible when `tx` commits. `instead_of` is a job to drop with the same trip, as
        `JobKind.waiting` names it. Raises KeyError for a kind that is in no room.
        """
        if not jobs:
            return
        columns = map(list, zip(*map(self.columns_of, jobs), strict=True))
        channels = self._channels_of(jobs)
        now = channels if is_notifying() else []
        if now or instead_of is not None:
            payloads = [wake_payload(channel) for channel in now]
            await raw_connection(tx).execute(_REPLACE, instead_of, *columns, now, payloads)
        else:
            await raw_connection(tx).execute(_ENQUEUE, *columns)
        if not now:
            await self._wake(tx, channels)

    def columns_of(self, job: NewJob) -> tuple[object, ...]:
        """A job in the columns of `JOB`. Raises as `enqueue`."""
        declared = self.kinds[job.kind]
        key = None if job.key is None else f"{job.kind}:{job.key}"
        payload = declared.write(job.arguments)
        return _PRIORITY[declared.lane], job.kind, payload, job.after, key

    async def wake(self, tx: Transaction, jobs: Sequence[NewJob]) -> None:
        """Have the lanes of jobs that were added look for work once `tx` commits."""
        await self._wake(tx, self._channels_of(jobs))

    def _channels_of(self, jobs: Sequence[NewJob]) -> list[str]:
        """The channels of the lanes that jobs are to be taken by before they look by themselves."""
        soon = [self.kinds[job.kind].lane for job in jobs if job.after < LOOKS_EVERY]
        return list(dict.fromkeys(map(wake_channel, soon)))

    async def _wake(self, tx: Transaction, channels: Sequence[str]) -> None:
        for channel in channels:
            await notify_after_commit(tx, channel, wake_payload(channel))
