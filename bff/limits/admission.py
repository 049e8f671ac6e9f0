"""Who is let in: rates by address, device and person, requests at once, and shedding under load.

When the process has more to do than it can, requests are refused by priority: free text first,
then reading, money and safety last.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import IntEnum

from bff.limits.buckets import Buckets, Quota, Taken
from bff.request.context import Caller
from bff.request.texts import OVERLOADED, TOO_MANY_AT_ONCE
from core.deadline import Monotonic
from core.errors import RateLimited, Unavailable
from core.refusal_texts import TOO_MANY_REQUESTS
from core.security.authentication import Viewer
from core.settings import Settings

_RETRY_S = 1
_SENDERS_SHARE = 5


class Priority(IntEnum):
    """Who gives way first."""

    LOW = 0
    """Free text."""
    NORMAL = 1
    """Reading."""
    CRITICAL = 2
    """Money and safety, and whatever changes something."""


_SHARE = {Priority.LOW: 0.6, Priority.NORMAL: 0.8, Priority.CRITICAL: 1.0}
"""How full the process may be for a request of this priority to be let in."""


class Overloaded(Unavailable):
    """The process has too much to do; the request was not begun."""


class Gate:
    """Counts what is under way and decides whether one more may begin."""

    def __init__(self, settings: Settings, monotonic: Monotonic = time.monotonic) -> None:
        self._in_flight_max = [settings.requests_in_flight_max * _SHARE[one] for one in Priority]
        """By priority."""
        self._person_max = settings.requests_per_person_at_once
        self._in_flight = 0
        self._by_person: dict[str, int] = {}
        self._streams_max = settings.streams_per_person
        self._streams: dict[str, int] = {}
        self._sockets_max = settings.sockets_per_address
        self._sockets: dict[str, int] = {}
        self._signed_in_max = settings.sockets_per_person
        self._signed_in: dict[str, int] = {}
        self._addresses = Buckets(Quota("address", settings.rate_address), monotonic)
        senders = Quota("address", _SENDERS_SHARE * settings.rate_address)
        self._senders = Buckets(senders, monotonic)
        self._devices = Buckets(Quota("device", settings.rate_device), monotonic)
        self._persons = Buckets(Quota("person", settings.rate_person), monotonic)

    def arrive(self, caller: Caller) -> Taken | None:
        """Count a request before anything else is done for it: nothing of it has been read.

        Returns the quota that is nearest its end, None where none applies. Raises RateLimited
        where one is used up; a refused address adds no device.
        """
        return _nearer(_take(self._addresses, caller.address), _take(self._devices, caller.device))

    def pass_by(self, caller: Caller, *, reads: bool) -> None:
        """Count a request beside GraphQL: readers as all others, what is sent to us five times.

        A PSP's callbacks and a school's gates come from one address. Raises RateLimited.
        """
        _take(self._addresses if reads else self._senders, caller.address)

    def recognise(self, viewer: Viewer | None, taken: Taken | None) -> Taken | None:
        """Count a request that has arrived by its person, once they are known.

        Returns and raises as `arrive`.
        """
        return _nearer(taken, _take(self._persons, str(viewer.user_id) if viewer else None))

    def connected(self, address: str) -> AbstractContextManager[None]:
        """A connection of somebody unknown is open. Entering raises RateLimited above the address's
        share."""
        return _place(self._sockets, address, self._sockets_max)

    def signed_in(self, viewer: Viewer) -> AbstractContextManager[None]:
        """A connection of a person is open; their address, which many may share, has no part in it.

        Entering raises RateLimited when this person has too many open.
        """
        return _place(self._signed_in, str(viewer.user_id), self._signed_in_max)

    def streaming(self, who: str) -> AbstractContextManager[None]:
        """A subscription is open. Entering raises RateLimited when this person has too many open.

        `who` is as of `entered`.
        """
        return _place(self._streams, who, self._streams_max)

    def entered(self, priority: Priority, who: str) -> "Entered":
        """A query or mutation is under way. `who` is as `who_of` has it.

        Entering raises Overloaded when the process is too full for its priority, RateLimited when
        this person has too many requests under way.
        """
        return Entered(self, priority, who)

    def _enter(self, priority: Priority, who: str) -> None:
        if self._in_flight >= self._in_flight_max[priority]:
            raise Overloaded(OVERLOADED)
        _count_up(self._by_person, who, self._person_max)
        self._in_flight += 1

    def _leave(self, who: str) -> None:
        self._in_flight -= 1
        _count_down(self._by_person, who)


class Entered:
    """A place among the requests under way, as a `with` statement.

    A class, because every request enters one and a generator costs twice as much.
    """

    __slots__ = ("_gate", "_priority", "_who")

    def __init__(self, gate: Gate, priority: Priority, who: str) -> None:
        self._gate = gate
        self._priority = priority
        self._who = who

    def __enter__(self) -> None:
        self._gate._enter(self._priority, self._who)

    def __exit__(self, *_: object) -> None:
        self._gate._leave(self._who)


def who_of(viewer: Viewer | None, caller: Caller) -> str:
    """By whom what is under way is counted: a person's id, or a stranger's address."""
    return str(viewer.user_id) if viewer else caller.address


@contextmanager
def _place(counts: dict[str, int], who: str, most: int) -> Iterator[None]:
    _count_up(counts, who, most)
    try:
        yield
    finally:
        _count_down(counts, who)


def _count_up(counts: dict[str, int], who: str, most: int) -> None:
    taken = counts.get(who, 0)
    if taken >= most:
        raise RateLimited(TOO_MANY_AT_ONCE, retry_after_s=_RETRY_S)
    counts[who] = taken + 1


def _count_down(counts: dict[str, int], who: str) -> None:
    left = counts[who] - 1
    if left:
        counts[who] = left
    else:
        del counts[who]


def rate_headers(taken: Taken) -> list[tuple[bytes, bytes]]:
    """The RateLimit headers (draft-ietf-httpapi-ratelimit-headers)."""
    quota = taken.quota
    until_full_s = (quota.requests - taken.remaining) * quota.window_s / quota.requests
    limit = f'"{quota.name}";r={taken.remaining};t={until_full_s:.0f}'
    return [(b"ratelimit-policy", quota.policy.encode()), (b"ratelimit", limit.encode())]


def _take(buckets: Buckets, key: str | None) -> Taken | None:
    if not key or not buckets.quota.requests:
        return None
    taken = buckets.take(key)
    if taken.retry_after_s:
        raise RateLimited(TOO_MANY_REQUESTS, retry_after_s=taken.retry_after_s)
    return taken


def _nearer(one: Taken | None, other: Taken | None) -> Taken | None:
    """The quota that is nearer its end."""
    if one is None or other is None:
        return one or other
    return min(one, other, key=lambda taken: taken.remaining / taken.quota.requests)
