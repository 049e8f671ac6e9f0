"""What is asked of the open data of springs and air; see docs/upstreams/open-data.md."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from operator import attrgetter
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import Field, NaiveDatetime

from core.city import City
from core.clock import SHANGHAI, civil_date
from core.context.app import App
from core.deadline import Deadline
from core.standards.ckan import datastore_search
from core.standards.coordinates import known_point
from core.standards.hj633 import Concentration, index_of
from core.texts import Named
from core.upstream.operation import System
from core.upstream.records import Records
from kinds.lookup import CityLookup, both
from modules.environment.stations.domain import (
    DAYS,
    AirStation,
    Observation,
    Spring,
    trend_of,
    warning_of,
    with_gaps,
)

SERVICE = "spring-air-quality"
AIR, SPRINGS = System("air_quality"), System("springs")
AIR_EVERY, SPRING_EVERY = timedelta(hours=1), timedelta(hours=12)
OVERDUE = 3
"""A station is silent when its newest observation is so many distances old."""
NEWEST = 120
"""So many rows of all stations hold what is shown of each."""
AIR_TREND, SPRING_TREND = 6, 14
"""Over how many observations a trend is told: six hours, a week."""
AQI_STEADY, LEVEL_STEADY_M = 5, 0.02
Level: TypeAlias = Annotated[float, Field(gt=-500, lt=9_000)]
"""Metres above the sea; other numbers are no level, such as the -9999 of a silent sensor."""


@dataclass(frozen=True, slots=True)
class _Station:
    station_id: str
    name_zh: str
    name_en: str
    longitude: float
    latitude: float
    coordinate_system: str

    def described(self, city: City) -> dict[str, Any]:
        """What all stations say of themselves. Raises ValueError outside the city."""
        at = known_point(city, self.latitude, self.longitude, self.coordinate_system)
        return {"station_id": self.station_id, "name": Named(self.name_zh, self.name_en), "at": at}


@dataclass(frozen=True, slots=True)
class _SpringStation(_Station):
    yellow_level_m: Level
    red_level_m: Level


@dataclass(frozen=True, slots=True)
class _Observed:
    station_id: str
    observed_at: NaiveDatetime

    @property
    def moment(self) -> datetime:
        """The tables give Beijing time without its zone."""
        return self.observed_at.replace(tzinfo=SHANGHAI)


@dataclass(frozen=True, slots=True)
class _Hour(_Observed):
    pm2_5: Concentration | None
    pm10: Concentration | None
    so2: Concentration | None
    no2: Concentration | None
    co: Concentration | None
    o3: Concentration | None
    aqi: int | None


@dataclass(frozen=True, slots=True)
class _Level(_Observed):
    level_m: Level


_NEWEST = "observed_at desc"
list_air_stations = datastore_search(AIR, "list_air_stations", "air-stations", _Station)
list_hours = datastore_search(AIR, "list_hours", "air-hourly", _Hour, sort=_NEWEST)
list_springs = datastore_search(SPRINGS, "list_springs", "spring-stations", _SpringStation)
list_levels = datastore_search(SPRINGS, "list_levels", "spring-levels", _Level, sort=_NEWEST)

S = TypeVar("S", bound=_Observed)


async def ask_air(app: App, deadline: Deadline) -> Records[AirStation]:
    """The stations of the air with their newest hours. Raises UpstreamError."""
    stations, hours = await both(
        list_air_stations(app, deadline), list_hours(app, deadline, limit=NEWEST)
    )
    by_station = _newest(hours.items, AIR_EVERY * AIR_TREND)

    def read(row: _Station) -> AirStation:
        mine = by_station.get(row.station_id, {})
        indices = {moment: index_of(hour) for moment, hour in mine.items()}
        newest, index = next(iter(indices.items()), (None, None))
        own = mine[newest].aqi if newest else None
        values = {moment: each.aqi for moment, each in indices.items()}
        both = own is not None and index is not None and index.aqi is not None
        return AirStation(
            **row.described(app.city),
            **_seen(app, values, AIR_EVERY, AIR_TREND, AQI_STEADY),
            index=index,
            station_aqi=own,
            agrees=own == index.aqi if index is not None and both else None,
        )

    return list_air_stations.convert(app, stations, read)


async def ask_springs(app: App, deadline: Deadline) -> Records[Spring]:
    """The springs with their newest levels. Raises UpstreamError."""
    stations, levels = await both(
        list_springs(app, deadline), list_levels(app, deadline, limit=NEWEST)
    )
    by_station = _newest(levels.items, SPRING_EVERY * SPRING_TREND)

    def read(row: _SpringStation) -> Spring:
        mine = by_station.get(row.station_id, {})
        values = {moment: level.level_m for moment, level in mine.items()}
        seen = _seen(app, values, SPRING_EVERY, SPRING_TREND, LEVEL_STEADY_M)
        level_m = None if seen["is_silent"] else next(iter(values.values()))
        return Spring(
            **row.described(app.city),
            **seen,
            level_m=level_m,
            warning=warning_of(level_m, row.yellow_level_m, row.red_level_m),
            yellow_level_m=row.yellow_level_m,
            red_level_m=row.red_level_m,
        )

    return list_springs.convert(app, stations, read)


async def ask_air_month(
    app: App, deadline: Deadline, station_id: str = ""
) -> tuple[Observation, ...]:
    """A month of a station's index by the hour, gaps as None. Raises UpstreamError."""
    hours = await list_hours(app, deadline, station_id=station_id)
    return _month(app, {hour.moment: index_of(hour).aqi for hour in hours.items}, AIR_EVERY)


