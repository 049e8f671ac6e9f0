"""Where things are: places as metres from the city's centre, given as WGS 84 degrees."""

import math
import random
from dataclasses import dataclass

METRES_PER_DEGREE = 111_195
CITY_RADIUS_M = 6_000


@dataclass(frozen=True)
class Place:
    """A point, WGS 84 in degrees."""

    lat: float
    lon: float

    def distance_m(self, other: "Place") -> int:
        """Metres to another point of the city, the earth being flat at this scale."""
        north = (other.lat - self.lat) * METRES_PER_DEGREE
        east = (other.lon - self.lon) * METRES_PER_DEGREE * math.cos(math.radians(self.lat))
        return round(math.hypot(north, east))

    def moved(self, east_m: float, north_m: float) -> "Place":
        """The point so many metres east and north, to a hundred-thousandth of a degree."""
        per_lon = METRES_PER_DEGREE * math.cos(math.radians(self.lat))
        return Place(
            round(self.lat + north_m / METRES_PER_DEGREE, 5), round(self.lon + east_m / per_lon, 5)
        )


@dataclass(frozen=True)
class Geography:
    """Places of one city, drawn from its seed within the city's radius."""

    seed: int
    centre: Place

    def somewhere(self, draw: random.Random) -> Place:
        """A point of the city, drawn."""
        reach, angle = CITY_RADIUS_M * math.sqrt(draw.random()), draw.random() * math.tau
        return self.centre.moved(reach * math.cos(angle), reach * math.sin(angle))

    def home(self, household_no: int) -> Place:
        """Where a household lives."""
        return self.somewhere(random.Random(f"{self.seed}:home:{household_no}"))
