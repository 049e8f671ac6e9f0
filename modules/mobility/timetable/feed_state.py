"""What the realtime messages of one feed have said: full ones replace, differential ones change."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from core.standards.gtfs.faults import Faults, FeedError
from core.standards.gtfs.predictions import Reports
from core.standards.gtfs.realtime import (
    AlertReport,
    Message,
    read_slowly,
)
from core.standards.gtfs.vehicles import SKEW_S, Fleet


class FeedState:
    """The state of one feed, over all its addresses; `prefix` stands before its ids."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._messages: dict[str, Message] = {}
        self._fleet = Fleet()
        self._faults = Faults()
        self.reason: str | None = None
        """Why the last message could not be had, a stable code."""

    def take(self, path: str, data: bytes, now: int) -> Iterator[Message]:
        """Learn from a message of an address, pausing after each entity. Raises FeedError.

        One that is older than the last, or from the future, changes nothing.
        """
        message: Message | None = None
        for message in read_slowly(data, self._prefix):
            yield message
        assert message is not None
        self._faults.merge(message.faults)
        message.timestamp = message.timestamp or now
        known = self._messages.get(path)
        if message.timestamp > now + SKEW_S:
            raise FeedError("E050", "the header is from the future")
        if known is not None and message.timestamp < known.timestamp:
            self._faults.add("E018", path, ["an older message"])
            return
        if message.differential and known is not None:
            message = _changed(known, message)
        self._messages[path] = message
        for vehicle in message.vehicles.values():
            yield message
            self._fleet.learn(vehicle, message.timestamp, now, self._faults)
        self._fleet.forget(now)
        yield message

    def reports(self) -> Reports:
        """What is said now."""
        messages = self._messages.values()
        with_trips = [message for message in messages if message.trips]
        with_vehicles = [message for message in messages if message.vehicles]
        newest = max((message.timestamp for message in messages), default=0)
        trips = [trip for message in with_trips for trip in message.trips.values()]
        return Reports(
            # frozen trip updates are not made fresh by alerts that go on
            header_at=min((message.timestamp for message in with_trips), default=newest),
            trips=trips,
            vehicles=self._fleet.vehicles,
            vehicles_at=min((message.timestamp for message in with_vehicles), default=newest),
        )

    @property
    def alerts(self) -> Sequence[AlertReport]:
        """The alerts, those that hold later included."""
        return [alert for one in self._messages.values() for alert in one.alerts.values()]

    def take_faults(self) -> Faults:
        """What was wrong since the last time."""
        faults, self._faults = self._faults, Faults()
        return faults


def _changed(known: Message, message: Message) -> Message:
    """What was known, with the entities of a differential message changed and taken out."""

    def merged(name: str) -> dict[str, object]:
        both = {**getattr(known, name), **getattr(message, name)}
        return {ref: one for ref, one in both.items() if ref not in message.deleted}

    return replace(
        message,
        **{name: merged(name) for name in ("trips", "vehicles", "alerts")},  # type: ignore[arg-type]
    )
