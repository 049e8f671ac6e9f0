"""Commands and queries of appointments: taking a seat, confirming, moving, giving it back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from uuid import UUID

from core.catalogue import ServiceKind
from core.clock import SHANGHAI
from core.context.app import App
from core.context.call import Call
from core.context.commands import recall_key
from core.database import Transaction, idempotency, transaction
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.ids import new_id
from core.people.directory import Person
from core.people.mandates import list_mandates
from core.people.parties import is_party
from core.refusal_texts import INVALID_INPUT, NOT_FOUND
from core.security.mandate import MandateKind
from kinds.booking import (
    domain,
    messages,
    moving,
    people,
    queue,
    refunds,
    saga,
    slot_store,
    store,
    texts,
    waiting,
)
from kinds.booking.allocator import SlotAllocator
from kinds.booking.availability import Offer, availability_of
from kinds.booking.domain import Fault, HoldRequest, NewBooking, SlotState, State
from kinds.booking.models import Resource
from kinds.booking.people import Companion
from kinds.booking.policy import Item, Policy, policy_of, rules_of
from kinds.booking.slot_store import SlotFacts
from kinds.booking.sources import source_of
from kinds.booking.store import BookingRow

HOLD = "holdAppointment"
DAYS_SHOWN = 14
"""Of a place's slots: more than the longest run of closed days, which is nine."""
_DAYS_MAX = 31


class SlotFull(Conflict):
    """The slot is full; `alternatives` are free, and a waiting list may be open."""

    def __init__(self, alternatives: Sequence[Offer]) -> None:
        super().__init__(texts.SLOT_FULL)
        self.alternatives = alternatives


async def list_places(call: Call, service_id: str) -> Sequence[Resource]:
    """Where a service takes bookings. Raises NotFound for one that does not here."""
    _own_policy(call.app, service_id)
    open_now = {venue.ref for venue in rules_of(call.app).venues[service_id]}
    return [one for one in await slot_store.list_resources(service_id) if one.ref in open_now]


def list_items(call: Call, service_id: str) -> Sequence[Item]:
    """What one can come for: papers to bring and the fee."""
    _own_policy(call.app, service_id)
    return list(rules_of(call.app).items[service_id].values())


async def list_slots(
    call: Call, resource_id: UUID, *, skip_days: int, days: int, only_free: bool
) -> list[tuple[SlotFacts, int]]:
    """The slots of a place on some Shanghai days from today or later, those still to come, with
    how many seats are free.

    Raises InvalidInput.
    """
    if not 0 <= skip_days <= _DAYS_MAX or not 1 <= days <= _DAYS_MAX:
        detail = f"days must be between 1 and {_DAYS_MAX}, skipDays between 0 and {_DAYS_MAX}"
        raise InvalidInput(INVALID_INPUT, "days", detail=detail)
    now = call.app.clock.now()
    first_on = now.astimezone(SHANGHAI).date() + timedelta(days=skip_days)
    begins_at = datetime.combine(first_on, time.min, SHANGHAI)
    ends_at = begins_at + timedelta(days=days)
    rows = await slot_store.list_slots(resource_id, max(begins_at, now), ends_at)
    return [row for row in rows if row[1] > 0] if only_free else rows


async def hold(
    call: Call,
    slot_id: UUID,
    *,
    item_id: str,
    subject: str | None = None,
    companions: Sequence[Companion] = (),
    admission: str | None = None,
    on_behalf_of: UUID | None = None,
    key: str,
) -> BookingRow:
    """Keep a seat of one of our slots until it is confirmed, or paid for, or the hold lapses.

    The same key gives the same booking. While a queue stands before the slot an `admission` from
    it is needed. Raises LoginRequired, NotFound (also where the viewer may not book for that
    person), InvalidInput, Forbidden, SlotFull and Conflict (over, unreleased, limits, banned);
    then nothing changed.
    """
    app, viewer = call.app, call.require_viewer()
    availability = availability_of(app)
    facts = await availability.find(slot_id)
    policy = _own_policy(app, facts.service_id if facts else "")
    assert facts is not None
    call.require_service(facts.service_id)
    call = await people.acting(call, facts.service_id, on_behalf_of)
    if await availability.is_sold_out(slot_id, viewer.user_id):
        raise SlotFull(await availability.alternatives(facts))
    request = await _hold_request(call, facts, policy, item_id, subject, companions, key)
    try:
        turn = await queue.refuse_unadmitted(call, facts, admission)
    except Forbidden:
        earlier = await recall_key(call, HOLD, key, request.command)
        if earlier is None:  # else it is sent again when the turn is over
            raise
        return await get_booking(call, earlier)
    if turn:
        request = replace(request, limits=[*request.limits, *turn])
    try:
        booking_id = await allocator_of(app).hold(slot_id, request)
    except Conflict as refusal:
        if refusal.code != texts.SLOT_FULL.code:
            raise
        availability.mark_sold_out(slot_id)
        raise SlotFull(await availability.alternatives(facts)) from None
    if booking_id == request.booking.id:
        return store.as_inserted(request.booking, facts)
    return await get_booking(call, booking_id)


