"""Commands and queries of appointments: booking a hospital number, giving it back, looking."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from core import idempotency
from core.call import Call
from core.database import Transaction, transaction
from core.errors import AppError, Conflict, InvalidInput, NotFound, Unavailable
from core.http import UpstreamError
from core.ids import new_id
from core.last_good import Reading
from core.privacy import Access, Purpose, open_access
from core.texts_common import INVALID_INPUT, NOT_FOUND, UPSTREAM_UNAVAILABLE
from modules.appointments import domain, saga, store, texts
from modules.appointments.domain import Fault, SlotState, State
from modules.appointments.models import Booking
from modules.appointments.policy import Policy, rules_of
from modules.appointments.store import BookingRow, Described
from modules.appointments.upstream import (
    Department,
    Doctor,
    Hospital,
    Hospitals,
    HospitalSlot,
)

HOSPITAL_REGISTRATION = "hospital-registration"
PERSON = "appointments.person"
_MAX_STALE = timedelta(hours=12)
_SLOTS_MAX_STALE = timedelta(minutes=5)
_DAYS_MAX = 14

PATIENT = Purpose(
    id="appointments.hospital-registration",
    upstream="hospitals",
    fields=("name", "resident_id", "phone"),
    text=texts.HOSPITAL_CONSENT,
    text_version="2026-11",
)

_FAULTS = {
    Fault.CANCELLED: texts.SLOT_CANCELLED,
    Fault.BEGUN: texts.SLOT_BEGUN,
    Fault.UNRELEASED: texts.SLOT_UNRELEASED,
    Fault.FULL: texts.SLOT_FULL,
}


async def read_hospitals(call: Call) -> dict[str, Reading[Hospital]]:
    """Every connected hospital's description, asked at the same time."""
    refs = rules_of(call.app).hospital_refs
    readings = await asyncio.gather(*(read_hospital(call, ref) for ref in refs))
    return dict(zip(refs, readings, strict=True))


async def read_hospital(call: Call, hospital_ref: str) -> Reading[Hospital]:
    """A hospital's description. Raises NotFound for one that is not connected."""
    hospitals = _hospitals(call, hospital_ref)
    return await call.app.last_good.read_through(
        ("hospital", hospital_ref),
        lambda: hospitals.get_hospital(hospital_ref, call.deadline),
        clock=call.app.clock,
        max_stale=_MAX_STALE,
    )


async def read_departments(call: Call, hospital_ref: str) -> Reading[Sequence[Department]]:
    """A hospital's departments. Raises NotFound for a hospital that is not connected."""
    hospitals = _hospitals(call, hospital_ref)
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
    hospitals = _hospitals(call, hospital_ref)
    return await call.app.last_good.read_through(
        ("doctors", hospital_ref, department_ref),
        lambda: hospitals.list_doctors(hospital_ref, department_ref, call.deadline),
        clock=call.app.clock,
        max_stale=_MAX_STALE,
    )


async def read_slots(
    call: Call, hospital_ref: str, schedule_ref: str, *, skip_days: int, days: int
) -> Reading[Sequence[HospitalSlot]]:
    """A calendar's free numbers for 1 to 14 days, from now on or some days later; stale ones at
    most 5 minutes old.

    Raises NotFound for a hospital that is not connected and InvalidInput.
    """
    hospitals = _hospitals(call, hospital_ref)
    _require_days("skipDays", skip_days, 0)
    _require_days("days", days, 1)
    begins_at = call.app.clock.now() + timedelta(days=skip_days)
    ends_at = begins_at + timedelta(days=days)
    return await call.app.last_good.read_through(
        ("slots", hospital_ref, schedule_ref, skip_days, days),
        lambda: hospitals.list_slots(hospital_ref, schedule_ref, begins_at, ends_at, call.deadline),
        clock=call.app.clock,
        max_stale=_SLOTS_MAX_STALE,
    )


