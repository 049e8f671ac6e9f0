"""What the parking operator is asked about its car parks; see docs/upstreams/parking.md."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from pydantic import AwareDatetime

from core.context.app import App
from core.deadline import Deadline
from core.standards.coordinates import known_point
from core.texts import Named
from core.upstream.client import UpstreamError
from core.upstream.operation import Request, records_of
from core.upstream.records import Records
from kinds.lookup import CityLookup
from modules.mobility.car_parks.domain import FRESH, CarPark, CarParkStatus, Chargers, count_free
from modules.mobility.parking.domain import Tariff
from modules.mobility.parking.upstream import OPERATOR

SERVICE = "parking-availability"


@dataclass(frozen=True, slots=True)
class Count:
    """A car park as the operator counts it."""

    place_id: str
    name_zh: str
    name_en: str
    lat: float
    lon: float
    coordinate_system: str
    status: CarParkStatus
    total_spaces: int
    free_spaces: int
    observed_at: AwareDatetime
    chargers: Chargers
    tariff: Tariff


@dataclass(frozen=True, slots=True)
class Usual:
    """What was free at this hour of this weekday, one number a week."""

    place_id: str
    free_spaces: list[int]


@OPERATOR.operation("GET", "/places", answers=records_of(Count, "places"), hedged=True)
def list_counts() -> Request:
    """Every car park with its count."""
    return Request()


@OPERATOR.operation("GET", "/usual", answers=records_of(Usual, "places"))
def list_usual() -> Request:
    """What is usual at this hour."""
    return Request()


async def ask_car_parks(app: App, deadline: Deadline) -> Records[CarPark]:
    """Every car park of the city. What is usual is asked only where a count fails.

    Raises UpstreamError.
    """
    counts, now = await list_counts(app, deadline), app.clock.now()
    usual: dict[str, list[int]] = {}
    if wrong := sum(not _can_be(count) for count in counts.items):
        app.upstreams.note_unreadable(list_counts, wrong)
    if wrong or any(abs(now - count.observed_at) > FRESH for count in counts.items):
        with suppress(UpstreamError):  # then nothing is estimated
            usual = {
                row.place_id: row.free_spaces for row in (await list_usual(app, deadline)).items
            }

    def read(count: Count) -> CarPark:
        age = abs(now - count.observed_at)  # of later it is no newer: its clock is wrong
        free, source = count_free(
            count.status, count.total_spaces, count.free_spaces, age, usual.get(count.place_id, ())
        )
        return CarPark(
            at=known_point(app.city, count.lat, count.lon, count.coordinate_system),
            car_park_ref=count.place_id,
            name=Named(count.name_zh, count.name_en),
            status=count.status,
            total_spaces=count.total_spaces,
            free_spaces=free,
            source=source,
            observed_at=count.observed_at,
            age_s=max(0, int((now - count.observed_at).total_seconds())),
            chargers=count.chargers.known(age),
            tariff=count.tariff,
        )

    return list_counts.convert(app, counts, read)


def _can_be(count: Count) -> bool:
    return 0 <= count.free_spaces <= count.total_spaces


CAR_PARKS = CityLookup(SERVICE, ask_car_parks, max_stale=timedelta(minutes=30))
