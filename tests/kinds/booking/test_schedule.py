"""Opening hours: which days, which slots, when released, and what is refused."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.catalogue import ServiceStatus
from core.city import CityFileError, load_city
from core.clock import SHANGHAI, ManualClock, civil_date
from core.context.app import App
from core.context.sweep import SweepIncomplete
from core.database import connection, fetch_all
from core.holidays import statutory_holidays
from core.manifest import Manifest, discover
from kinds.booking import publishing
from kinds.booking.domain import BanRule, CancelRule, banned_until
from kinds.booking.policy import load_rules, read_timetable, rules_of
from kinds.booking.schedule import (
    EVERY_DAY,
    ReleaseRule,
    ScheduleInvalid,
    Timetable,
    is_open,
    plan_slots,
)
from kinds.booking.service import DAYS_SHOWN
from kinds.booking.sources import sources_of

ROOT = Path(__file__).parents[3]
CITY = load_city(ROOT / "cities/jinan.toml")
WEEKDAYS = frozenset({1, 2, 3, 4, 5})


def timetable(**change: object) -> Timetable:
    given: dict[str, object] = {
        "weekdays": WEEKDAYS,
        "opens": time(9),
        "closes": time(12),
        "slot": timedelta(minutes=30),
        "capacity": 10,
    }
    return Timetable(**{**given, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("day", "opened"),
    [
        (date(2026, 9, 30), True),
        (date(2026, 10, 1), False),
        (date(2026, 10, 7), False),
        (date(2026, 10, 8), True),
        (date(2026, 10, 10), True),
        (date(2026, 10, 11), False),
        (date(2026, 9, 20), True),
        (date(2026, 2, 14), True),
        (date(2026, 2, 16), False),
    ],
)
def test_holidays_and_make_up_days_of_the_city(day: date, opened: bool) -> None:
    assert is_open(timetable(), CITY.calendar, day) is opened


def test_a_venue_is_open_on_holidays_and_ignores_make_up_days() -> None:
    weekend = timetable(weekdays=frozenset({6, 7}), on_holidays=True, on_make_up_days=False)
    assert is_open(weekend, CITY.calendar, date(2026, 10, 3))
    assert is_open(weekend, CITY.calendar, date(2026, 10, 10))
    assert not is_open(weekend, CITY.calendar, date(2026, 10, 1))


def test_slots_of_a_day_in_utc_with_their_release() -> None:
    release = ReleaseRule(days_before=7, at=time(7, 0, 1))
    slots = plan_slots(
        [timetable(closes=time(10))], CITY.calendar,
        first_on=date(2026, 11, 23), days=1, release=release,
    )  # fmt: skip
    assert [s.starts_at for s in slots] == [
        datetime(2026, 11, 23, 1, 0, tzinfo=UTC),
        datetime(2026, 11, 23, 1, 30, tzinfo=UTC),
    ]
    assert {s.releases_at for s in slots} == {datetime(2026, 11, 15, 23, 0, 1, tzinfo=UTC)}
    assert slots[0].ref == "20261123T090000"


@pytest.mark.parametrize(
    ("closes", "starts"),
    [
        ("24:00", ["22:00", "23:00"]),
        ("26:00", ["22:00", "23:00", "00:00", "01:00"]),
        ("23:00", ["22:00"]),
    ],
)
def test_slots_end_at_midnight_and_pass_it(closes: str, starts: list[str]) -> None:
    opening = read_timetable(
        {"weekdays": [1, 2], "opens": "22:00", "closes": closes, "slot_min": 60, "capacity": 1}
    )
    slots = plan_slots([opening], CITY.calendar, first_on=date(2026, 11, 23), days=7)
    local = [slot.starts_at.astimezone(SHANGHAI) for slot in slots]
    assert [f"{at:%H:%M}" for at in local] == starts * 2
    assert local[-1].date() == date(2026, 11, 25 if closes == "26:00" else 24)
    assert len({slot.ref for slot in slots}) == len(slots)
    # what is planned on the day after is the rest of the night
    night = plan_slots([opening], CITY.calendar, first_on=date(2026, 11, 25), days=3)
    assert [slot.ref[-6:-4] for slot in night] == [at[:2] for at in starts[2:]]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"closes_next_day": True}, "more than a day"),
        ({"opens": time(12)}, "closes before"),
        ({"opens": time(13)}, "closes before"),
        ({"slot": timedelta(minutes=50)}, "do not fill"),
        ({"slot": timedelta(0)}, "a minute"),
        ({"slot": timedelta(minutes=-30)}, "a minute"),
        ({"capacity": 0}, "capacity"),
        ({"capacity": 10_001}, "capacity"),
        ({"weekdays": frozenset()}, "weekdays"),
        ({"weekdays": frozenset({0, 8})}, "weekdays"),
        ({"opens": time(9, tzinfo=UTC)}, "zone"),
        ({"closes": time(12, tzinfo=timezone(timedelta(hours=9)))}, "zone"),
        ({"first_on": date(2026, 12, 1), "last_on": date(2026, 11, 1)}, "ends before"),
    ],
)
def test_a_timetable_that_makes_no_sense(change: dict[str, object], told: str) -> None:
    with pytest.raises(ScheduleInvalid) as refused:
        plan_slots([timetable(**change)], CITY.calendar, first_on=date(2026, 11, 23), days=7)
    assert told in str(refused.value.values["detail"])


def test_overlaps_are_refused_even_across_timetables() -> None:
    seasons = [timetable(), timetable(opens=time(11, 30), closes=time(13))]
    with pytest.raises(ScheduleInvalid, match="SCHEDULE_INVALID") as refused:
        plan_slots(seasons, CITY.calendar, first_on=date(2026, 11, 23), days=1)
    assert "overlap at 20261123T113000" in str(refused.value.values["detail"])
    apart = [timetable(last_on=date(2026, 11, 23)), timetable(first_on=date(2026, 11, 24))]
    assert len(plan_slots(apart, CITY.calendar, first_on=date(2026, 11, 23), days=2)) == 12


@given(
    first_on=st.dates(date(2026, 1, 1), date(2029, 12, 31)),
    days=st.integers(1, 40),
    minutes=st.sampled_from([10, 15, 20, 30, 60]),
    weekdays=st.frozensets(st.integers(1, 7), min_size=1),
)
def test_slots_never_overlap_and_stay_within_shanghai_hours(
    first_on: date, days: int, minutes: int, weekdays: frozenset[int]
) -> None:
    opening = timetable(weekdays=weekdays, slot=timedelta(minutes=minutes))
    slots = plan_slots([opening], CITY.calendar, first_on=first_on, days=days)
    opened = sum(is_open(opening, CITY.calendar, first_on + timedelta(days=n)) for n in range(days))
    assert len(slots) == opened * (180 // minutes)
    assert len({s.ref for s in slots}) == len(slots)
    for slot in slots:
        local = slot.starts_at.astimezone(SHANGHAI)
        assert time(9) <= local.time() < time(12)
        assert slot.ends_at - slot.starts_at == timedelta(minutes=minutes)


def test_the_citys_own_files_plan_for_every_service(manifests: Sequence[Manifest]) -> None:
    services = [service for manifest in manifests for service in manifest.services]
    rules = load_rules(ROOT / "cities/jinan/appointments", services)
    assert set(rules.venues) == set(rules.items)
    for service_id, venues in rules.venues.items():
        for venue in venues:
            assert plan_slots(
                venue.timetables, CITY.calendar,
                first_on=date(2026, 11, 23), days=rules.policies[service_id].horizon_days,
            )  # fmt: skip


UNPUBLISHED = max(CITY.calendar.years) + 1
COUNTERS = load_rules(
    ROOT / "cities/jinan/appointments", [tile for wing in discover() for tile in wing.services]
)


def test_a_living_service_without_its_file_is_named(
    tmp_path: Path, manifests: Sequence[Manifest]
) -> None:
    tiles = {service.id: service for manifest in manifests for service in manifest.services}
    with pytest.raises(CityFileError, match=r"gov-hall-appointment\.toml"):
        load_rules(tmp_path, [tiles["gov-hall-appointment"]])
    planned = replace(tiles["gov-hall-appointment"], status=ServiceStatus.PLANNED)
    assert load_rules(tmp_path, [planned, tiles["housing-fund-query"]]).policies == {}


async def test_every_service_has_slots_of_the_citys_own_or_a_source(app: App) -> None:
    rules = rules_of(app)
    assert set(rules.venues) | set(sources_of(app)) == set(rules.policies)
    assert not set(rules.venues) & set(sources_of(app))


def test_an_unpublished_year_has_the_laws_holidays_and_no_make_up_days() -> None:
    year = 2050
    first_on, days = date(year, 1, 1), (date(year, 12, 31) - date(year, 1, 1)).days + 1
    every_day = [first_on + timedelta(days=n) for n in range(days)]
    closed = {day for day in every_day if not is_open(timetable(), CITY.calendar, day)}
    assert all(CITY.calendar.is_provisional(day) for day in every_day)
    weekend = {day for day in every_day if day.isoweekday() > 5}
    assert closed == weekend | statutory_holidays(year)
    venue = timetable(weekdays=EVERY_DAY, on_holidays=True)
    assert all(is_open(venue, CITY.calendar, day) for day in every_day)


@pytest.mark.parametrize("service_id", sorted(COUNTERS.venues))
def test_on_every_day_of_these_years_a_booking_can_be_made(service_id: str) -> None:
    """Within the days that the app's own documents look at."""
    (own,) = ROOT.glob(f"modules/*/documents/{service_id}.json")
    shared = ROOT / "kinds/booking/documents/counter-appointment.json"
    example = orjson.loads(shared.read_bytes()) | orjson.loads(own.read_bytes())
    policy, calendar = COUNTERS.policies[service_id], CITY.calendar
    ahead = range(example["skipDays"], min(example["skipDays"] + DAYS_SHOWN, policy.horizon_days))
    assert len(ahead) > 2
    day, last_on = date(min(calendar.years), 1, 1), date(UNPUBLISHED + 1, 12, 31)
    timetables = COUNTERS.venues[service_id][0].timetables
    while day <= last_on:
        days = [day + timedelta(days=n) for n in ahead]
        assert any(is_open(t, calendar, on) for t in timetables for on in days), day
        day += timedelta(days=1)


