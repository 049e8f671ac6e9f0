"""The e-health card: one card in the place of every hospital's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from modules.health.records.domain import Source

SERVICE = "ehealth-card"
CODE_LIFE = timedelta(seconds=60)
"""A photographed code is soon worthless; readers take none that lives longer."""
HOSPITALS = "hospital"
"""The readers of card codes, as the codes name them."""


class CardState(StrEnum):
    """What the card is good for. ACTIVE; SUSPENDED: reported lost; CANCELLED."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class HealthCard:
    """A card as the city's card platform has it."""

    card_no: Annotated[str, "Its number in the platform's index."]
    state: Annotated[CardState, "What it is good for."]
    issued_on: Annotated[date, "Since when."]


@dataclass(frozen=True, slots=True)
class HealthCardLink:
    """The numbers under which a hospital knows the person."""

    hospital: Annotated[Source, "The hospital."]
    local_id: Annotated[str | None, "Its present number; null where it does not know the person."]
    merged: Annotated[Sequence[str], "Numbers that the hospital has merged into that."]


@dataclass(frozen=True, slots=True)
class HealthCardCode:
    """What the QR code says. It opens once, at any connected hospital."""

    code: Annotated[str, "The text of the QR code."]
    expires_at: Annotated[datetime, "When hospitals take it no more: ask for a new one before."]