async def book_hospital_number(
    call: Call, hospital_ref: str, slot_ref: str, key: str
) -> BookingRow:
    """Book a number for the viewer: hold it here, book it there, confirm.

    The same key gives the same booking. A hospital that answers too late leaves the booking HELD
    and a job finds out. Raises NotFound, Conflict (taken, begun, limits), Forbidden without
    consent, Unavailable; then no number is kept here or there.
    """
    viewer = call.require_viewer(2)
    command = {"hospital": hospital_ref, "slot": slot_ref}
    known = await idempotency.recall(
        subject=viewer.user_id, operation="bookHospitalNumber", key=key, command=command
    )
    if known is not None:
        return await _told(call, known)
    hospitals = _hospitals(call, hospital_ref)
    access = await open_access(call, service=HOSPITAL_REGISTRATION, purpose=PATIENT)
    slot, doctor, hospital = await _offer(call, hospitals, hospital_ref, slot_ref)
    booking_id = await _hold(call, access, hospital, doctor, slot, key=key, command=command)
    await saga.settle_now(call.app, booking_id, access, call.deadline)
    return await _told(call, booking_id)


async def cancel(call: Call, booking_id: UUID, key: str) -> BookingRow:
    """Give the viewer's booking back before its deadline.

    The same key gives the same answer. CANCELLING means that the hospital has still to agree.
    Raises NotFound, also for somebody else's, and Conflict when it is too late or over already.
    """
    viewer = call.require_viewer()
    app, now = call.app, call.app.clock.now()
    async with transaction() as tx:
        claim = await idempotency.claim(
            app,
            tx,
            subject=viewer.user_id,
            operation="cancelAppointment",
            key=key,
            command={"booking": str(booking_id)},
            effect_id=booking_id,
        )
        booking = await store.lock_booking(tx, booking_id)
        if booking is None or booking.booked_by != viewer.user_id:
            raise NotFound(NOT_FOUND)
        if not claim.replayed:
            domain.BOOKING.next_state(booking.state, "withdraw")
            if now >= cancel_deadline(call, booking):
                raise Conflict(texts.CANCEL_TOO_LATE)
            await store.move(tx, booking_id, [booking.state], State.CANCELLING)
            await saga.enqueue_settle(app, tx, booking_id)
    await saga.settle_now(app, booking_id, None, call.deadline)
    return await get_booking(call, booking_id)


async def get_booking(call: Call, booking_id: UUID) -> BookingRow:
    """The viewer's booking. Raises NotFound, also for somebody else's."""
    viewer = call.require_viewer()
    booking = await store.find_booking(booking_id)
    if booking is None or booking.booked_by != viewer.user_id:
        raise NotFound(NOT_FOUND)
    return booking


async def list_bookings(call: Call, *, first: int, before: UUID | None) -> Sequence[BookingRow]:
    """The viewer's bookings, newest first."""
    viewer = call.require_viewer()
    return await store.list_bookings(viewer.user_id, first=first, before=before)


def cancel_deadline(call: Call, booking: BookingRow) -> datetime:
    """The moment from which a booking can no longer be given back."""
    return policy_of(call, booking.service_id).cancel.deadline(booking.starts_at)


def policy_of(call: Call, service_id: str) -> Policy:
    """What the city decided for a service."""
    return rules_of(call.app).policies[service_id]


def _require_days(field: str, days: int, least: int) -> None:
    if not least <= days <= _DAYS_MAX:
        detail = f"{field} must be between {least} and {_DAYS_MAX}"
        raise InvalidInput(INVALID_INPUT, field, detail=detail)


def _hospitals(call: Call, hospital_ref: str) -> Hospitals:
    if hospital_ref not in rules_of(call.app).hospital_refs:
        raise NotFound(NOT_FOUND)
    return call.app.upstream(Hospitals)


async def _offer(
    call: Call, hospitals: Hospitals, hospital_ref: str, slot_ref: str
) -> tuple[HospitalSlot, Doctor, Hospital]:
    """The number as the hospital offers it now."""
    try:
        slot = await hospitals.find_slot(hospital_ref, slot_ref, call.deadline)
        if slot is None:
            raise NotFound(NOT_FOUND)
        doctor = await hospitals.find_doctor(hospital_ref, slot.schedule_ref, call.deadline)
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.HOSPITALS) from None
    hospital = (await read_hospital(call, hospital_ref)).value
    if doctor is None or hospital is None:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.HOSPITALS)
    refuse_fault(SlotState(slot.starts_at, 1, 0 if slot.free else 1), call.app.clock.now())
    return slot, doctor, hospital