MOMENTS = [
    datetime(2026, 12, 31, 23, 59, tzinfo=SHANGHAI),
    datetime(2027, 1, 1, 0, 1, tzinfo=SHANGHAI),
    datetime(2027, 1, 10, 9, tzinfo=SHANGHAI),
    datetime(2028, 1, 2, 9, tzinfo=SHANGHAI),
    datetime(2028, 2, 29, 9, tzinfo=SHANGHAI),
]


async def test_one_place_that_contradicts_itself_closes_no_other(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = publishing.plan_slots
    seen: list[object] = []

    def first_fails(timetables: Any, *rest: Any, **choices: Any) -> Any:
        seen.append(timetables)
        if len(seen) == 1:
            raise ScheduleInvalid("it closes before it opens")
        return plan(timetables, *rest, **choices)

    monkeypatch.setattr(publishing, "plan_slots", first_fails)
    with pytest.raises(SweepIncomplete):
        await publishing.seed(app)
    places = await fetch_all(connection(), "SELECT ref FROM appointments_resource")
    assert len(places) == len(seen) - 1 > 0


async def test_every_service_has_slots_whenever_it_is(app: App, clock: ManualClock) -> None:
    for moment in MOMENTS:
        clock.move(moment - clock.now())
        overdue = await publishing.seed(app)
        assert overdue == app.city.calendar.overdue_years(moment.date())
        counted = f"quancheng_calendar_years_overdue {len(overdue)}.0"
        assert counted in app.metrics.render().decode().splitlines()
        first_on, policies = moment.date(), rules_of(app).policies
        last = await fetch_all(
            connection(),
            """SELECT service_id, max(starts_at) AS last_at FROM appointments_slot
                WHERE cancelled_at IS NULL GROUP BY 1""",
        )
        assert {row["service_id"] for row in last} == set(rules_of(app).venues)
        for row in last:
            horizon_on = first_on + timedelta(days=policies[row["service_id"]].horizon_days - 1)
            # the longest run of closed days there may be at the end of the horizon
            assert horizon_on - timedelta(days=5) <= civil_date(row["last_at"]) <= horizon_on


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 11, 1, hour, tzinfo=UTC) + timedelta(days=day)


@pytest.mark.parametrize(
    ("missed", "until"),
    [
        ([], None),
        ([at(0), at(1)], None),
        ([at(0), at(1), at(2)], at(32)),
        ([at(0), at(1), at(91)], None),
        ([at(0), at(1), at(2), at(200)], at(32)),
        ([at(2), at(0), at(1), at(3)], at(33)),
    ],
)
def test_no_show_bans(missed: list[datetime], until: datetime | None) -> None:
    rule = BanRule(misses=3, within=timedelta(days=90), lasts=timedelta(days=30))
    assert banned_until(missed, rule) == until


def test_cancel_deadlines_are_shanghais() -> None:
    starts_at = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)  # 08:30 on the 24th in Shanghai
    eve = CancelRule(days_before=1, at=time(15, 0))
    assert eve.deadline(starts_at) == datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    assert CancelRule(before=timedelta(hours=2)).deadline(starts_at) == starts_at - timedelta(
        hours=2
    )
