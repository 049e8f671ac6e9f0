"""Traffic violations in GraphQL: a query field and a card of the home screen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import strawberry

from core.context.call import Call
from core.context.contributions import home_card
from core.graphql import HomeSection, Info, of_service, query, reading_view, view
from core.people.personal_files import file_link
from core.upstream.readings import Reading
from modules.mobility.fines.service import SERVICE as PAYMENT
from modules.mobility.violations import texts
from modules.mobility.violations.domain import (
    LicencePoints,
    NextStep,
    TrafficViolation,
    ViolationRecord,
)
from modules.mobility.violations.lookup import EVIDENCE, SERVICE, VIOLATIONS

_NAMES = ("place_zh", "place_en", "offence_zh", "offence_en", "needs_hearing")
view(TrafficViolation, hidden=_NAMES)
view(LicencePoints, hidden=("points_most",))
view(ViolationRecord, hidden=("access_id",))
TrafficViolations = reading_view(
    "TrafficViolations",
    "The violations of the viewer's own car, and how fresh that is.",
    record=Annotated[ViolationRecord, "The violations and the points on the licence."],
)


@view
@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficViolationsSection(HomeSection):
    """The card of traffic violations on the home screen."""

    unsettled_count: Annotated[int | None, "How many are unsettled; null if one cannot be read."]
    points_left: Annotated[int | None, "Points left on the licence in this cycle."]


@strawberry.type
class Query:
    """The query field of traffic violations."""

    @query(
        of_service(SERVICE),
        description="The violations of the viewer's own car, and the points on their licence.",
        returns=TrafficViolations,
    )
    async def traffic_violations(self, info: Info) -> Reading[ViolationRecord]:
        """Needs the consent `mobility.traffic-violations`."""
        reading = await VIOLATIONS.read(info.context)
        return reading.map(lambda record: _linked(info.context, record))


@home_card("traffic-violations", texts.CARD, identity_level=2)
async def traffic_violations_card(call: Call) -> TrafficViolationsSection:
    """The home screen's card."""
    reading = await VIOLATIONS.read(call)
    record = reading.value
    return TrafficViolationsSection(
        id="traffic-violations",
        title=texts.CARD.say(call.locale),
        **reading.freshness,
        unsettled_count=len(record.unsettled) if record and not record.unreadable else None,
        points_left=record.licence.points_left if record and record.licence else None,
    )


def _linked(call: Call, record: ViolationRecord) -> ViolationRecord:
    """With links to the pictures, good for some minutes, and to where violations are settled."""
    settle = call.app.city.deep_link.format(id=PAYMENT)

    def linked(violations: Sequence[TrafficViolation]) -> Sequence[TrafficViolation]:
        return [
            replace(
                one,
                evidence=file_link(call.app, EVIDENCE, record.access_id, one.violation_no),
                settle_link=settle if one.next_step in (NextStep.ACCEPT, NextStep.PAY) else None,
            )
            for one in violations
        ]

    return replace(record, unsettled=linked(record.unsettled), settled=linked(record.settled))
