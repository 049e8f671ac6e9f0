"""Service 20: browsing the hospitals and booking one of their numbers."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from core import idempotency
from core.call import Call
from core.city import Named
from core.database import IntegrityError, Transaction, connection, transaction
from core.errors import AppError, Conflict, InvalidInput, NotFound, Unavailable
from core.http import UpstreamError
from core.ids import new_id
from core.last_good import Reading
from core.privacy import Access, Purpose, open_access
from core.texts_common import INVALID_INPUT, NOT_FOUND, UPSTREAM_UNAVAILABLE
from modules.appointments import domain, moving, people, service, slot_store, store, texts
from modules.appointments.domain import Ask, SlotState, State
from modules.appointments.hospitals import saga
from modules.appointments.hospitals.upstream import (
    Department,
    Doctor,
    Hospital,
    Hospitals,
    HospitalSlot,
)
from modules.appointments.policy import policy_of, rules_of
from modules.appointments.slot_store import Described
from modules.appointments.store import BookingRow

HOSPITAL_REGISTRATION = "hospital-registration"
_OPERATION = "bookHospitalNumber"
_MOVE = "moveHospitalNumber"
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
    """Book a number for the viewer, or for whom they act: hold it here, book it there, confirm.

    The same key gives the same booking. A hospital that answers too late leaves the booking HELD
    and a job finds out. Raises NotFound, Conflict (taken, begun, limits), Forbidden without
    consent, Unavailable; then no number is kept here or there.
    """
    viewer = call.require_viewer(2)
    command = {"hospital": hospital_ref, "slot": slot_ref, "for": str(call.subject_id)}
    known = await idempotency.recall(
        subject=viewer.user_id, operation=_OPERATION, key=key, command=command
    )
    if known is not None:
        return await told(call, known)
    hospitals = _hospitals(call, hospital_ref)
    access = await open_access(call, service=HOSPITAL_REGISTRATION, purpose=PATIENT)
    slot, doctor, hospital = await _offer(call, hospitals, hospital_ref, slot_ref)
    async with transaction() as tx:
        slot_id = await _ensure_slot(tx, hospital, doctor, slot)
    ask = await _ask(call, access, slot_id, slot, doctor, key=key, command=command)
    booking_id = await service.desk_of(call.app).hold(slot_id, ask)
    await saga.settle_now(call.app, booking_id, access, call.deadline)
    return await told(call, booking_id)


async def move_hospital_number(call: Call, booking_id: UUID, slot_ref: str, key: str) -> BookingRow:
    """Exchange the viewer's number for another of the same hospital.

    The old number stands until the hospital has given the new one; then it is given back. The
    same key gives the same answer. Raises what `book_hospital_number` raises; then the old number
    stands.
    """
    app, viewer = call.app, call.require_viewer(2)
    command = {"booking": str(booking_id), "slot": slot_ref}
    known = await idempotency.recall(
        subject=viewer.user_id, operation=_MOVE, key=key, command=command
    )
    if known is not None:
        return await told(call, known)
    old = await service.get_booking(call, booking_id)
    if not saga.is_outside(old):
        raise NotFound(NOT_FOUND)
    hospital_ref = saga.hospital_of(old)
    access = await open_access(call, service=HOSPITAL_REGISTRATION, purpose=PATIENT)
    slot, doctor, hospital = await _offer(
        call, _hospitals(call, hospital_ref), hospital_ref, slot_ref
    )
    async with transaction() as tx:
        slot_id = await _ensure_slot(tx, hospital, doctor, slot)
    ask = await _ask(call, access, slot_id, slot, doctor, key=key, command=command)
    ask = await _as_successor(call, ask, slot_id, old)
    try:
        moved_id = await service.desk_of(app).hold(slot_id, ask)
    except IntegrityError as error:
        moving.raise_if_moving(error)
        raise
    await saga.settle_now(app, moved_id, access, call.deadline)
    return await told(call, moved_id)


async def told(call: Call, booking_id: UUID) -> BookingRow:
    """The viewer's booking, or the refusal that it ended in: a repeated send hears the same."""
    booking = await service.get_booking(call, booking_id)
    if booking.state is State.REFUSED and booking.refusal_code is not None:
        raise _refusal(booking.refusal_code)
    return booking


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
    service.refuse_fault(SlotState(slot.starts_at, 1, 0 if slot.free else 1), call.app.clock.now())
    return slot, doctor, hospital


async def _ask(
    call: Call,
    access: Access,
    slot_id: UUID,
    slot: HospitalSlot,
    doctor: Doctor,
    *,
    key: str,
    command: Mapping[str, str],
) -> Ask:
    app, viewer = call.app, call.require_viewer(2)
    policy = policy_of(app, HOSPITAL_REGISTRATION)
    facts = await slot_store.find_slot_facts(slot_id)
    assert facts is not None
    own_key = await people.key_of(call, 2)
    return Ask(
        operation=_OPERATION,
        booking_id=new_id(),
        person_id=viewer.user_id,
        person_key=own_key,
        key=key,
        command=command,
        limits=people.party_limits(app, facts, [own_key], None),
        hold_expires_at=domain.hold_end(app.clock.now(), policy.hold, slot.starts_at),
        fee_fen=doctor.fee_fen,
        item_id="",
        access_id=access.access_id,
    )


async def _as_successor(call: Call, ask: Ask, slot_id: UUID, old: BookingRow) -> Ask:
    """The wish as the next of a series; what the old booking counts against is counted once."""
    facts = await slot_store.find_slot_facts(slot_id)
    assert facts is not None
    moving.refuse_unmovable(call.app, old, facts)
    held = set(await store.list_limits(connection(), old.id))
    return replace(
        ask,
        operation=_MOVE,
        limits=[use for use in ask.limits if use[:2] not in held],
        series_id=old.series_id,
        sequence=await store.next_sequence(old.series_id),
        replaces=old.id,
    )


async def _ensure_slot(
    tx: Transaction, hospital: Hospital, doctor: Doctor, slot: HospitalSlot
) -> UUID:
    """Our row for a number, with one seat."""
    name = f"{doctor.name} {doctor.title.zh}", f"{doctor.name}, {doctor.title.en}"
    resource_id = await slot_store.ensure_resource(
        tx,
        service_id=HOSPITAL_REGISTRATION,
        ref=f"{hospital.ref}/{doctor.schedule_ref}",
        described=Described(hospital.name, doctor.department.name, Named(*name)),
        limit_group=f"{hospital.ref}/{doctor.department.ref}",
    )
    return await slot_store.ensure_slot(
        tx,
        resource_id=resource_id,
        service_id=HOSPITAL_REGISTRATION,
        ref=slot.ref,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        fee_fen=doctor.fee_fen,
    )


def _refusal(code: str) -> AppError:
    kind = Unavailable if code == texts.HOSPITAL_UNAVAILABLE.code else Conflict
    return kind(texts.REFUSALS[code])