async def ask_spring_month(
    app: App, deadline: Deadline, station_id: str = ""
) -> tuple[Observation, ...]:
    """A month of a spring's level twice a day, gaps as None. Raises UpstreamError."""
    levels = await list_levels(app, deadline, station_id=station_id)
    return _month(app, {level.moment: level.level_m for level in levels.items}, SPRING_EVERY)


AIR_NOW = CityLookup(SERVICE, ask_air, "air", fresh=timedelta(minutes=2))
SPRINGS_NOW = CityLookup(SERVICE, ask_springs, "springs", fresh=timedelta(minutes=2))
AIR_MONTH = CityLookup(SERVICE, ask_air_month, "air month", fresh=timedelta(minutes=10))
SPRING_MONTH = CityLookup(SERVICE, ask_spring_month, "spring month", fresh=timedelta(minutes=10))


def _newest(observed: Iterable[S], span: timedelta) -> Mapping[str, Mapping[datetime, S]]:
    """What each station observed, newest first, in the span up to its newest observation."""
    newest: dict[str, datetime] = {}
    found: dict[str, dict[datetime, S]] = defaultdict(dict)
    for one in sorted(observed, key=attrgetter("observed_at"), reverse=True):
        first = newest.setdefault(one.station_id, one.observed_at)
        if first - one.observed_at < span:
            found[one.station_id][one.moment] = one
    return found


def _seen(
    app: App, values: Mapping[datetime, float | None], every: timedelta, over: int, steady: float
) -> dict[str, Any]:
    newest = next(iter(values), None)
    recent = with_gaps(values, newest, every, every * over) if newest else ()
    return {
        "observed_at": newest,
        "is_silent": newest is None or app.clock.now() - newest > every * OVERDUE,
        "trend": trend_of([one.value for one in recent], steady),
    }


def _month(
    app: App, values: Mapping[datetime, float | None], every: timedelta
) -> tuple[Observation, ...]:
    """Up to the moment that was last due, counted from Beijing's midnight."""
    now = app.clock.now()
    midnight = datetime.combine(civil_date(now), time(), SHANGHAI)
    return tuple(with_gaps(values, midnight + (now - midnight) // every * every, every, DAYS))
