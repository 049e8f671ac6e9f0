"""Quiet hours, windows and ways as pure rules; published reports as cases."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import SHANGHAI
from notifications.reach.domain import EVERY_DAY, QuietHours, Reach, find_way, window_start
from notifications.templates.domain import CLASSES, Channel, MessageClass

NIGHT = QuietHours(time(22), time(7))
BOTH = frozenset({Channel.PUSH, Channel.SMS})
TIMES = st.times().map(lambda t: t.replace(second=0, microsecond=0))
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


@pytest.mark.parametrize(
    ("hour", "minute", "is_quiet"),
    [(13, 59, False), (14, 0, True), (22, 59, True), (23, 0, False)],
)
def test_the_city_s_clock_counts(hour: int, minute: int, is_quiet: bool) -> None:
    # greghesp/assistant-relay#218: hours compared in UTC; 14:00Z is 22:00 here, 23:00Z is 07:00
    moment = datetime(2026, 11, 25, hour, minute, tzinfo=UTC)
    assert (NIGHT.end_after(moment) is not None) is is_quiet


def test_start_equal_to_end_is_off() -> None:
    off = QuietHours(time(8), time(8))  # greghesp/assistant-relay#60
    assert all(off.end_after(datetime(2026, 11, 25, h, tzinfo=UTC)) is None for h in range(24))


def test_a_window_over_midnight_belongs_to_the_day_it_began() -> None:
    # coredevices/PebbleOS#1436
    wednesdays = QuietHours(time(22), time(7), frozenset({2}))
    wednesday_2, thursday_2 = (datetime(2026, 11, day, 2, tzinfo=SHANGHAI) for day in (25, 26))
    assert wednesdays.end_after(wednesday_2) is None
    assert wednesdays.end_after(thursday_2) == datetime(2026, 11, 26, 7, tzinfo=SHANGHAI)


@given(TIMES, TIMES, st.frozensets(st.integers(0, 6)), MOMENTS)
def test_quiet_hours_agree_with_minutes_counted_one_by_one(
    starts: time, ends: time, days: frozenset[int], moment: datetime
) -> None:
    quiet = QuietHours(starts, ends, days)
    first, last = (t.hour * 60 + t.minute for t in (starts, ends))
    length = (last - first) % 1440
    covered = {(day * 1440 + first + step) % 10_080 for day in days for step in range(length)}
    local = moment.astimezone(SHANGHAI)
    minute = local.weekday() * 1440 + local.hour * 60 + local.minute
    end = quiet.end_after(moment)
    assert (end is not None) is (minute in covered)
    if end is not None:
        assert moment < end <= moment + timedelta(days=1)
        assert (end.astimezone(SHANGHAI).hour, end.astimezone(SHANGHAI).minute) == (
            ends.hour,
            ends.minute,
        )


def test_the_critical_passes_everything() -> None:
    everything = frozenset((about, channel) for about in MessageClass for channel in Channel)
    reach = Reach(BOTH, everything, QuietHours(time(0), time(23, 59), EVERY_DAY))
    now = datetime(2026, 11, 25, 4, tzinfo=UTC)
    for about, rule in CLASSES.items():
        way = find_way(about, rule, [Channel.PUSH, Channel.SMS], reach, now)
        assert (way is not None and way.due_at == now) is rule.is_critical


@given(MOMENTS, st.sampled_from([timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)]))
def test_a_window_holds_its_moment_and_begins_on_a_round_one(
    moment: datetime, length: timedelta
) -> None:
    start = window_start(moment, length)
    assert start <= moment < start + length
    assert window_start(start, length) == start
    if length == timedelta(days=1):
        assert start.astimezone(SHANGHAI).time() == time(0)
