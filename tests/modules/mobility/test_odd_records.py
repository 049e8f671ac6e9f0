"""Records with amounts and numbers that cannot be are passed over, and take no other with them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from core.context.call import Call
from core.people.personal_read import grant_consent
from core.upstream.readings import ReadStatus
from core.upstream.records import records_reader
from modules.mobility.fines.domain import FineStatus, Order, Violation
from modules.mobility.models import Trip as TripRow
from modules.mobility.parking.domain import Session
from modules.mobility.transit import service
from modules.mobility.transit.domain import Trip, TripMode, TripStatus
from tests.conftest import NOON
from tests.modules.mobility.fakes import PLACE, FakeFare

LONG, HUGE = "x" * 65, 2**63
STAY = Session("PS1", "鲁A00001", PLACE, NOON, NOON, NOON + timedelta(hours=1), 200, 0, None, None)
VIOLATION = Violation(
    "V1", "鲁A00001", NOON, "路", "Road", "1039", "违停", "Parking", 3, 20_000,
    FineStatus.UNPAID, "D1", "O1",
)  # fmt: skip
ORDER = Order("O1", "V1", 20_000, 0, 20_000, NOON.date(), FineStatus.UNPAID)
TRIP = Trip(
    "TR1", "rider", TripMode.BUS, "7路", "Bus 7", None, None, NOON, None, 200, TripStatus.UNPAID
)
ODD = [
    *((STAY, name, value) for name in ("amount_due_fen", "paid_fen") for value in (-1, HUGE)),
    *((VIOLATION, name, -1) for name in ("fine_fen", "points")),
    *((ORDER, name, value) for name in ("total_fen", "late_fee_fen") for value in (-1, HUGE)),
    *((TRIP, "fare_fen", value) for value in (-1, HUGE)),
    *(
        (record, name, value)
        for record, name in (
            (STAY, "session_id"), (VIOLATION, "violation_no"), (VIOLATION, "order_no"),
            (ORDER, "order_no"), (TRIP, "trip_no"),
        )
        for value in ("", LONG)
    ),
]  # fmt: skip


@pytest.mark.parametrize(("record", "name", "value"), ODD)
def test_a_record_that_no_row_could_keep_is_counted_and_passed_over(
    record: Any, name: str, value: object
) -> None:
    good = orjson.loads(orjson.dumps(record))
    bad = good | {name: value if value != HUGE else HUGE}
    read = records_reader(type(record))([good, bad])
    assert (list(read.items), read.unreadable) == ([record], 1)


async def test_a_trip_that_costs_nothing_is_shown_and_not_to_be_paid(
    person: Callable[..., Awaitable[Call]], fare: FakeFare
) -> None:
    rider = await person()
    await grant_consent(rider, service.TRIPS.id, service.TRIPS.text_version)
    for _ in range(2):
        assert fare.scan((await service.issue_ride_code(rider)).text) == "OPEN"
    fare.trips[0] = replace(fare.trips[0], fare_fen=0)
    reading = await service.read_trips(rider, first=5, only_unpaid=False)
    assert reading.status is ReadStatus.LIVE and reading.value is not None
    free, paid_for = reading.value.items
    assert (free.trip.fare_fen, free.id) == (0, None)
    assert paid_for.id is not None and reading.value.unpaid_fen == 200
    assert await TripRow.all().count() == 1