def refuse_fault(slot: SlotState, now: datetime) -> None:
    """Raise Conflict for a slot that cannot be booked at a moment."""
    fault = domain.find_fault(slot, now)
    if fault is not None:
        raise Conflict(_FAULTS[fault])


async def _hold(
    call: Call,
    access: Access,
    hospital: Hospital,
    doctor: Doctor,
    slot: HospitalSlot,
    *,
    key: str,
    command: Mapping[str, str],
) -> UUID:
    app, viewer, now = call.app, call.require_viewer(2), call.app.clock.now()
    async with transaction() as tx:
        claim = await idempotency.claim(
            app,
            tx,
            subject=viewer.user_id,
            operation="bookHospitalNumber",
            key=key,
            command=command,
            effect_id=new_id(),
        )
        if claim.replayed:
            return claim.effect_id
        group = f"{hospital.ref}/{doctor.department.ref}"
        slot_id = await _ensure_slot(tx, hospital, doctor, slot, group)
        await _take_limits(call, tx, claim.effect_id, access, slot_id, group, slot.starts_at)
        row = await store.lock_slot(tx, slot_id)
        refuse_fault(SlotState(row.starts_at, row.capacity, row.used), now)
        await Booking.create(
            using_db=tx,
            id=claim.effect_id,
            series_id=claim.effect_id,
            service_id=HOSPITAL_REGISTRATION,
            slot_id=slot_id,
            booked_by=viewer.user_id,
            state=State.HELD,
            fee_fen=doctor.fee_fen,
            access_id=access.access_id,
            created_at=now,
            hold_expires_at=domain.hold_end(
                now, policy_of(call, HOSPITAL_REGISTRATION).hold, slot.starts_at
            ),
        )
        await saga.enqueue_settle(app, tx, claim.effect_id)
    return claim.effect_id


async def _ensure_slot(
    tx: Transaction, hospital: Hospital, doctor: Doctor, slot: HospitalSlot, group: str
) -> UUID:
    name = f"{doctor.name} {doctor.title.zh}", f"{doctor.name}, {doctor.title.en}"
    resource_id = await store.ensure_resource(
        tx,
        service_id=HOSPITAL_REGISTRATION,
        ref=f"{hospital.ref}/{doctor.schedule_ref}",
        described=Described(hospital.name, doctor.department.name, type(hospital.name)(*name)),
        limit_group=group,
    )
    return await store.ensure_slot(
        tx,
        resource_id=resource_id,
        service_id=HOSPITAL_REGISTRATION,
        ref=slot.ref,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        fee_fen=doctor.fee_fen,
    )


async def _take_limits(
    call: Call,
    tx: Transaction,
    booking_id: UUID,
    access: Access,
    slot_id: UUID,
    group: str,
    starts_at: datetime,
) -> None:
    assert access.person.resident_id is not None
    person_key = call.app.vault.blind_index(access.person.resident_id, PERSON)
    limits = {f"slot:{slot_id}": 1, domain.day_limit(group, starts_at): 1}
    used_up = await store.take_limits(
        tx, booking_id=booking_id, person_key=person_key, limits=limits
    )
    if used_up is not None:
        raise Conflict(texts.LIMIT_SLOT if used_up.startswith("slot:") else texts.LIMIT_DAY)


async def _told(call: Call, booking_id: UUID) -> BookingRow:
    """The viewer's booking, or the refusal that it ended in: a repeated send hears the same."""
    booking = await get_booking(call, booking_id)
    if booking.state is State.REFUSED and booking.refusal_code is not None:
        raise _refusal(booking.refusal_code)
    return booking


def _refusal(code: str) -> AppError:
    kind = Unavailable if code == texts.HOSPITAL_UNAVAILABLE.code else Conflict
    return kind(texts.REFUSALS[code])