async def confirm(call: Call, booking_id: UUID, key: str) -> BookingRow:
    """Turn a hold into an appointment.

    The same key gives the same answer. Raises NotFound where the viewer is no party to it (any
    more), and Conflict where it has lapsed, is confirmed
    already or must be paid first.
    """
    app = call.app
    readers = await messages.readers(app, await get_booking(call, booking_id))
    async with transaction() as tx:
        replayed, booking = await _claim(call, tx, "confirmAppointment", booking_id, key)
        if not replayed:
            domain.BOOKING.next_state(booking.state, "confirm")
            if booking.awaits_payment:
                raise Conflict(texts.PAYMENT_REQUIRED)
            _refuse_external(app, booking)
            if has_lapsed(booking, app.clock.now()):
                raise Conflict(texts.HOLD_EXPIRED)
            await _confirm(app, tx, booking)
            await waiting.answer_offer(app, tx, booking, taken=True)
            await messages.tell(app, tx, booking, readers, "confirmed")
    return await get_booking(call, booking_id)


async def cancel(
    call: Call, booking_id: UUID, key: str, expected_version: int | None = None
) -> BookingRow:
    """Give a booking back; a waiting person gets the seat.

    A hold can be given back at any time, an appointment before its deadline. A fee that was paid
    goes back. The same key gives the same answer. CANCELLING means that the other
    side has still to agree. Raises NotFound, also for somebody else's, and Conflict when it is too
    late or over.
    """
    app = call.app
    readers = await messages.readers(app, await get_booking(call, booking_id))
    async with transaction() as tx:
        replayed, booking = await _claim(call, tx, "cancelAppointment", booking_id, key)
        if not replayed:
            moving.refuse_changed(booking, expected_version)
            await _withdraw(app, tx, booking, readers)
    await saga.settle_now(app, booking_id, None, call.deadline)
    return await get_booking(call, booking_id)


async def withdraw(app: App, booking_id: UUID) -> None:
    """Give a booking back where nobody asks for it any more. Repeat-safe: raises Conflict where it
    is over or it is too late."""
    booking = await store.find_booking(booking_id)
    assert booking is not None
    readers = await messages.readers(app, booking)
    async with transaction() as tx:
        locked = await store.lock_booking(tx, booking_id)
        assert locked is not None
        await _withdraw(app, tx, locked, readers)


async def _withdraw(
    app: App, tx: Transaction, booking: BookingRow, readers: Sequence[Person]
) -> None:
    outside = booking.is_external and not booking.awaits_payment
    domain.BOOKING.next_state(booking.state, "withdraw" if outside else "cancel")
    confirmed = booking.state is State.CONFIRMED
    if confirmed and app.clock.now() >= cancel_deadline(app, booking):
        raise Conflict(texts.CANCEL_TOO_LATE)
    if outside:
        if await store.has_successor(tx, booking.id):
            raise Conflict(texts.MOVING_ALREADY)
        await store.move(tx, booking.id, [booking.state], State.CANCELLING)
        await saga.enqueue_settle(app, tx, booking.id)
    else:
        await end(app, tx, booking, State.CANCELLED)
        await messages.tell(app, tx, booking, readers, "cancelled")


async def reschedule(
    call: Call, booking_id: UUID, slot_id: UUID, key: str, expected_version: int | None = None
) -> BookingRow:
    """Move the viewer's confirmed appointment to another of our slots, or leave it as it is.

    The same key gives the same answer. Raises NotFound, SlotFull and Conflict.
    """
    app = call.app
    booking = await get_booking(call, booking_id)
    call.require_service(booking.service_id)
    facts = await availability_of(app).find(slot_id)
    if facts is None or booking.is_external:
        raise NotFound(NOT_FOUND)
    await queue.refuse_unadmitted(call, facts, None)
    try:
        moved_id = await moving.move_own(call, booking, facts, key, expected_version)
    except Conflict as refusal:
        if refusal.code != texts.SLOT_FULL.code:
            raise
        raise SlotFull(await availability_of(app).alternatives(facts)) from None
    return await get_booking(call, moved_id)


async def end(app: App, tx: Transaction, booking: BookingRow, to: State, **values: object) -> bool:
    """End a live booking of our own slots and hand its seat on; False where it moved before."""
    ended = await store.move(
        tx, booking.id, [booking.state], to, ended_at=app.clock.now(), **values
    )
    if ended:
        await refunds.enqueue(app, tx, booking)
        await waiting.answer_offer(app, tx, booking, taken=False)
        await waiting.refill(app, tx, booking.slot_id)
    return ended


async def get_booking(call: Call, booking_id: UUID) -> BookingRow:
    """A booking that the viewer is party to. Raises NotFound, also for somebody else's.

    Its subject is, a guardian of theirs, and who made it as long as a mandate covers it.
    """
    booking = await find_booking(call, booking_id)
    if booking is None:
        raise NotFound(NOT_FOUND)
    return booking


