"""Taking what school gates send: signed batches, in any order, more than once, hours late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.context.app import App
from core.database import Transaction, transaction
from core.errors import Conflict
from modules.safety.gates import store, texts
from modules.safety.gates.domain import Fault, GateReading, clock_error, fault_of, passages
from modules.safety.gates.models import GateEvent
from modules.safety.gates.notices import tell_pupils
from modules.safety.schools.domain import School

_CHUNK = 50
_LOOK_BACK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What has become of a batch; the counts and the faults together are all its readings."""

    accepted: int
    duplicates: int
    refused: Mapping[str, Fault]
    """Why, by the id of the reading. Sending it again changes nothing."""


async def receive(
    app: App, school: School, created_at: datetime, readings: Sequence[GateReading]
) -> Receipt:
    """Store what is new in a batch and have guardians told, when it commits. Repeat-safe.

    `created_at` is what the sender's clock showed: its error is taken out of all times. Readings of
    pupils whom nobody follows are accepted and not kept. Raises Conflict CLOCK_WRONG for a clock
    that is wrong by more than a day; nothing is stored then.
    """
    now = app.clock.now()
    try:
        error = clock_error(created_at, now)
    except ValueError:
        raise Conflict(texts.CLOCK_WRONG) from None
    async with transaction() as tx:
        await store.hear_school(tx, school.code, now)
        if not readings:
            return Receipt(0, 0, {})
        return await _store(app, tx, school, error, readings)


async def _store(
    app: App, tx: Transaction, school: School, error: timedelta, readings: Sequence[GateReading]
) -> Receipt:
    now = app.clock.now()
    known = await store.list_known(tx, school.code, {one.event_ref for one in readings})
    refused: dict[str, Fault] = {}
    fresh: dict[str, GateReading] = {}
    duplicates = 0
    for reading in readings:
        other = known.get(reading.event_ref) or fresh.get(reading.event_ref)
        fault = fault_of(reading.at - error, now)
        if other is not None and _is_same(other, reading):
            duplicates += 1
        elif other is not None:
            refused[reading.event_ref] = Fault.EVENT_REUSED
        elif fault is not None:
            refused[reading.event_ref] = fault
        else:
            fresh[reading.event_ref] = reading
    await _insert(app, tx, school, error, list(fresh.values()))
    return Receipt(len(fresh), duplicates, refused)


async def _insert(
    app: App, tx: Transaction, school: School, error: timedelta, fresh: Sequence[GateReading]
) -> None:
    if not fresh:
        return
    since = min(one.at for one in fresh) - error - _LOOK_BACK
    followed = await store.list_followed(tx, school.code, {one.pupil_ref for one in fresh}, since)
    kept = [(one, one.at - error) for one in fresh if one.pupil_ref in followed]
    if not kept:
        return
    now, seen = app.clock.now(), [one for stored in followed.values() for one in stored]
    found = passages(kept, seen, now)
    await store.insert_events(tx, school.code, found, now)
    news = sorted({one.reading.pupil_ref for one in found if not one.is_repeat})
    chunks = [news[start : start + _CHUNK] for start in range(0, len(news), _CHUNK)]
    await app.queue.enqueue(tx, [tell_pupils.later(school.code, chunk) for chunk in chunks])


def _is_same(one: GateReading | GateEvent, other: GateReading) -> bool:
    at = one.at if isinstance(one, GateReading) else one.device_at
    return (one.pupil_ref, one.gate_ref, one.direction, at) == (
        other.pupil_ref,
        other.gate_ref,
        other.direction,
        other.at,
    )
