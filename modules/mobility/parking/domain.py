"""Number plates, stays and how long a quote is good."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field

from core.ids import OutsideNo
from core.money import AmountFen
from core.texts import Named

KIND = "mobility.parking"
"""The payable's name."""

CASHIER_OPEN = timedelta(minutes=15)
"""How long a payer may take: the operator must hold its quote at least as long."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """What parking costs at a place."""

    free_minutes: Annotated[int, Field(ge=0), "Minutes that cost nothing."]
    unit_minutes: Annotated[int, Field(gt=0), "The unit that is charged when begun."]
    unit_price_fen: Annotated[AmountFen, "The price of a unit."]
    daily_cap_fen: Annotated[AmountFen, "The most for 24 hours."]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a car stands."""

    place_id: str
    name_zh: str
    name_en: str
    lat: Annotated[float, "Latitude, WGS 84."]
    lon: Annotated[float, "Longitude, WGS 84."]
    tariff: Tariff

    @property
    def name(self) -> Annotated[Named, "The place's name in the viewer's language."]:
        """The name in both languages."""
        return Named(self.name_zh, self.name_en)


@dataclass(frozen=True, slots=True)
class Session:
    """A stay as the operator tells it: what is due as of `quoted_at`, and until when that is taken.

    `paid_fen` was paid before; `exit_by` is until when the barrier opens for it.
    """

    session_id: OutsideNo
    plate: str
    place: Place
    entered_at: AwareDatetime
    quoted_at: AwareDatetime
    quote_holds_until: AwareDatetime
    amount_due_fen: AmountFen
    paid_fen: AmountFen
    exit_by: AwareDatetime | None
    exited_at: AwareDatetime | None


def is_held(quote_holds_until: datetime, now: datetime) -> bool:
    """Whether a cashier that opens now closes before the operator's quote ends."""
    return now + CASHIER_OPEN <= quote_holds_until
