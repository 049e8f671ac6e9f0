"""Booking another system's number: held here, paid where it costs, booked there, confirmed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from core.city import Named
from core.context.app import App
from core.context.call import Call
from core.database import IntegrityError, Transaction, connection, idempotency, transaction
from core.errors import AppError, Conflict, NotFound, Unavailable
from core.ids import new_id
from core.people.mandates import act_for
from core.people.personal_read import Access, open_access
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.upstream.client import UpstreamError
from modules.appointments import domain, moving, people, service, slot_store, store, texts
from modules.appointments.domain import Ask, SlotState, State
from modules.appointments.hospitals import browsing, saga
from modules.appointments.hospitals.sources import REGISTRATION, SOURCES, Source
from modules.appointments.hospitals.upstream import Doctor, Hospital, HospitalSlot, Room
from modules.appointments.policy import policy_of
from modules.appointments.slot_store import NOTHING, Described
from modules.appointments.store import BookingRow

_OPERATION = "bookHospitalNumber"
_MOVE = "moveHospitalNumber"


class NumberTaken(Conflict):
    """Somebody else has the number; `alternatives` are free."""

    def __init__(self, service_id: str, alternatives: Sequence[HospitalSlot]) -> None:
        super().__init__(texts.SLOT_FULL)
        self.service_id = service_id
        self.alternatives = alternatives


@dataclass(frozen=True, slots=True)
class Wish:
    """What a number is for, where the service asks: its name here and, once checked, in words.

    `check` refuses a number that is not good for it and answers the words.
    """

    item_id: str = ""
    about: str | None = None
    check: Callable[[HospitalSlot], Awaitable[str]] | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A number as its hospital offers it now."""

    slot: HospitalSlot
    hospital: Hospital
    of: Doctor | Room

    @property
    def described(self) -> Described:
        """Where and with whom it is."""
        if isinstance(self.of, Room):
            return Described(self.hospital.name, NOTHING, self.of.name, self.of.preparation)
        name = f"{self.of.name} {self.of.title.zh}", f"{self.of.name}, {self.of.title.en}"
        return Described(self.hospital.name, self.of.department.name, Named(*name))

    @property
    def limit_group(self) -> str:
        """What a person's bookings of one day are counted over."""
        unit = self.of.ref if isinstance(self.of, Room) else self.of.department.ref
        return f"{self.hospital.ref}/{unit}"


async def book_hospital_number(
    call: Call,
    hospital_ref: str,
    slot_ref: str,
    key: str,
    *,
    source: Source = REGISTRATION,
    wish: Wish | None = None,
) -> BookingRow:
    """Book a number for the viewer, or for whom they act: hold it here, book it there, confirm.

    Where it has to be paid first the answer is HELD, and it is booked there once it is paid. The
    same key gives the same booking. A hospital that answers too late leaves the booking HELD and a
    job finds out. Raises NotFound, NumberTaken, Conflict (begun, limits), Forbidden without
    consent, Unavailable; then no number is kept here or there.
    """
    call.require_service(source.service_id)
    wish = wish or Wish()
    command = {"hospital": hospital_ref, "slot": slot_ref, "for": str(call.subject_id)}
    if wish.item_id:
        command["item"] = wish.item_id
    try:
        return await _book(call, source, hospital_ref, slot_ref, wish, command, key)
    except Conflict as refusal:
        if refusal.code != texts.SLOT_FULL.code:
            raise
        others = await browsing.alternatives(call, source, hospital_ref, slot_ref)
        raise NumberTaken(source.service_id, others) from None


async def _book(
    call: Call,
    source: Source,
    hospital_ref: str,
    slot_ref: str,
    wish: Wish,
    command: Mapping[str, str],
    key: str,
) -> BookingRow:
    known = await idempotency.recall(
        subject=call.require_viewer().user_id, operation=_OPERATION, key=key, command=command
    )
    if known is not None:
        return await told(call, known)
    number = await _find_number(call, source, hospital_ref, slot_ref)
    access = await open_access(call, service=source.service_id, purpose=source.purpose)
    about = await wish.check(number.slot) if wish.check else wish.about
    async with transaction() as tx:
        slot_id = await _ensure_slot(call.app, tx, source, number)
    ask = await _ask(
        call, access, slot_id, number, replace(wish, about=about), key=key, command=command
    )
    booking_id = await service.desk_of(call.app).hold(slot_id, ask)
    if not ask.awaits_payment:
        await saga.settle_now(call.app, booking_id, access, call.deadline)
    return await told(call, booking_id)


