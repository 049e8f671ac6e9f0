"""Figures that stand in the database, read when somebody scrapes a process's metrics.

A wing declares what it can tell as a `GaugeSource` in one of its rooms; nothing here knows which
wings there are. A figure that cannot be read in time is missing from the answer, not zero.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import structlog

from core.context.app import App
from core.deadline import in_time
from core.rooms import ExtensionPoint

T = TypeVar("T")

READ_WITHIN_S = 2.0
_KEPT_S = 5.0
"""Several scrapers at once are one reading."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class GaugeSource:
    """A figure with one label: `read(app)` gives its value for each value of the label."""

    name: str
    """What follows `quancheng_`, with its unit last."""
    description: str
    label: str
    read: Callable[[App], Awaitable[Mapping[str, float]]]


GAUGES = ExtensionPoint("gauge", GaugeSource, key=lambda source: source.name)


class Gauges:
    """Reads a process's declared figures into its metrics."""

    def __init__(self, app: App, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._sources = app.extensions(GAUGES)
        self._monotonic = monotonic
        self._read_at_s: float | None = None
        self._lock = asyncio.Lock()

    async def refresh(self) -> None:
        """Read every figure afresh, unless it was read just now; raises nothing."""
        async with self._lock:
            now_s = self._monotonic()
            if self._read_at_s is not None and now_s - self._read_at_s < _KEPT_S:
                return
            await asyncio.gather(*map(self._read, self._sources))
            self._read_at_s = self._monotonic()

    async def _read(self, source: GaugeSource) -> None:
        values: Mapping[str, float] = {}
        try:
            values = await in_time(source.read(self._app), READ_WITHIN_S)
        except Exception as error:
            log.warning("gauge not read", gauge=source.name, error=type(error).__name__)
        self._app.metrics.gauge(source.name, source.description, source.label, values)
