"""Booking another system's number: held here, paid where it costs, booked there, confirmed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.context.commands import recall_key
from core.database import (
    IntegrityError,
    Transaction,
    connection,
    rate_limit,
    transaction,
)
from core.errors import AppError, Conflict, NotFound, RateLimited, Unavailable
from core.ids import new_id
from core.people.mandates import act_for
from core.people.personal_read import Access, open_access
from core.refusal_texts import NOT_FOUND
from kinds.booking import (
    domain,
    limit_store,
    moving,
    people,
    saga,
    service,
    slot_store,
    store,
    texts,
)
from kinds.booking.domain import HoldRequest, NewBooking, SlotState, State
from kinds.booking.policy import policy_of
from kinds.booking.slot_store import SlotFacts
from kinds.booking.sources import ExternalNumber, ExternalSlot, NumberSource, source_of
from kinds.booking.store import BookingRow

_BOOK = "bookHospitalNumber"
_MOVE = "moveHospitalNumber"
_HOUR = timedelta(hours=1)
HOLDS_PER_HOUR = 20
"""How many numbers one person may ask for, whatever becomes of them."""


class NumberTaken(Conflict):
    """Somebody else has the number; `alternatives` are free."""

    def __init__(self, service_id: str, alternatives: Sequence[ExternalSlot]) -> None:
        super().__init__(texts.SLOT_FULL)
        self.service_id = service_id
        self.alternatives = alternatives


@dataclass(frozen=True, slots=True)
class NumberRequest:
    """Which number of which server somebody wants and, where its service asks, what for."""

    server_ref: str
    slot_ref: str
    item_id: str = ""


async def book_number(
    call: Call, source: NumberSource, request: NumberRequest, key: str
) -> BookingRow:
    """Book a number for the viewer, or for whom they act: hold it here, book it there, confirm.

    Where it has to be paid first the answer is HELD, and it is booked there once it is paid. The
    same key gives the same booking. An outside system that answers too late leaves the booking
    HELD and a job finds out. Raises NotFound, NumberTaken, Conflict (begun, limits, not good for
    the item), Forbidden without consent, Unavailable; then no number is kept here or there.
    """
    call.require_service(source.service_id)
    command = {
        "hospital": request.server_ref,
        "slot": request.slot_ref,
        "for": str(call.subject_id),
    }
    if request.item_id:
        command["item"] = request.item_id
    try:
        return await _book(call, source, request, command, key)
    except Conflict as refusal:
        raise await _with_alternatives(call, source, request, refusal) from None


async def _book(
    call: Call,
    source: NumberSource,
    request: NumberRequest,
    command: Mapping[str, str],
    key: str,
) -> BookingRow:
    earlier = await recall_key(call, _BOOK, key, command)
    if earlier is not None:
        return await get_outcome(call, earlier)
    await _count_request(call, key)
    number = await _find_number(call, source, request)
    access = await open_access(call, service=source.service_id, purpose=source.purpose)
    about = await source.check_item(call, request.item_id, number)
    hold, facts = await _hold_request(
        call, source, access, number, request.item_id, about, key=key, command=command
    )
    booking_id = await service.allocator_of(call.app).hold(facts.slot_id, hold)
    if not hold.booking.awaits_payment:
        await saga.settle_now(call.app, booking_id, access, call.deadline)
    return await get_outcome(call, booking_id)


async def _count_request(call: Call, key: str) -> None:
    """Count a request against the hour's limit, once however often an app sends it again.

    Raises RateLimited.
    """
    viewer_id, clock = call.require_viewer().user_id, call.app.clock
    async with transaction() as tx:
        sent = await rate_limit.count_use(tx, clock, f"number:{viewer_id}:{key}", window=_HOUR)
        if sent.count > 1:
            return
        requests = await rate_limit.count_use(tx, clock, f"numbers:{viewer_id}", window=_HOUR)
        if requests.count > HOLDS_PER_HOUR:  # neither is counted then
            raise RateLimited(texts.TOO_MANY_HOLDS, retry_after_s=requests.free_in_s)


async def move_number(
    call: Call, booking_id: UUID, slot_ref: str, key: str, expected_version: int | None = None
) -> BookingRow:
    """Exchange the viewer's number for another of the same server at the same fee.

    The old number stands until the outside system has given the new one; then it is given back.
    The same key gives the same answer. Raises what `book_number` raises; then the old number
    stands. A number booked for somebody else is moved while the viewer may act for them.
    """
    call.require_viewer(2)
    command = {"booking": str(booking_id), "slot": slot_ref}
    earlier = await recall_key(call, _MOVE, key, command)
    if earlier is not None:
        return await get_outcome(call, earlier)
    old = await service.get_booking(call, booking_id)
    if not old.is_external:
        raise NotFound(NOT_FOUND)
    call.require_service(old.service_id)
    moving.refuse_changed(old, expected_version)
    call = await act_for(call, old.subject_id, service=old.service_id)
    source = source_of(call.app, old.service_id)
    request = NumberRequest(old.server_ref, slot_ref, old.item_id)
    try:
        return await _move(call, source, request, old, command, key)
    except Conflict as refusal:
        raise await _with_alternatives(call, source, request, refusal) from None


async def _move(
    call: Call,
    source: NumberSource,
    request: NumberRequest,
    old: BookingRow,
    command: Mapping[str, str],
    key: str,
) -> BookingRow:
    number = await _find_number(call, source, request)
    prepaid = old.prepaid or policy_of(call.app, old.service_id).is_prepaid(number.fee_fen)
    if prepaid and number.fee_fen != old.fee_fen:
        raise Conflict(texts.FEE_DIFFERS)
    access = await open_access(call, service=source.service_id, purpose=source.purpose)
    await source.check_item(call, old.item_id, number)
    hold, facts = await _hold_request(
        call, source, access, number, old.item_id, None, key=key, command=command
    )
    hold = await _as_successor(call, hold, facts, old)
    try:
        moved_id = await service.allocator_of(call.app).hold(facts.slot_id, hold)
    except IntegrityError as error:
        moving.raise_if_moving(error)
        raise
    await saga.settle_now(call.app, moved_id, access, call.deadline)
    return await get_outcome(call, moved_id)


async def _with_alternatives(
    call: Call, source: NumberSource, request: NumberRequest, refusal: Conflict
) -> Conflict:
    """A refusal as it is, or with what is free instead where the number is taken."""
    if refusal.code != texts.SLOT_FULL.code:
        return refusal
    others = await source.list_alternatives(call, request.server_ref, request.slot_ref)
    return NumberTaken(source.service_id, others)


async def get_outcome(call: Call, booking_id: UUID) -> BookingRow:
    """The viewer's booking, or the refusal that it ended in: a repeated send gets the same."""
    booking = await service.get_booking(call, booking_id)
    if booking.state is State.REFUSED and booking.refusal_code is not None:
        raise _refusal(source_of(call.app, booking.service_id), booking.refusal_code)
    return booking