async def move_hospital_number(
    call: Call,
    booking_id: UUID,
    slot_ref: str,
    key: str,
    *,
    check: Callable[[Call, BookingRow, HospitalSlot], Awaitable[None]] | None = None,
) -> BookingRow:
    """Exchange the viewer's number for another of the same hospital at the same fee.

    The old number stands until the hospital has given the new one; then it is given back. The
    same key gives the same answer. Raises what `book_hospital_number` raises; then the old number
    stands. A number booked for somebody else is moved while the viewer may act for them.
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
    call.require_service(old.service_id)
    if old.booked_for is not None:
        call = await act_for(call, old.booked_for, service=old.service_id)
    source, hospital_ref = SOURCES[old.service_id], saga.hospital_of(old)
    try:
        number = await _find_number(call, source, hospital_ref, slot_ref)
        if old.prepaid and number.of.fee_fen != old.fee_fen:
            raise Conflict(texts.FEE_DIFFERS)
        access = await open_access(call, service=source.service_id, purpose=source.purpose)
        if check is not None:
            await check(call, old, number.slot)
        moved_id = await _hold_next(call, source, access, old, number, key, command)
        await saga.settle_now(app, moved_id, access, call.deadline)
        return await told(call, moved_id)
    except Conflict as refusal:
        if refusal.code != texts.SLOT_FULL.code:
            raise
        others = await browsing.alternatives(call, source, hospital_ref, slot_ref)
        raise NumberTaken(source.service_id, others) from None


async def _hold_next(
    call: Call,
    source: Source,
    access: Access,
    old: BookingRow,
    number: Number,
    key: str,
    command: Mapping[str, str],
) -> UUID:
    async with transaction() as tx:
        slot_id = await _ensure_slot(call.app, tx, source, number)
    ask = await _ask(call, access, slot_id, number, Wish(old.item_id), key=key, command=command)
    ask = await _as_successor(call, ask, slot_id, old)
    try:
        return await service.desk_of(call.app).hold(slot_id, ask)
    except IntegrityError as error:
        moving.raise_if_moving(error)
        raise


async def told(call: Call, booking_id: UUID) -> BookingRow:
    """The viewer's booking, or the refusal that it ended in: a repeated send hears the same."""
    booking = await service.get_booking(call, booking_id)
    if booking.state is State.REFUSED and booking.refusal_code is not None:
        raise _refusal(booking.refusal_code)
    return booking


async def _find_number(call: Call, source: Source, hospital_ref: str, slot_ref: str) -> Number:
    """The number as the hospital offers it now; one that this service does not book is missing."""
    hospitals = browsing.client_of(call, source, hospital_ref)
    of: Doctor | Room | None
    try:
        slot = await hospitals.find_slot(hospital_ref, slot_ref, call.deadline)
        if slot is None:
            raise NotFound(NOT_FOUND)
        if source.kinds:
            of = await hospitals.find_room(hospital_ref, slot.schedule_ref, call.deadline)
        else:
            of = await hospitals.find_doctor(hospital_ref, slot.schedule_ref, call.deadline)
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.HOSPITALS) from None
    if of is None or (isinstance(of, Room) and of.kind not in source.kinds):
        raise NotFound(NOT_FOUND)
    hospital = (await browsing.read_hospital(call, hospital_ref, source)).value
    if hospital is None:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.HOSPITALS)
    service.refuse_fault(SlotState(slot.starts_at, 1, 0 if slot.free else 1), call.app.clock.now())
    return Number(slot, hospital, of)


async def _ask(
    call: Call,
    access: Access,
    slot_id: UUID,
    number: Number,
    wish: Wish,
    *,
    key: str,
    command: Mapping[str, str],
) -> Ask:
    app, viewer, fee_fen = call.app, call.require_viewer(2), number.of.fee_fen
    facts = await slot_store.find_slot_facts(slot_id)
    assert facts is not None
    policy = policy_of(app, facts.service_id)
    own_key = await people.key_of(call, 2)
    # one appointment for one thing of one person: what it is for counts together with whose it is
    thing = f"{own_key.hex()}:{wish.item_id}" if wish.item_id else None
    return Ask(
        operation=_OPERATION,
        booking_id=new_id(),
        person_id=viewer.user_id,
        person_key=own_key,
        key=key,
        command=command,
        limits=people.party_limits(app, facts, [own_key], thing),
        hold_expires_at=domain.hold_end(
            app.clock.now(), policy.hold_for(fee_fen), number.slot.starts_at
        ),
        fee_fen=fee_fen,
        item_id=wish.item_id,
        subject_sealed=app.vault.encrypt(wish.about, people.SUBJECT) if wish.about else None,
        booked_for=people.booked_for(call),
        prepaid=policy.is_prepaid(fee_fen),
        access_id=access.access_id,
    )


async def _as_successor(call: Call, ask: Ask, slot_id: UUID, old: BookingRow) -> Ask:
    """The wish as the next of a series; what the old booking counts against is counted once, and
    what was paid for it is paid."""
    facts = await slot_store.find_slot_facts(slot_id)
    assert facts is not None
    moving.refuse_unmovable(call.app, old, facts)
    held = set(await store.list_limits(connection(), old.id))
    policy = policy_of(call.app, old.service_id)
    return replace(
        ask,
        operation=_MOVE,
        limits=[use for use in ask.limits if use[:2] not in held],
        hold_expires_at=domain.hold_end(call.app.clock.now(), policy.hold, facts.starts_at),
        subject_sealed=old.subject_sealed,
        prepaid=old.prepaid,
        payment_id=old.payment_id,
        series_id=old.series_id,
        sequence=await store.next_sequence(old.series_id),
        replaces=old.id,
    )


async def _ensure_slot(app: App, tx: Transaction, source: Source, number: Number) -> UUID:
    """Our row for a number, with one seat."""
    slot, described = number.slot, number.described
    if not described.notes.zh:
        described = replace(described, notes=policy_of(app, source.service_id).notes)
    resource_id = await slot_store.ensure_resource(
        tx,
        service_id=source.service_id,
        ref=f"{number.hospital.ref}/{slot.schedule_ref}",
        described=described,
        limit_group=number.limit_group,
    )
    return await slot_store.ensure_slot(
        tx,
        resource_id=resource_id,
        service_id=source.service_id,
        ref=slot.ref,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        fee_fen=number.of.fee_fen,
    )


def _refusal(code: str) -> AppError:
    kind = Unavailable if code == texts.HOSPITAL_UNAVAILABLE.code else Conflict
    return kind(texts.REFUSALS[code])
