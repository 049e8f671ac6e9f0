"""One pass over many rows, each by itself: what is wrong with one never stops the others.

Scheduled jobs go over many people's rows. Each row has its own try, and its own transaction inside
it; a row that fails is counted and logged, and the next pass meets it again.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import structlog

from core.database import is_connection_lost
from core.telemetry.tracebacks import error_line
from core.upstream.exchange import UpstreamError

if TYPE_CHECKING:
    from core.context.app import App

T = TypeVar("T")

FIRST = UUID(int=0)
"""Before every id."""

log = structlog.get_logger(__name__)


class SweepIncomplete(Exception):
    """Rows of a pass are left that should not wait for the next: the job runs again."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that are left to a job of its own: those after a key, until another and with it."""

    after: UUID
    until: UUID | None


WHOLE = Part(FIRST, None)
"""All rows."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many rows a pass dealt with, left for the next pass, and failed at."""

    done: int = 0
    waiting: int = 0
    failed: int = 0

    def __add__(self, other: "Swept") -> "Swept":
        return Swept(
            self.done + other.done, self.waiting + other.waiting, self.failed + other.failed
        )

    def require_whole(self) -> None:
        """Raise SweepIncomplete where a row is left, so that the job is repeated soon."""
        if self.failed or self.waiting:
            raise SweepIncomplete(f"{self.failed} rows failed, {self.waiting} wait")


async def sweep(
    app: "App",
    name: str,
    rows: Iterable[T],
    each: Callable[[T], Awaitable[object]],
    *,
    waits: tuple[type[Exception], ...] = (UpstreamError,),
    at_once: int = 1,
) -> Swept:
    """Call `each` for every row, `at_once` at a time, whatever becomes of the others.

    `waits` are errors that the next pass may be spared: a silent upstream. A lost database is no
    row's fault: it is raised, so that the job is repeated.
    """
    gate = asyncio.Semaphore(at_once)

    async def guarded(row: T) -> Swept:
        async with gate:
            return await _one(app, name, row, each, waits)

    if at_once == 1:
        results = [await guarded(row) for row in rows]
    else:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(guarded(row)) for row in rows]
        except ExceptionGroup as lost:
            raise lost.exceptions[0] from None
        results = [task.result() for task in tasks]
    return sum(results, Swept())


async def sweep_pages(
    app: "App",
    name: str,
    list_page: Callable[[UUID, int], Awaitable[Sequence[T]]],
    each: Callable[[T], Awaitable[object]],
    *,
    key: Callable[[T], UUID],
    choose: Callable[[Sequence[T]], Awaitable[Sequence[T]]] | None = None,
    part: Part = WHOLE,
    rest: Callable[[Sequence[Part]], Awaitable[object]] | None = None,
    size: int = 200,
    within_s: float = 240.0,
    waits: tuple[type[Exception], ...] = (UpstreamError,),
) -> Swept:
    """Sweep the pages of `list_page(after, size)`, which are in the order of `key`.

    No number of failing rows keeps the pass from those after them. `choose` picks those rows of a
    page that are swept; all without it. The pass begins no further page later than `within_s` after
    its start, and keeps to its `part`. What is left then is handed to `rest`, which has each
    part swept by a job of its own and holds for all or none: the rows after the last, and those
    swept where some failed or wait, so that the pass is whole and a repetition of it hands on
    nothing twice. Without `rest` they count as one that waits: the calendar's next pass meets them,
    and a job that runs once is whole only without.
    """
    swept, until_s, last = Swept(), time.monotonic() + within_s, part.after
    while True:
        listed = await list_page(last, size)
        page = [row for row in listed if part.until is None or key(row) <= part.until]
        chosen = page if choose is None else await choose(page)
        swept += await sweep(app, name, chosen, each, waits=waits)
        last = key(page[-1]) if page else last
        if len(page) < size or last == part.until:
            return swept
        if time.monotonic() >= until_s:
            break
    log.info("pass stops before its end", sweep=name)
    if rest is None:
        return swept + Swept(waiting=1)
    again = [Part(part.after, last)] if swept.failed or swept.waiting else []
    await rest([*again, Part(last, part.until)])
    return Swept(swept.done)


async def pages(
    list_page: Callable[[UUID, int], Awaitable[Sequence[T]]],
    *,
    key: Callable[[T], UUID],
    size: int = 500,
) -> AsyncIterator[Sequence[T]]:
    """The pages of `list_page(after, size)`, which are in the order of `key`, to the last: for a
    pass that has no row fail, as where each is handed to a job of its own."""
    after = FIRST
    while page := await list_page(after, size):
        yield page
        if len(page) < size:
            return
        after = key(page[-1])


async def _one(
    app: "App",
    name: str,
    row: T,
    each: Callable[[T], Awaitable[object]],
    waits: tuple[type[Exception], ...],
) -> Swept:
    try:
        await each(row)
    except waits as error:
        log.info("row waits", sweep=name, error=error_line(error))
        app.metrics.sweep_row(name, "waits")
        return Swept(waiting=1)
    except Exception as error:
        if is_connection_lost(error):
            raise
        log.warning("row failed", sweep=name, row_id=_id_of(row), exc_info=error)
        app.metrics.sweep_row(name, "failed")
        return Swept(failed=1)
    app.metrics.sweep_row(name, "done")
    return Swept(done=1)


def _id_of(row: object) -> str | None:
    """What names the row in our own tables; never its content."""
    found = row if isinstance(row, UUID | int) else getattr(row, "id", None)
    return None if found is None else str(found)
