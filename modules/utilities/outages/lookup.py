"""Looking at outages: at a place, in an area, or in the whole city."""

from collections.abc import Sequence
from datetime import timedelta

from core.context.call import Call
from core.standards.coordinates import GeoArea, GeoPoint
from core.upstream.readings import Reading
from kinds.lookup import CityLookup
from modules.utilities.outages import domain
from modules.utilities.outages.domain import UTILITY_OUTAGE_NOTICE, Outage, OutageKind
from modules.utilities.outages.upstream import list_outages

OUTAGES = CityLookup(UTILITY_OUTAGE_NOTICE, list_outages, max_stale=timedelta(hours=2))


async def read_outages(
    call: Call,
    *,
    kind: OutageKind | None = None,
    at: GeoPoint | None = None,
    area: GeoArea | None = None,
) -> Reading[Sequence[Outage]]:
    """Outages at a place, in an area, or in the whole city."""
    reading = await OUTAGES.read(call)
    return reading.map(lambda outages: domain.choose(outages, kind=kind, at=at, area=area))
