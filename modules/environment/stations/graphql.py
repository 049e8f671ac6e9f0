"""Springs and air in GraphQL: the stations, the month of one, the card of the home screen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import strawberry

from core.context.call import Call
from core.context.contributions import home_card
from core.errors import NotFound
from core.graphql import HomeSection, Info, of_service, query, reading_view, view
from core.refusal_texts import NOT_FOUND
from core.standards import sparkline
from core.texts import Locale, Text
from core.upstream.readings import Reading, worse
from core.upstream.records import Records
from kinds.lookup import CityLookup, both
from modules.environment.stations import texts
from modules.environment.stations.domain import (
    AirStation,
    Observation,
    Spring,
    SpringWarning,
    Station,
    StationHistory,
)
from modules.environment.stations.lookup import (
    AIR_MONTH,
    AIR_NOW,
    SERVICE,
    SPRING_MONTH,
    SPRINGS_NOW,
)

AirQuality = reading_view(
    "AirQuality",
    "The city's air, and how fresh that is.",
    items=Annotated[Sequence[AirStation], "Every station."],
)
SpringLevels = reading_view(
    "SpringLevels",
    "The city's springs, and how fresh that is.",
    items=Annotated[Sequence[Spring], "Every spring."],
)
StationMonth = reading_view(
    "StationMonth",
    "A month of a station, and how fresh that is.",
    history=Annotated[StationHistory, "The month; null where nothing can be shown."],
)


@view
@dataclass(frozen=True, slots=True, kw_only=True)
class SpringsAndAirSection(HomeSection):
    """The springs' and the air's card of the home screen."""

    lowest_aqi: Annotated[int | None, "The best index of a station that reports."]
    highest_aqi: Annotated[int | None, "The worst."]
    springs_warned_of: Annotated[int | None, "Of how many springs the city warns."]


StationId = Annotated[
    strawberry.ID, strawberry.argument(description="The `stationId` of one that is listed.")
]


def _history(
    station: Station, observations: Sequence[Observation], picture: Text, locale: Locale
) -> StationHistory:
    values = [one.value for one in observations]
    known = [value for value in values if value is not None]
    gaps = len(values) - len(known)
    title = picture.say(
        locale,
        name=station.name.say(locale),
        low=min(known, default="-"),
        high=max(known, default="-"),
        gaps=gaps,
    )
    marks = (station.yellow_level_m, station.red_level_m) if isinstance(station, Spring) else ()
    drawing = sparkline.draw(values, title, marks)
    return StationHistory(station.name, observations, gaps, drawing)


def _month_field(
    now: CityLookup[[], Records[Any]],
    month: CityLookup[[str], tuple[Observation, ...]],
    picture: Text,
    description: str,
) -> Any:
    """The query field of a month of one of the stations that are listed now."""

    async def resolve(info: Info, station_id: StationId) -> Reading[Any]:
        call, listed = info.context, await now.read(info.context)
        if listed.value is None:
            return listed
        known = {station.station_id: station for station in listed.value.items}
        station = known.get(station_id)
        if station is None:
            raise NotFound(NOT_FOUND)
        reading = await month.read(call, str(station_id))
        return reading.map(lambda seen: _history(station, seen, picture, call.locale))

    return query(of_service(SERVICE), description=description, returns=StationMonth)(resolve)


@strawberry.type
class Query:
    """The query fields of springs and air."""

    @query(of_service(SERVICE), description="The air at every station.", returns=AirQuality)
    async def air_quality(self, info: Info) -> Reading[Sequence[AirStation]]:
        """Of the hour that was published last."""
        return (await AIR_NOW.read(info.context)).map(lambda stations: stations.items)

    @query(of_service(SERVICE), description="The level of every spring.", returns=SpringLevels)
    async def spring_levels(self, info: Info) -> Reading[Sequence[Spring]]:
        """Observed twice a day."""
        return (await SPRINGS_NOW.read(info.context)).map(lambda springs: springs.items)

    air_history = _month_field(
        AIR_NOW, AIR_MONTH, texts.AIR_PICTURE, "The index of one station over 30 days, by the hour."
    )
    spring_history = _month_field(
        SPRINGS_NOW, SPRING_MONTH, texts.SPRING_PICTURE, "The level of one spring over 30 days."
    )


@home_card("springs-and-air", texts.CARD, budget_ms=500, shared_s=60)
async def springs_and_air_card(call: Call) -> SpringsAndAirSection:
    """The home screen's card: as fresh as the older of its two readings."""
    air, springs = await both(AIR_NOW.read(call), SPRINGS_NOW.read(call))
    indices = [
        station.index.aqi
        for station in (air.value.items if air.value else ())
        if station.index and station.index.aqi is not None and not station.is_silent
    ]
    warned = [
        spring.warning in (SpringWarning.YELLOW, SpringWarning.RED)
        for spring in (springs.value.items if springs.value else ())
    ]
    return SpringsAndAirSection(
        id="springs-and-air",
        title=texts.CARD.say(call.locale),
        **worse(air, springs).freshness,
        lowest_aqi=min(indices, default=None),
        highest_aqi=max(indices, default=None),
        springs_warned_of=sum(warned) if springs.value else None,
    )
