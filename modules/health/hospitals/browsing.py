"""What the hospitals offer: who they are, where one can go, which numbers are free."""

import asyncio
import heapq
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta

from core.clock import SHANGHAI, civil_date
from core.context.call import Call
from core.errors import InvalidInput
from core.refusal_texts import INVALID_INPUT
from core.upstream.client import UpstreamError
from core.upstream.readings import Reading, ReadStatus
from kinds.booking import slot_store
from kinds.booking.sources import ExternalSlot
from modules.health.hospitals.servers import HOSPITALS, Servers
from modules.health.hospitals.upstream import Department, Doctor, Hospital, Room, RoomKind

DAYS_MAX = 14
_MAX_STALE = timedelta(hours=12)
_SLOTS_MAX_STALE = timedelta(minutes=5)
_COUNT_FRESH = timedelta(minutes=1)
_ALTERNATIVES, _ENOUGH = 5, 3
_COLLEAGUES = 3


async def read_hospitals(call: Call, servers: Servers = HOSPITALS) -> dict[str, Reading[Hospital]]:
    """Every connected hospital's description, asked at the same time."""
    refs = servers.refs(call.app)
    readings = await asyncio.gather(*(read_hospital(call, ref, servers) for ref in refs))
    return dict(zip(refs, readings, strict=True))


async def read_hospital(
    call: Call, hospital_ref: str, servers: Servers = HOSPITALS
) -> Reading[Hospital]:
    """A hospital's description. Raises NotFound for one that is not connected."""
    hospitals = servers.client(call.app, hospital_ref)
    return await call.app.last_good.read_through(
        ("hospital", hospital_ref),
        lambda: hospitals.get_hospital(hospital_ref, call.deadline),
        clock=call.app.clock,
        max_stale=_MAX_STALE,
    )


async def read_departments(call: Call, hospital_ref: str) -> Reading[Sequence[Department]]:
    """A hospital's departments. Raises NotFound for a hospital that is not connected."""
    hospitals = HOSPITALS.client(call.app, hospital_ref)
    return await call.app.last_good.read_through(
        ("departments", hospital_ref),
        lambda: hospitals.list_departments(hospital_ref, call.deadline),
        clock=call.app.clock,
        max_stale=_MAX_STALE,
    )


async def find_department(
    call: Call, hospital_ref: str, name_zh: str
) -> Reading[Department | None]:
    """A hospital's department by its Chinese name; None where it has none of it."""
    reading = await read_departments(call, hospital_ref)
    found = next((one for one in reading.items if one.name.zh == name_zh), None)
    return Reading(reading.status, found, reading.as_of, reading.reason)


async def read_free_today(call: Call, hospital_ref: str, department_ref: str) -> Reading[int]:
    """How many numbers a department has left today; told to everybody for a minute."""
    hospitals = HOSPITALS.client(call.app, hospital_ref)
    begins_at = call.app.clock.now()
    today = civil_date(begins_at)
    ends_at = datetime.combine(today + timedelta(days=1), time(), SHANGHAI)
    return await call.app.last_good.read_through(
        ("free", hospital_ref, department_ref, today),
        lambda: hospitals.count_free(
            hospital_ref, department_ref, begins_at, ends_at, call.deadline
        ),
        clock=call.app.clock,
        max_stale=_SLOTS_MAX_STALE,
        fresh=_COUNT_FRESH,
    )


async def read_doctors(
    call: Call, hospital_ref: str, department_ref: str
) -> Reading[Sequence[Doctor]]:
    """A department's doctors. Raises NotFound for a hospital that is not connected."""
    hospitals = HOSPITALS.client(call.app, hospital_ref)
    return await call.app.last_good.read_through(
        ("doctors", hospital_ref, department_ref),
        lambda: hospitals.list_doctors(hospital_ref, department_ref, call.deadline),
        clock=call.app.clock,
        max_stale=_MAX_STALE,
    )


