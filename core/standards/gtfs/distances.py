"""Distances of many points at once, the earth being flat between any two of them."""

import numpy as np
from numpy.typing import NDArray

from core.standards.coordinates import EARTH_RADIUS_M

Floats = NDArray[np.float64]
_PER_DEGREE = np.radians(EARTH_RADIUS_M)


def metres(lat: Floats | float, lon: Floats | float, to_lat: Floats, to_lon: Floats) -> Floats:
    """Metres between points, or from one to many; exact to a thousandth within a city."""
    north = (np.asarray(to_lat) - lat) * _PER_DEGREE
    east = (np.asarray(to_lon) - lon) * _PER_DEGREE * np.cos(np.radians(lat))
    found: Floats = np.hypot(north, east)
    return found
