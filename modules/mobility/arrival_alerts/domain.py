"""When an alert rings: on what is live, or on the timetable where that is wished; never on what is
stale."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.standards.gtfs.predictions import Freshness
from modules.mobility.arrivals.domain import Arrival

BUS_ARRIVAL_ALERT = "bus-arrival-alert"
MINUTES_MAX, STOPS_MAX = 60, 20
LOST_AFTER = timedelta(minutes=3)
"""So long after it was last live a vehicle counts as not seen any more."""


class Ring(StrEnum):
    """What a person is told of a vehicle, once each."""

    NEAR = "NEAR"
    CANCELLED = "CANCELLED"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class Threshold:
    """How near is near."""

    minutes: int | None
    stops: int | None
    by_schedule: bool

    def is_near(self, arrival: Arrival, now: datetime) -> bool:
        """Whether a vehicle is near, and certainly enough to say so."""
        if arrival.is_cancelled:
            return False
        within = timedelta(minutes=self.minutes or 0)
        if arrival.freshness is Freshness.LIVE:
            if self.minutes is not None and arrival.arrives_at - now <= within:
                return True
            if self.stops is not None and arrival.stops_away is not None:
                return arrival.stops_away <= self.stops
        scheduled = arrival.scheduled_at
        return (
            self.by_schedule
            and self.minutes is not None
            and arrival.freshness is not Freshness.STALE
            and scheduled is not None
            and scheduled - now <= within
        )


def ring_of(
    arrival: Arrival, threshold: Threshold, tracked_at: datetime | None, now: datetime
) -> Ring | None:
    """What is due to be told of a vehicle; `tracked_at` is when it was last seen live."""
    if arrival.is_cancelled:
        return Ring.CANCELLED
    if threshold.is_near(arrival, now):
        return Ring.NEAR
    if tracked_at is not None and now - tracked_at > LOST_AFTER:
        return Ring.LOST
    return None
