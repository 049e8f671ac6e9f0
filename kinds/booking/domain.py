"""Rules of appointments, without I/O: the life of a booking, deadlines, what may be booked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from uuid import UUID

from core.clock import SHANGHAI
from core.states import Edge, StateMachine

_SECOND = timedelta(seconds=1)


class State(StrEnum):
    """Where a booking stands. The first three hold a seat and may still move."""

    HELD = "held"
    CONFIRMED = "confirmed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    ATTENDED = "attended"
    MISSED = "missed"


BOOKING = StateMachine(
    name="booking",
    table="appointments_booking",
    column="state",
    initial=(State.HELD, State.CONFIRMED),
    edges=(
        Edge(State.HELD, "confirm", State.CONFIRMED),
        Edge(State.HELD, "refuse", State.REFUSED),
        Edge(State.HELD, "expire", State.EXPIRED),
        Edge(State.HELD, "cancel", State.CANCELLED),
        Edge(State.HELD, "withdraw", State.CANCELLING),
        Edge(State.CONFIRMED, "cancel", State.CANCELLED),
        Edge(State.CONFIRMED, "withdraw", State.CANCELLING),
        Edge(State.CONFIRMED, "attend", State.ATTENDED),
        Edge(State.CONFIRMED, "miss", State.MISSED),
        Edge(State.MISSED, "excuse", State.ATTENDED),
        Edge(State.CANCELLING, "cancel", State.CANCELLED),
        Edge(State.CANCELLING, "keep", State.CONFIRMED),
    ),
)
"""`withdraw` is a cancellation that an outside system must still agree to; `excuse` takes a miss
back: the person was there and nobody noted it, or could not come for a reason that counts."""


class Excuse(StrEnum):
    """Why a miss is taken back. PRESENT: the person was there and nobody noted it. UNFORESEEN:
    illness, an accident, weather. OURS: the place was closed, or its fault.
    """

    PRESENT = "PRESENT"
    UNFORESEEN = "UNFORESEEN"
    OURS = "OURS"


class WaitState(StrEnum):
    """Where a place in a waiting list stands."""

    WAITING = "waiting"
    OFFERED = "offered"
    PROMOTED = "promoted"
    LEFT = "left"
    LAPSED = "lapsed"


WAIT = StateMachine(
    name="wait",
    table="appointments_wait",
    column="state",
    initial=(WaitState.WAITING,),
    edges=(
        Edge(WaitState.WAITING, "offer", WaitState.OFFERED),
        Edge(WaitState.WAITING, "leave", WaitState.LEFT),
        Edge(WaitState.WAITING, "lapse", WaitState.LAPSED),
        Edge(WaitState.OFFERED, "promote", WaitState.PROMOTED),
        Edge(WaitState.OFFERED, "lapse", WaitState.LAPSED),
    ),
)
"""An offer is a hold: confirming it promotes, and its end without that lapses."""

OPEN_SUBJECT = "open:subject:"
"""How the key of a limit begins that counts bookings about one thing, not of one person."""

AT_TIME = "time:"
"""How the key of a limit begins that keeps a person from being at two places at once."""
UNPAID = "unpaid:holds"
UNPAID_MAX = 3
"""How many holds that wait for their payment one person may have, over all places."""
_QUARTER_S = 900
_WAKING, _RESTING = time(8), time(21)

ENDED = frozenset({State.CANCELLED, State.EXPIRED, State.REFUSED})
"""States that hold no seat and count against no limit."""


class Fault(StrEnum):
    """Why a slot cannot be booked."""

    CANCELLED = "cancelled"
    BEGUN = "begun"
    UNRELEASED = "unreleased"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class SlotState:
    """What decides whether a slot can be booked now."""

    starts_at: datetime
    capacity: int
    used: int
    releases_at: datetime | None = None
    cancelled: bool = False

    @property
    def free(self) -> int:
        """Seats left."""
        return self.capacity - self.used


@dataclass(frozen=True, slots=True)
class CancelRule:
    """Until when a booking may be given back.

    With `at` set: until that Shanghai clock time, `days_before` days before the slot's own day.
    Without: until `before` ahead of its start.
    """

    days_before: int = 0
    at: time | None = None
    before: timedelta = timedelta(0)

    def deadline(self, starts_at: datetime) -> datetime:
        """The moment from which it is too late."""
        if self.at is None:
            return starts_at - self.before
        day = starts_at.astimezone(SHANGHAI).date() - timedelta(days=self.days_before)
        return datetime.combine(day, self.at, SHANGHAI).astimezone(starts_at.tzinfo)


def find_fault(slot: SlotState, now: datetime) -> Fault | None:
    """Why a slot cannot be booked at a moment, the lasting reasons first; None when it can."""
    if slot.cancelled:
        return Fault.CANCELLED
    if now >= slot.starts_at:
        return Fault.BEGUN
    if slot.releases_at is not None and now < slot.releases_at:
        return Fault.UNRELEASED
    if slot.free <= 0:
        return Fault.FULL
    return None


def hold_end(now: datetime, ttl: timedelta, starts_at: datetime) -> datetime:
    """When a hold lapses: after its time to live, at the latest when the slot begins.

    Rounded up to the second, so that holds taken together end together.
    """
    return min(_next_second(now + ttl), starts_at)


def offer_end(now: datetime, ttl: timedelta, latest: datetime) -> datetime:
    """Until when an offer to somebody who waits is good, at most until `latest`.

    Its time runs from eight in the morning where it is made at night, so that nobody loses a seat
    asleep.
    """
    local = now.astimezone(SHANGHAI)
    if not _WAKING <= local.time() < _RESTING:
        day = local.date() + timedelta(days=local.time() >= _RESTING)
        now = datetime.combine(day, _WAKING, SHANGHAI).astimezone(now.tzinfo)
    return min(_next_second(now + ttl), latest)


def _next_second(moment: datetime) -> datetime:
    return moment if not moment.microsecond else moment.replace(microsecond=0) + _SECOND


def day_limit(group: str, starts_at: datetime) -> str:
    """The key under which bookings of one person in a group on one Shanghai day are counted."""
    return f"day:{group}:{starts_at.astimezone(SHANGHAI).date().isoformat()}"


def time_limits(starts_at: datetime, ends_at: datetime) -> list[str]:
    """The keys of the quarters of an hour that a slot touches."""
    begins_s = int(starts_at.timestamp()) // _QUARTER_S
    ends_s = -(-int(ends_at.timestamp()) // _QUARTER_S)
    return [f"{AT_TIME}{quarter}" for quarter in range(begins_s, max(ends_s, begins_s + 1))]


@dataclass(frozen=True, slots=True)
class BanRule:
    """`misses` appointments missed within a span close the service for a while."""

    misses: int
    within: timedelta
    lasts: timedelta


def banned_until(missed_at: Sequence[datetime], rule: BanRule) -> datetime | None:
    """When the last ban of somebody ends who missed appointments at these moments.

    A ban begins with the miss that makes the number full; None where it never was.
    """
    moments = sorted(missed_at)
    for last in range(len(moments) - 1, rule.misses - 2, -1):
        if moments[last] - moments[last - rule.misses + 1] <= rule.within:
            return moments[last] + rule.lasts
    return None


@lru_cache(10_000)
def limits_of(
    *,
    service_id: str,
    slot_id: UUID,
    group: str,
    starts_at: datetime,
    ends_at: datetime,
    per_day: int,
    open_max: int,
) -> Mapping[str, int]:
    """What a booking counts against for whom it is about, and how often that is allowed: for all
    who want one slot the same, so it is remembered.

    The time too: nobody is at two places at once, of whatever service.
    """
    limits = {f"slot:{slot_id}": 1, **dict.fromkeys(time_limits(starts_at, ends_at), 1)}
    if per_day:
        limits[day_limit(group, starts_at)] = per_day
    if open_max:
        limits[f"open:{service_id}"] = open_max
    return MappingProxyType(limits)


LimitUse = tuple[bytes, str, int]
"""Who, what, and how often that is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBooking:
    """A booking as it is inserted: every field is a column of its table.

    The first of a series gives it its id; `version` rises with every change of state, over the
    whole series. `booked_for` is there when it is for somebody else, `wait_id` when it was offered
    to somebody who waited, `access_id` when an outside system has the last word. A `prepaid` one
    waits for its payment before anything else happens. `fee_fen` is None where an outside
    system does not tell it.
    """

    id: UUID
    series_id: UUID
    sequence: int = 0
    version: int = 0
    service_id: str
    slot_id: UUID
    booked_by: UUID
    booked_for: UUID | None = None
    person_key: bytes | None
    item_id: str
    subject_sealed: bytes | None = None
    replaces: UUID | None = None
    wait_id: UUID | None = None
    seats: int = 1
    state: State
    fee_fen: int | None
    prepaid: bool = False
    payment_id: UUID | None = None
    access_id: UUID | None = None
    created_at: datetime
    hold_expires_at: datetime | None = None
    confirmed_at: datetime | None = None

    @property
    def subject_id(self) -> UUID:
        """Whom it is about."""
        return self.booked_for or self.booked_by

    @property
    def awaits_payment(self) -> bool:
        """Whether it is held until its fee is paid; no outside system has heard of it yet."""
        return self.state is State.HELD and self.prepaid and self.payment_id is None

    @property
    def is_external(self) -> bool:
        """Whether an outside system has a part in it."""
        return self.access_id is not None


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """A hold that somebody asks for, under which key, and what it counts against for every person
    in it.

    `companions` are names and ID numbers, sealed. `old_version` is there where it replaces another
    booking: as which version that was read.
    """

    operation: str
    key: str
    command: Mapping[str, object]
    booking: NewBooking
    limits: Sequence[LimitUse]
    companions: Sequence[tuple[bytes, bytes]] = ()
    old_version: int | None = None

    @property
    def person_key(self) -> bytes:
        """Who comes, as limits and bans count them."""
        assert self.booking.person_key is not None
        return self.booking.person_key