async def find_booking(call: Call, booking_id: UUID) -> BookingRow | None:
    """A booking that the viewer is party to now, or None."""
    viewer = call.require_viewer()
    booking = await store.find_booking(booking_id)
    if booking is None or not await is_party(call.app, booking.affair, viewer.user_id):
        return None
    return booking


async def list_bookings(call: Call, *, first: int, before: UUID | None) -> Sequence[BookingRow]:
    """The bookings that the viewer is party to, newest first."""
    viewer_id = call.require_viewer().user_id
    mandates = await list_mandates(call.app, viewer_id)
    children = [one.subject_id for one in mandates if one.kind is MandateKind.GUARDIAN]
    made = [
        (mandate.subject_id, service.id)
        for mandate in mandates
        for service in call.app.services.values()
        if service.kind is ServiceKind.APPOINTMENT and mandate.covers(service.id)
    ]
    return await store.list_bookings(viewer_id, children, made, first=first, before=before)


def cancel_deadline(app: App, booking: BookingRow) -> datetime:
    """The moment from which a booking can no longer be given back."""
    return policy_of(app, booking.service_id).cancel.deadline(booking.starts_at)


def refuse_fault(slot: SlotState, now: datetime) -> None:
    """Raise Conflict for a slot that cannot be booked at a moment."""
    fault = domain.find_fault(slot, now)
    if fault is Fault.FULL:
        raise SlotFull(())
    if fault is not None:
        raise Conflict(texts.FAULTS[fault])


def allocator_of(app: App) -> SlotAllocator:
    """The allocator of this process."""
    on_full = availability_of(app).mark_sold_out
    return app.once("appointments.allocator", lambda: SlotAllocator(app, on_full))


async def _hold_request(
    call: Call,
    facts: SlotFacts,
    policy: Policy,
    item_id: str,
    subject: str | None,
    companions: Sequence[Companion],
    key: str,
) -> HoldRequest:
    app, viewer, now = call.app, call.require_viewer(), call.app.clock.now()
    own_key = await people.key_of(call, app.services[facts.service_id].identity_level)
    item = rules_of(app).items[facts.service_id].get(item_id)
    if item is None:
        raise InvalidInput(texts.ITEM_UNKNOWN, "itemId")
    sealed = people.seal_companions(call, policy, own_key, companions)
    about = people.check_subject(policy, subject)
    booking_id, prepaid = new_id(), policy.is_prepaid(item.fee_fen)
    return HoldRequest(
        operation=HOLD,
        key=key,
        command={
            "slot": str(facts.slot_id),
            "item": item_id,
            "subject": about,
            "companions": [[one.name, one.resident_id] for one in companions],
            "for": str(call.subject_id),
        },
        booking=NewBooking(
            id=booking_id,
            series_id=booking_id,
            service_id=facts.service_id,
            slot_id=facts.slot_id,
            booked_by=viewer.user_id,
            booked_for=people.booked_for(call),
            person_key=own_key,
            item_id=item_id,
            subject_sealed=app.vault.encrypt(about, people.SUBJECT) if about else None,
            state=State.HELD,
            fee_fen=item.fee_fen,
            prepaid=prepaid,
            created_at=now,
            hold_expires_at=domain.hold_end(now, policy.hold_for(item.fee_fen), facts.starts_at),
        ),
        limits=people.limits_of(app, facts, own_key, about, prepaid=prepaid),
        companions=sealed,
    )


async def _claim(
    call: Call, tx: Transaction, operation: str, booking_id: UUID, key: str, **more: str
) -> tuple[bool, BookingRow]:
    """Bind the key and lock a booking that the viewer is party to; whether the key was used."""
    viewer = call.require_viewer()
    claim = await idempotency.claim(
        call.app.clock,
        tx,
        subject=viewer.user_id,
        operation=operation,
        key=key,
        command={"booking": str(booking_id), **more},
        effect_id=booking_id,
    )
    booking = await store.lock_booking(tx, booking_id)
    if booking is None:
        raise NotFound(NOT_FOUND)
    call.require_service(booking.service_id)
    return claim.replayed, booking


async def _confirm(app: App, tx: Transaction, booking: BookingRow) -> None:
    now = app.clock.now()
    await store.move(tx, booking.id, [State.HELD], State.CONFIRMED, confirmed_at=now)


def _refuse_external(app: App, booking: BookingRow) -> None:
    if booking.is_external:
        raise Conflict(source_of(app, booking.service_id).texts.awaited)


def has_lapsed(booking: BookingRow, now: datetime) -> bool:
    """Whether the time of a hold is over."""
    return booking.hold_expires_at is None or booking.hold_expires_at <= now


def _own_policy(app: App, service_id: str) -> Policy:
    """The policy of a service that books our own slots. Raises NotFound for every other."""
    rules = rules_of(app)
    if service_id not in rules.venues:
        raise NotFound(NOT_FOUND)
    return rules.policies[service_id]
