"""One call: everything a command or query may use, made once per request or job.

Commands and queries are plain functions whose first argument is the call; tests make their own.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from core.auth import Viewer, require
from core.deadline import Deadline
from core.texts import Locale

if TYPE_CHECKING:
    from core.app import App

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """A request in flight: who asks, in which language, until when."""

    app: "App"
    deadline: Deadline
    request_id: str
    viewer: Viewer | None = None
    locale: Locale = Locale.ZH
    address: str = ""
    _once: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def require_viewer(self, level: int = 1) -> Viewer:
        """The viewer. Raises LoginRequired for strangers and for too low an identity level."""
        return require(self.viewer, level)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """One object per call, made at first need: dataloaders live here."""
        if key not in self._once:
            self._once[key] = make()
        return cast(T, self._once[key])

    def within(self, deadline: Deadline) -> "Call":
        """The same call with less time; loaders are shared."""
        return Call(
            self.app,
            deadline,
            self.request_id,
            self.viewer,
            self.locale,
            self.address,
            self._once,
        )
