"""Opening hours: which days, which slots, when released, and what is refused."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.city import YearUnknown, load_city
from core.clock import SHANGHAI, ManualClock
from core.context.app import App
from core.database import connection, fetch_all
from modules.appointments import publishing
from modules.appointments.domain import BanRule, CancelRule, banned_until
from modules.appointments.policy import load_rules, rules_of
from modules.appointments.schedule import (
    EVERY_DAY,
    ReleaseRule,
    ScheduleInvalid,
    Timetable,
    is_open,
    known_days,
    plan_slots,
)

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
    assert CITY.calendar.is_working_day(day) is opened


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
    ("change", "told"),
    [
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
    first_on=st.dates(date(2026, 1, 1), date(2026, 11, 30)),
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


def test_the_citys_own_file_plans_for_every_service() -> None:
    rules = load_rules(ROOT / "cities/jinan/appointments.toml")
    assert set(rules.venues) == set(rules.items)
    for service_id, venues in rules.venues.items():
        for venue in venues:
            assert plan_slots(
                venue.timetables, CITY.calendar,
                first_on=date(2026, 11, 23), days=rules.policies[service_id].horizon_days,
            )  # fmt: skip


def test_of_a_year_without_calendar_nothing_is_guessed() -> None:
    calendar, eve = CITY.calendar, date(2026, 12, 31)
    unknown = date(max(calendar.years) + 1, 1, 1)
    with pytest.raises(YearUnknown):
        calendar.is_working_day(unknown)
    every_day = timetable(weekdays=frozenset(range(1, 8)), on_holidays=True)
    assert is_open(every_day, calendar, unknown)
    for hangs_on_it in (timetable(), timetable(on_holidays=True), timetable(weekdays=EVERY_DAY)):
        with pytest.raises(ScheduleInvalid):
            is_open(hangs_on_it, calendar, unknown)
        with pytest.raises(ScheduleInvalid):
            plan_slots([hangs_on_it], calendar, first_on=eve, days=2)
        assert known_days([hangs_on_it], calendar, first_on=eve, days=9) == 1
        assert known_days([every_day, hangs_on_it], calendar, first_on=unknown, days=9) == 0
    assert known_days([every_day], calendar, first_on=eve, days=9) == 9
    assert len(plan_slots([every_day], calendar, first_on=eve, days=9)) == 9 * 6


async def test_publishing_stops_where_the_calendar_ends(app: App, clock: ManualClock) -> None:
    clock.move(datetime(2026, 12, 20, tzinfo=UTC) - clock.now())
    assert await publishing.seed(app) == {2027}
    rows = await fetch_all(
        connection(),
        """SELECT service_id, max(starts_at) AS last FROM appointments_slot GROUP BY 1""",
    )
    for row in rows:
        last_on = row["last"].astimezone(SHANGHAI).date()
        rest = rules_of(app).policies[row["service_id"]].horizon_days - 1
        horizon_on = date(2026, 12, 20) + timedelta(days=rest)
        if row["service_id"] == "venue-booking":
            assert last_on == horizon_on
        else:
            assert last_on <= min(horizon_on, date(2026, 12, 31))
    clock.move(-timedelta(days=20))
    assert await publishing.seed(app) == frozenset()


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
