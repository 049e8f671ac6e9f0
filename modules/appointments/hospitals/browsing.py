"""What the hospitals offer: who they are, where one can go, which numbers are free."""

import asyncio
import heapq
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from core.context.call import Call
from core.errors import InvalidInput, NotFound
from core.refusal_texts import INVALID_INPUT, NOT_FOUND
from core.upstream.client import UpstreamError
from core.upstream.readings import Reading, ReadStatus
from modules.appointments import slot_store
from modules.appointments.hospitals.sources import REGISTRATION, Source
from modules.appointments.hospitals.upstream import (
    Department,
    Doctor,
    Hospital,
    Hospitals,
    HospitalSlot,
    Room,
)
from modules.appointments.policy import rules_of

DAYS_MAX = 14
_MAX_STALE = timedelta(hours=12)
_SLOTS_MAX_STALE = timedelta(minutes=5)
_ALTERNATIVES, _ENOUGH = 5, 3
_COLLEAGUES = 3


async def read_hospitals(call: Call, source: Source = REGISTRATION) -> dict[str, Reading[Hospital]]:
    """Every connected hospital's description, asked at the same time."""
    refs = rules_of(call.app).servers[source.purpose.upstream]
    readings = await asyncio.gather(*(read_hospital(call, ref, source) for ref in refs))
    return dict(zip(refs, readings, strict=True))


async def read_hospital(
    call: Call, hospital_ref: str, source: Source = REGISTRATION
) -> Reading[Hospital]:
    """A hospital's description. Raises NotFound for one that is not connected."""
    hospitals = client_of(call, source, hospital_ref)
    return await call.app.last_good.read_through(
        ("hospital", hospital_ref),
        lambda: hospitals.get_hospital(hospital_ref, call.deadline),
        clock=call.app.clock,
        max_stale=_MAX_STALE,
    )


async def read_departments(call: Call, hospital_ref: str) -> Reading[Sequence[Department]]:
    """A hospital's departments. Raises NotFound for a hospital that is not connected."""
    hospitals = client_of(call, REGISTRATION, hospital_ref)
    return await call.app.last_good.read_through(
        ("departments", hospital_ref),
        lambda: hospitals.list_departments(hospital_ref, call.deadline),
        clock=call.app.clock,
        max_stale=_MAX_STALE,
    )


async def read_doctors(
    call: Call, hospital_ref: str, department_ref: str
) -> Reading[Sequence[Doctor]]:
    """A department's doctors. Raises NotFound for a hospital that is not connected."""
    hospitals = client_of(call, REGISTRATION, hospital_ref)
    return await call.app.last_good.read_through(
        ("doctors", hospital_ref, department_ref),
        lambda: hospitals.list_doctors(hospital_ref, department_ref, call.deadline),
        clock=call.app.clock,
        max_stale=_MAX_STALE,
    )


async def read_rooms(call: Call, hospital_ref: str, source: Source) -> Reading[Sequence[Room]]:
    """What a service books there without a doctor to choose. Raises NotFound likewise."""
    hospitals = client_of(call, source, hospital_ref)
    return await call.app.last_good.read_through(
        ("rooms", source.service_id, hospital_ref),
        lambda: hospitals.list_rooms(hospital_ref, source.kinds, call.deadline),
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
    source: Source = REGISTRATION,
) -> Reading[Sequence[HospitalSlot]]:
    """A calendar's free numbers for 1 to 14 days, from now on or some days later; stale ones at
    most 5 minutes old. What somebody here is just booking is left out.

    Raises NotFound for a hospital that is not connected and InvalidInput.
    """
    hospitals = client_of(call, source, hospital_ref)
    _require_days("skipDays", skip_days, 0)
    _require_days("days", days, 1)
    begins_at = call.app.clock.now() + timedelta(days=skip_days)
    ends_at = begins_at + timedelta(days=days)
    reading: Reading[Sequence[HospitalSlot]] = await call.app.last_good.read_through(
        ("slots", source.purpose.upstream, hospital_ref, schedule_ref, skip_days, days),
        lambda: hospitals.list_slots(hospital_ref, schedule_ref, begins_at, ends_at, call.deadline),
        clock=call.app.clock,
        max_stale=_SLOTS_MAX_STALE,
    )
    if not reading.value:
        return reading
    taken = await slot_store.list_full_refs(f"{hospital_ref}/{schedule_ref}")
    return replace(reading, value=[slot for slot in reading.value if slot.ref not in taken])


async def alternatives(
    call: Call, source: Source, hospital_ref: str, slot_ref: str
) -> Sequence[HospitalSlot]:
    """Free numbers instead of a taken one, the nearest in time first: of the same calendar, and
    where that has too few, of colleagues in the same department. Empty without an answer."""
    hospitals = client_of(call, source, hospital_ref)
    try:
        slot = await hospitals.find_slot(hospital_ref, slot_ref, call.deadline)
        if slot is None:
            return ()
        found = await _others(call, source, hospital_ref, slot, [slot.schedule_ref])
        if len(found) >= _ENOUGH or source.kinds:
            return found
        doctor = await hospitals.find_doctor(hospital_ref, slot.schedule_ref, call.deadline)
    except UpstreamError:
        return ()
    if doctor is None:
        return found
    colleagues = await read_doctors(call, hospital_ref, doctor.department.ref)
    schedules = [d.schedule_ref for d in colleagues.value or () if d != doctor][:_COLLEAGUES]
    return await _others(call, source, hospital_ref, slot, [slot.schedule_ref, *schedules])


async def _others(
    call: Call, source: Source, hospital_ref: str, slot: HospitalSlot, schedules: Sequence[str]
) -> Sequence[HospitalSlot]:
    readings = await asyncio.gather(
        *(
            read_slots(call, hospital_ref, ref, skip_days=0, days=DAYS_MAX, source=source)
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


def client_of(call: Call, source: Source, hospital_ref: str) -> Hospitals:
    """The client of a service's servers. Raises NotFound for a server that is not connected."""
    if hospital_ref not in rules_of(call.app).servers[source.purpose.upstream]:
        raise NotFound(NOT_FOUND)
    return source.client(call.app)


def _require_days(field: str, days: int, least: int) -> None:
    if not least <= days <= DAYS_MAX:
        detail = f"{field} must be between {least} and {DAYS_MAX}"
        raise InvalidInput(INVALID_INPUT, field, detail=detail)
