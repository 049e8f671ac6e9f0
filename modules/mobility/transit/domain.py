"""Rides: the code that opens a gate, the trip it makes, what that costs."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pydantic import AwareDatetime

from core.ids import OutsideNo
from core.money import AmountFen

KIND = "mobility.trip"
"""The payable's name."""

CODE_LIFE = timedelta(seconds=45)
"""Gates take codes that live for at most a minute; one that was photographed is soon worthless."""

GATES = "fare"
"""The readers of ride codes, as the codes name them."""


class TripMode(StrEnum):
    """BUS or METRO."""

    BUS = "BUS"
    METRO = "METRO"


class TripStatus(StrEnum):
    """OPEN: still inside the metro, the fare is not known. UNPAID: over and to be paid. PAID: over
    and paid.
    """

    OPEN = "OPEN"
    UNPAID = "UNPAID"
    PAID = "PAID"


@dataclass(frozen=True, slots=True)
class Trip:
    """A trip as fare clearing tells it; `rider_ref` is our pseudonym for the rider.

    A bus tells its line alone; the fare of an open trip is not known yet.
    """

    trip_no: OutsideNo
    rider_ref: str
    mode: TripMode
    from_zh: str
    from_en: str
    to_zh: str | None
    to_en: str | None
    entered_at: AwareDatetime
    exited_at: AwareDatetime | None
    fare_fen: AmountFen | None
    status: TripStatus

    def __post_init__(self) -> None:
        """Raises ValueError for a trip that is to be paid and does not say what it costs."""
        if self.status is TripStatus.UNPAID and self.fare_fen is None:
            raise ValueError("an unpaid trip without a fare")
