"""Emergency shelters, and the way to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from core.standards.coordinates import Place
from core.texts import Named

DETOUR = 1.3
"""How much longer a walk in a city is than the crow flies; there is no street map to ask."""
WALK_M_A_MINUTE = 70
"""4.2 km/h, at which most people walk."""


class Hazard(StrEnum):
    """A danger that a shelter is fit for. EARTHQUAKE; FLOOD; FIRE; HEAT; COLD."""

    EARTHQUAKE = "EARTHQUAKE"
    FLOOD = "FLOOD"
    FIRE = "FIRE"
    HEAT = "HEAT"
    COLD = "COLD"


class ShelterKind(StrEnum):
    """OUTDOOR: a park or a square. INDOOR: a hall or a school."""

    OUTDOOR = "OUTDOOR"
    INDOOR = "INDOOR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelter(Place):
    """A shelter that is open."""

    shelter_ref: Annotated[str, "Its lasting id."]
    name: Annotated[Named, "Its name."]
    kind: Annotated[ShelterKind, "What it is."]
    address_zh: Annotated[str, "Where it is."]
    capacity: Annotated[int, "How many people it takes."]
    hazards: Annotated[Sequence[Hazard], "The dangers that it is fit for."]
    barrier_free: Annotated[bool, "Whether a wheelchair gets in."]
    contact_phone: Annotated[str, "The shelter's own number."]

    @property
    def walking_distance_m(
        self,
    ) -> Annotated[int | None, "About how far it is to walk."]:
        """The beeline and what streets add to it."""
        return None if self.distance_m is None else round(self.distance_m * DETOUR)

    @property
    def walking_minutes(self) -> Annotated[int | None, "About how long one walks."]:
        """Begun minutes."""
        walk_m = self.walking_distance_m
        return None if walk_m is None else -(-walk_m // WALK_M_A_MINUTE)
