"""What decides whether, how and when a message leaves the inbox; pure rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from core.clock import SHANGHAI, ensure_utc
from notifications.templates.domain import Channel, ClassRule, MessageClass

EVERY_DAY = frozenset(range(7))
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A window of each of some days in which nothing but the critical leaves the inbox.

    `starts` and `ends` are times of the city's clock; where they are equal there is no window. One
    that ends before it starts goes over midnight and belongs to the day it began: "Wednesdays,
    22:00 to 07:00" covers Thursday 02:00 and not Wednesday 02:00. Monday is day 0.
    """

    starts: time
    ends: time
    days: frozenset[int] = EVERY_DAY

    def end_after(self, moment: datetime) -> datetime | None:
        """When the window that covers a moment ends, half-open; None where none covers it."""
        if self.starts == self.ends:
            return None
        local = moment.astimezone(SHANGHAI)
        for day in (local.date() - _DAY, local.date()):
            if day.weekday() not in self.days:
                continue
            begin = datetime.combine(day, self.starts, SHANGHAI)
            last_day = day if self.ends > self.starts else day + _DAY
            end = datetime.combine(last_day, self.ends, SHANGHAI)
            if begin <= local < end:
                return ensure_utc(end)
        return None


@dataclass(frozen=True, slots=True)
class Reach:
    """What is known of somebody that a message is for."""

    channels: frozenset[Channel]
    """Those with an address."""
    refused: frozenset[tuple[MessageClass, Channel]] = frozenset()
    quiet: QuietHours | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """Through which channel, and not before when."""

    channel: Channel
    due_at: datetime


def find_way(
    about: MessageClass, rule: ClassRule, channels: Sequence[Channel], reach: Reach, now: datetime
) -> Way | None:
    """The first of the channels that has an address and that the person has not refused.

    A critical class knows neither refusals nor quiet hours. None: the message stays in the inbox.
    """
    for channel in channels:
        if channel in reach.channels and (
            rule.is_critical or (about, channel) not in reach.refused
        ):
            return Way(channel, now if rule.is_critical else _after_quiet(reach.quiet, now))
    return None


def _after_quiet(quiet: QuietHours | None, now: datetime) -> datetime:
    return now if quiet is None else quiet.end_after(now) or now


def window_start(moment: datetime, length: timedelta) -> datetime:
    """When the window that a moment is in begins; windows are counted from a midnight here."""
    midnight = datetime(2020, 1, 1, tzinfo=SHANGHAI)
    return ensure_utc(midnight + (moment - midnight) // length * length)
