"""Time: aware, in UTC, and civil dates are the city's."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock, SystemClock, civil_date, ensure_utc, start_of_day
from core.ids import resident_birth_date
from tests.conftest import NOON

zones = st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)))


@given(st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=zones))
def test_the_same_moment_in_utc(moment: datetime) -> None:
    assert ensure_utc(moment) == moment
    assert ensure_utc(moment).tzinfo is UTC


def test_a_naive_time_is_a_guess_and_refused() -> None:
    for use in (ensure_utc, civil_date, ManualClock):
        with pytest.raises(ValueError, match="naive"):
            use(datetime(2026, 11, 23, 12))


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 11, 22, 16, 0, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_the_day_begins_at_shanghais_midnight(moment: datetime, day: date) -> None:
    assert civil_date(moment) == day


def test_a_birthday_in_the_years_of_summer_time_is_its_day() -> None:
    """chrono-tz#28: in the summers of 1986 to 1991 Shanghai was nine hours ahead, so
    that its midnight, read as "UTC and eight hours", is the day before."""
    born_on, midnight = date(1988, 7, 1), datetime(1988, 6, 30, 15, tzinfo=UTC)
    assert (start_of_day(born_on), civil_date(midnight)) == (midnight, born_on)
    assert resident_birth_date("500099198807010012") == born_on  # a date, no moment


def test_an_evening_in_utc_counts_to_the_day_it_is_in_shanghai() -> None:
    """scpper-cn#133: a zone applied the wrong way round left a sixth of the rows on
    the day before."""
    assert civil_date(datetime(2026, 11, 27, 16, 30, tzinfo=UTC)) == date(2026, 11, 28)
    assert civil_date(datetime(2026, 11, 27, 15, 59, tzinfo=UTC)) == date(2026, 11, 27)


def test_a_manual_clock_stands_until_moved() -> None:
    clock = ManualClock(NOON)
    assert clock.now() == clock.now() == NOON
    clock.move(timedelta(hours=-1))
    assert NOON - clock.now() == timedelta(hours=1)


def test_the_systems_clock_is_aware_and_may_be_set_ahead() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)
    ahead = SystemClock(timedelta(days=400))
    assert SystemClock().now() <= ahead.now() - timedelta(days=400) <= SystemClock().now()


def seconds_of(clock: ManualClock) -> Callable[[], float]:
    """Monotonic seconds that go as a clock does."""
    return lambda: (clock.now() - NOON).total_seconds()


@pytest.mark.parametrize("wrong_by", [timedelta(minutes=-10), timedelta(seconds=5)])
def test_a_machines_clock_follows_the_common_one(wrong_by: timedelta) -> None:
    machine, true = ManualClock(NOON + wrong_by), ManualClock(NOON)
    clock = SystemClock(timedelta(days=1), machine.now, seconds_of(true))
    assert clock.follow(true.now() - timedelta(seconds=0.2), 0.4)
    assert clock.now() == true.now() + timedelta(days=1)
    for step in (machine, true):
        step.move(timedelta(hours=1))
    assert not clock.follow(true.now(), 0.0)
    assert clock.now() == true.now() + timedelta(days=1)
    machine.move(-wrong_by)  # the machine's clock is set: not for a moment is it another time
    assert (clock.correction, clock.now()) == (timedelta(0), true.now() + timedelta(days=1))
    assert not clock.follow(true.now(), 0.0)


def test_what_a_slow_answer_explains_changes_nothing() -> None:
    clock = SystemClock(machine_time=ManualClock(NOON).now, monotonic=lambda: 0.0)
    assert not clock.follow(NOON - timedelta(seconds=2), 4.0)
    assert not clock.follow(NOON + timedelta(seconds=0.05), 0.0)
    assert clock.now() == NOON
