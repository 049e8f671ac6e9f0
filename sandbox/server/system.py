"""How an outside system describes itself: its name, operations, tables. Everything is built on it.

A new system is one file or folder in `sandbox/systems/` with `SYSTEMS = (System(...),)`; nothing
else changes.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.geography import Geography, Place
from sandbox.population.people import Population
from sandbox.server.callbacks import Callbacks
from sandbox.server.faults import Faults
from sandbox.server.settings import SandboxSettings
from sandbox.server.state import State

SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class City:
    """What every handler may use: settings, memory, people, faults, callbacks, a folder for files
    that do not outlive the process, and the time.
    """

    settings: SandboxSettings
    state: State
    population: Population
    faults: Faults
    callbacks: Callbacks
    scratch: Path
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def today(self) -> date:
        """The civil date in Shanghai."""
        return self.now().astimezone(SHANGHAI).date()

    def timestamp(self) -> str:
        """The time in Shanghai as text, to the second."""
        return self.now().astimezone(SHANGHAI).isoformat(timespec="seconds")

    @property
    def geography(self) -> Geography:
        """Where things are."""
        return Geography(
            self.settings.seed, Place(self.settings.centre_lat, self.settings.centre_lon)
        )

    def serial(self, sequence: str) -> str:
        """Eighteen digits for a new number: the date, the second of the day, a running count.

        The time keeps numbers apart from those given before a reset or a restart without state.
        """
        now = self.now().astimezone(SHANGHAI)
        second = now.hour * 3600 + now.minute * 60 + now.second
        return f"{now:%Y%m%d}{second:05d}{self.state.next_in(sequence) % 100_000:05d}"


Handler = Callable[[Request, City], Awaitable[Response]]


@dataclass(frozen=True)
class Variants:
    """The operations behind one address that serves several: their names, and how to tell."""

    names: tuple[str, ...]
    name_of: Callable[[Request], Awaitable[str]]


@dataclass(frozen=True)
class Operation:
    """One route. Its name is what fault switches call it; with variants, theirs count instead."""

    name: str
    method: str
    path: str
    handler: Handler
    variants: Variants | None = None

    @property
    def fault_names(self) -> tuple[str, ...]:
        """The names by which fault switches know it."""
        return (self.name,) if self.variants is None else self.variants.names


@dataclass(frozen=True)
class System:
    """One outside system.

    `operations` are its own interface and obey the fault switches; `controls` are routes under
    `/_control` that never fail on purpose. `schema` is SQL for its tables, each named with a
    prefix of its own. Systems of one `group` can be broken together. `running` is entered at
    start-up, for systems with work in the background.
    """

    name: str
    title_zh: str
    title_en: str
    operations: tuple[Operation, ...]
    controls: tuple[Operation, ...] = ()
    schema: str = ""
    group: str | None = None
    running: Callable[[City], AbstractAsyncContextManager[None]] | None = None
