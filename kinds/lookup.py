"""A service that answers a question out of what an outside system holds, about a person or a city.

A service declares what is asked, on which consent and how old an answer may be; asking it leaves
the access log's trace, keeps to the deadline and falls back on the last good answer.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Concatenate, Generic, ParamSpec, TypeVar

from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.people.personal_read import Access, Purpose, personal_read
from core.upstream.readings import Reading

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PersonalLookup(Generic[P, T]):
    """A question about a person. `ask` is an upstream operation, or a function that calls some.

    `ask(app, deadline, access, …)` takes what is asked for beside the person (a year, a cursor) as
    further arguments, which must be hashable: the last good answer is kept for each of them.
    """

    service: str
    purpose: Purpose
    ask: Callable[Concatenate[App, Deadline, Access, P], Awaitable[T]]
    max_stale: timedelta = timedelta(days=1)

    async def read(self, call: Call, *args: P.args, **kwargs: P.kwargs) -> Reading[T]:
        """The answer about the viewer, or about whom they act for.

        Raises LoginRequired below level 2 and Forbidden CONSENT_REQUIRED; nothing is asked then. A
        silent system gives a STALE or UNAVAILABLE reading.
        """

        async def fetch(access: Access) -> T:
            return await self.ask(call.app, call.deadline, access, *args, **kwargs)

        return await personal_read(
            call,
            service=self.service,
            purpose=self.purpose,
            fetch=fetch,
            max_stale=self.max_stale,
            part=(self.service, *args, *sorted(kwargs.items())),
        )


@dataclass(frozen=True, slots=True)
class CityLookup(Generic[P, T]):
    """A question about the city, the same for everybody. `ask(app, deadline, …)` as above."""

    service: str
    ask: Callable[Concatenate[App, Deadline, P], Awaitable[T]]
    max_stale: timedelta = timedelta(hours=1)

    async def read(self, call: Call, *args: P.args, **kwargs: P.kwargs) -> Reading[T]:
        """The answer. Raises UpstreamRejected where the system refuses the question itself."""
        return await call.app.last_good.read_through(
            ("city", self.service, *args, *sorted(kwargs.items())),
            lambda: self.ask(call.app, call.deadline, *args, **kwargs),
            clock=call.app.clock,
            max_stale=self.max_stale,
        )
