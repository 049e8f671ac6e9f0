"""What every transport serves with, made when the process has opened its App."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bff.admission import Gate
from bff.executor import Executor
from bff.trusted import Documents
from core.app import App


@dataclass(frozen=True)
class Edge:
    """The GraphQL endpoint's parts."""

    app: App
    executor: Executor
    documents: Documents
    gate: Gate
    drains: set[Callable[[], None]] = field(default_factory=set)
    """How to end each open stream, for when the process is about to stop."""

    def drain(self) -> None:
        """End all streams; their clients resume at another process."""
        for drain in list(self.drains):
            drain()