async def read_rooms(
    call: Call, hospital_ref: str, kinds: Sequence[RoomKind], servers: Servers = HOSPITALS
) -> Reading[Sequence[Room]]:
    """What of some kinds is booked there without a doctor to choose. Raises NotFound likewise."""
    hospitals = servers.client(call.app, hospital_ref)
    return await call.app.last_good.read_through(
        ("rooms", *kinds, hospital_ref),
        lambda: hospitals.list_rooms(hospital_ref, kinds, call.deadline),
        clock=call.app.clock,
        max_stale=_MAX_STALE,
    )


async def read_slots(
    call: Call,
    hospital_ref: str,
    schedule_ref: str,
    *,
    skip_days: int,
    days: int,
    servers: Servers = HOSPITALS,
) -> Reading[Sequence[ExternalSlot]]:
    """A calendar's free numbers for 1 to 14 days, from now on or some days later; stale ones at
    most 5 minutes old. What somebody here is just booking is left out.

    Raises NotFound for a hospital that is not connected and InvalidInput.
    """
    hospitals = servers.client(call.app, hospital_ref)
    _require_days("skipDays", skip_days, 0)
    _require_days("days", days, 1)
    begins_at = call.app.clock.now() + timedelta(days=skip_days)
    ends_at = begins_at + timedelta(days=days)
    reading: Reading[Sequence[ExternalSlot]] = await call.app.last_good.read_through(
        ("slots", servers.upstream, hospital_ref, schedule_ref, skip_days, days),
        lambda: hospitals.list_slots(hospital_ref, schedule_ref, begins_at, ends_at, call.deadline),
        clock=call.app.clock,
        max_stale=_SLOTS_MAX_STALE,
    )
    if not reading.value:
        return reading
    taken = await slot_store.list_full_refs(f"{hospital_ref}/{schedule_ref}")
    return replace(reading, value=[slot for slot in reading.value if slot.ref not in taken])


async def alternatives(
    call: Call, hospital_ref: str, slot_ref: str, servers: Servers, *, colleagues: bool
) -> Sequence[ExternalSlot]:
    """Free numbers instead of a taken one, the nearest in time first: of the same calendar, and
    where that has too few, of the doctor's colleagues. Empty without an answer."""
    hospitals = servers.client(call.app, hospital_ref)
    try:
        slot = await hospitals.find_slot(hospital_ref, slot_ref, call.deadline)
        if slot is None:
            return ()
        found = await _others(call, servers, hospital_ref, slot, [slot.schedule_ref])
        if len(found) >= _ENOUGH or not colleagues:
            return found
        doctor = await hospitals.find_doctor(hospital_ref, slot.schedule_ref, call.deadline)
    except UpstreamError:
        return ()
    if doctor is None:
        return found
    doctors = await read_doctors(call, hospital_ref, doctor.department.ref)
    schedules = [d.schedule_ref for d in doctors.value or () if d != doctor][:_COLLEAGUES]
    return await _others(call, servers, hospital_ref, slot, [slot.schedule_ref, *schedules])


async def _others(
    call: Call, servers: Servers, hospital_ref: str, slot: ExternalSlot, schedules: Sequence[str]
) -> Sequence[ExternalSlot]:
    readings = await asyncio.gather(
        *(
            read_slots(call, hospital_ref, ref, skip_days=0, days=DAYS_MAX, servers=servers)
            for ref in schedules
        )
    )
    free = [
        other
        for reading in readings
        if reading.status is ReadStatus.LIVE
        for other in reading.value or ()
        if other.ref != slot.ref
    ]
    return heapq.nsmallest(_ALTERNATIVES, free, key=lambda o: abs(o.starts_at - slot.starts_at))


def _require_days(field: str, days: int, least: int) -> None:
    if not least <= days <= DAYS_MAX:
        detail = f"{field} must be between {least} and {DAYS_MAX}"
        raise InvalidInput(INVALID_INPUT, field, detail=detail)
