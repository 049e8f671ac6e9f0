"""One call: everything a command or query may use, made once per request or job.

Commands and queries are plain functions whose first argument is the call; tests make their own.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast
from uuid import UUID

from core.context.app import App
from core.deadline import Deadline
from core.security.authentication import Viewer, require
from core.security.authorization import Need, Scope, decide, need_of
from core.security.mandate import Mandate
from core.texts import Locale

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """A request in flight: who asks, for whom, in which language, until when."""

    app: App
    deadline: Deadline
    request_id: str
    viewer: Viewer | None = None
    locale: Locale = Locale.ZH
    address: str = ""
    resume_ticket: str | None = None
    """The client says that it continues the action of this ticket."""
    mandate: Mandate | None = None
    """What lets the viewer act for somebody else; None where they act for themselves."""
    _once: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def require_viewer(self, level: int = 1) -> Viewer:
        """The viewer. Raises LoginRequired for strangers, for too low an identity level, and for
        who has not shown to be the account's owner."""
        return require(self.viewer, level)

    def of(self, viewer: Viewer) -> "Call":
        """The same call of who turned out to be there in it; loaders are its own."""
        return replace(self, viewer=viewer, _once={})

    def admitting_unproved(self) -> "Call":
        """The same call, whose viewer need not have shown to be the account's owner: for what
        leads to showing it, and for nothing else. Raises LoginRequired for strangers."""
        viewer = require(self.viewer, proved=False)
        return self if viewer.proved else replace(self, viewer=replace(viewer, proved=True))

    def require_service(self, service_id: str) -> Viewer:
        """The viewer, held to the whole rule of a service: level and freshness.

        For commands that learn only from their data which service they belong to. Raises
        LoginRequired and Forbidden as `core.security.authorization.decide` does.
        """
        return self._require(need_of(self.app.services[service_id]))

    def require_scope(self, scope: Scope) -> Viewer:
        """The viewer, as a member of staff with a scope. Raises LoginRequired and Forbidden."""
        return self._require(Need(level=1, scope=scope))

    def _require(self, need: Need) -> Viewer:
        decide(self.viewer, need, self.app.clock.now())
        return self.require_viewer()

    @property
    def subject_id(self) -> UUID:
        """Whose data and affairs this is about: the viewer's own, or of whom they act for.

        Raises LoginRequired for strangers.
        """
        return self.mandate.subject_id if self.mandate else self.require_viewer().user_id

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """One object per call, made at first need: dataloaders live here."""
        if key not in self._once:
            self._once[key] = make()
        return cast(T, self._once[key])

    def within(self, deadline: Deadline) -> "Call":
        """The same call with less time; loaders are shared."""
        return replace(self, deadline=deadline)

    def acting(self, mandate: Mandate) -> "Call":
        """The same call on behalf of the mandate's subject; loaders are its own."""
        return replace(self, mandate=mandate, _once={})