async def _find_number(call: Call, source: NumberSource, request: NumberRequest) -> ExternalNumber:
    """The number as it is offered now, if it can be booked."""
    number = await source.find_number(call, request.server_ref, request.slot_ref)
    slot = number.slot
    service.refuse_fault(SlotState(slot.starts_at, 1, 0 if slot.free else 1), call.app.clock.now())
    return number


async def _hold_request(
    call: Call,
    source: NumberSource,
    access: Access,
    number: ExternalNumber,
    item_id: str,
    about: str | None,
    *,
    key: str,
    command: Mapping[str, str],
) -> tuple[HoldRequest, SlotFacts]:
    """The request for a number's one seat, and the facts of our row for the number."""
    app, viewer, now = call.app, call.require_viewer(2), call.app.clock.now()
    async with transaction() as tx:
        slot_id = await _ensure_slot(app, tx, source, number)
    facts = await slot_store.find_slot_facts(slot_id)
    assert facts is not None
    policy, fee_fen, booking_id = policy_of(app, facts.service_id), number.fee_fen, new_id()
    prepaid = policy.is_prepaid(fee_fen)
    own_key = await people.key_of(call, 2)
    request = HoldRequest(
        operation=_BOOK,
        key=key,
        command=command,
        booking=NewBooking(
            id=booking_id,
            series_id=booking_id,
            service_id=facts.service_id,
            slot_id=slot_id,
            booked_by=viewer.user_id,
            booked_for=people.booked_for(call),
            person_key=own_key,
            item_id=item_id,
            subject_sealed=app.vault.encrypt(about, people.SUBJECT) if about else None,
            state=State.HELD,
            fee_fen=fee_fen,
            prepaid=prepaid,
            access_id=access.access_id,
            created_at=now,
            hold_expires_at=domain.hold_end(now, policy.hold_for(fee_fen), facts.starts_at),
        ),
        limits=people.limits_of(app, facts, own_key, item_id or None, prepaid=prepaid),
    )
    return request, facts


async def _as_successor(
    call: Call, request: HoldRequest, facts: SlotFacts, old: BookingRow
) -> HoldRequest:
    """The request as the next of a series; what the old booking counts against is counted once,
    and what was paid for it is paid."""
    moving.refuse_unmovable(call.app, old, facts)
    held = set(await limit_store.list_limits(connection(), old.id))
    policy = policy_of(call.app, old.service_id)
    booking = replace(
        request.booking,
        series_id=old.series_id,
        sequence=await store.next_sequence(old.series_id),
        version=old.version + 2,
        replaces=old.id,
        subject_sealed=old.subject_sealed,
        prepaid=old.prepaid,
        payment_id=old.payment_id,
        hold_expires_at=domain.hold_end(call.app.clock.now(), policy.hold, facts.starts_at),
    )
    paid = domain.UNPAID if old.payment_id else None
    limits = [use for use in request.limits if use[:2] not in held and use[1] != paid]
    return replace(
        request, operation=_MOVE, booking=booking, limits=limits, old_version=old.version
    )


async def ensure_resource(
    app: App, tx: Transaction, source: NumberSource, number: ExternalNumber
) -> UUID:
    """Our row for the calendar that a number is in."""
    described = number.described
    if not described.notes.zh:
        described = replace(described, notes=policy_of(app, source.service_id).notes)
    return await slot_store.ensure_resource(
        tx,
        service_id=source.service_id,
        ref=f"{number.server_ref}/{number.slot.schedule_ref}",
        described=described,
        limit_group=number.limit_group,
    )


async def _ensure_slot(
    app: App, tx: Transaction, source: NumberSource, number: ExternalNumber
) -> UUID:
    """Our row for a number, with one seat."""
    slot, resource_id = number.slot, await ensure_resource(app, tx, source, number)
    return await slot_store.ensure_slot(
        tx,
        resource_id=resource_id,
        service_id=source.service_id,
        ref=slot.ref,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        fee_fen=number.fee_fen,
    )


def _refusal(source: NumberSource, code: str) -> AppError:
    if code == source.texts.unavailable.code:
        return Unavailable(source.texts.unavailable)
    own = {source.texts.refused.code: source.texts.refused}
    return Conflict((texts.REFUSALS | own)[code])
