"""Moving an appointment to another time: never both, never neither.

The new booking is the next of the same series. Ours moves in one transaction; at an
outside system the old number stays confirmed until the new one is, and both change places in one
transaction.
"""

from collections.abc import Sequence
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.database import IntegrityError, Transaction, idempotency, transaction, violated
from core.errors import Conflict, NotFound
from core.ids import new_id
from core.refusal_texts import NOT_FOUND
from kinds.booking import (
    bans,
    domain,
    limit_store,
    messages,
    people,
    slot_store,
    store,
    texts,
    waiting,
)
from kinds.booking.domain import ENDED, State
from kinds.booking.models import Slot
from kinds.booking.policy import policy_of
from kinds.booking.slot_store import SlotFacts
from kinds.booking.store import BookingRow

MOVE = "rescheduleAppointment"
_MOVING_TWICE = ("appointments_booking_successor", "appointments_booking_sequence")


async def move_own(
    call: Call, booking: BookingRow, facts: SlotFacts, key: str, expected_version: int | None = None
) -> UUID:
    """Move a confirmed appointment of ours to another slot; returns the new booking.

    The same key gives the same answer. Raises Conflict; then the old appointment stands.
    """
    app, viewer = call.app, call.require_viewer()
    readers = await messages.readers(app, booking)
    try:
        async with transaction() as tx:
            claim = await idempotency.claim(
                app.clock,
                tx,
                subject=viewer.user_id,
                operation=MOVE,
                key=key,
                command={"booking": str(booking.id), "slot": str(facts.slot_id)},
                effect_id=new_id(),
            )
            if not claim.replayed:
                await _move(app, tx, booking.id, facts, claim.effect_id, expected_version)
                moved = await store.lock_booking(tx, claim.effect_id)
                assert moved is not None
                await messages.tell(app, tx, moved, readers, "moved")
    except IntegrityError as error:
        raise_if_moving(error)
        raise
    return claim.effect_id


def raise_if_moving(error: IntegrityError) -> None:
    """Raise Conflict where the database refused a second move at the same time."""
    if violated(error) in _MOVING_TWICE:
        raise Conflict(texts.MOVING_ALREADY) from None


async def lock_unchanged(tx: Transaction, old_id: UUID, version: int | None) -> None:
    """Lock a number that is to be exchanged. Raises Conflict where it is not as it was read, before
    the outside system was asked for the new one, is being exchanged already, or was and stands."""
    old = await store.lock_booking(tx, old_id)
    assert old is not None
    _refuse_unconfirmed(old)
    refuse_changed(old, version)
    if await store.has_successor(tx, old_id):
        raise Conflict(texts.MOVING_ALREADY)
    if await store.has_successor(tx, old_id, State.CONFIRMED):
        raise Conflict(texts.MOVED_BESIDE)


async def hand_over(tx: Transaction, old: BookingRow, new: BookingRow) -> None:
    """The outside system has the new time: now the old number, confirmed and locked, is being given
    back."""
    await _hand_limits(tx, old, new)
    await store.move(tx, old.id, [State.CONFIRMED], State.CANCELLING, replaced_by=new.id)


async def hand_on(tx: Transaction, series: Sequence[BookingRow], ending: BookingRow) -> None:
    """A number ends: what it counts against counts for another of its series that does not, as one
    that is still being given back."""
    for other in series:
        if other.id != ending.id and other.state not in ENDED:
            await _hand_limits(tx, ending, other)


async def take_back(
    tx: Transaction, series: Sequence[BookingRow], kept: BookingRow
) -> Sequence[UUID]:
    """The outside system insists on a number that was given back, so what took its place is given
    back instead; returns what that is, each now CANCELLING.

    Where the other side insists on that too, both stand.
    """
    later = [row for row in series if row.sequence > kept.sequence and row.state not in ENDED]
    taken = []
    for new in later:
        await _hand_limits(tx, new, kept)
        if await store.move(tx, new.id, [State.CONFIRMED], State.CANCELLING):
            taken.append(new.id)
    # what stands has the highest version of its series: two more steps end what is taken back
    version = max(row.version for row in series) + 2
    await store.move(
        tx, kept.id, [State.CANCELLING], State.CANCELLING, replaced_by=None, version=version
    )
    return taken


async def _hand_limits(tx: Transaction, giver: BookingRow, taker: BookingRow) -> None:
    """Hand on what a booking counts against as far as another of its series does so too."""
    shared = domain.limits_of(
        service_id=taker.service_id,
        slot_id=taker.slot_id,
        group=taker.limit_group,
        starts_at=taker.starts_at,
        ends_at=taker.ends_at,
        per_day=1,
        open_max=1,
    )
    held = [key for _, key in await limit_store.list_limits(tx, giver.id)]
    keys = [key for key in held if key in shared or key.startswith(domain.OPEN_SUBJECT)]
    await limit_store.transfer_limits(tx, giver.id, taker.id, keys)


def refuse_changed(booking: BookingRow, expected_version: int | None) -> None:
    """Raise Conflict where a booking is not as the client last saw it."""
    if expected_version is not None and booking.version != expected_version:
        raise Conflict(texts.VERSION_CHANGED)


async def _move(
    app: App,
    tx: Transaction,
    old_id: UUID,
    facts: SlotFacts,
    new_booking_id: UUID,
    expected_version: int | None,
) -> None:
    old = await store.lock_booking(tx, old_id)
    if old is None:
        raise NotFound(NOT_FOUND)
    refuse_changed(old, expected_version)
    refuse_unmovable(app, old, facts)
    if old.person_key is not None:
        await bans.refuse_banned(app, tx, old.service_id, old.person_key)
    await _change_places(app, tx, old, facts, new_booking_id)


async def move_called_off(
    app: App, tx: Transaction, old_id: UUID, facts: SlotFacts, new_booking_id: UUID
) -> None:
    """Move an appointment whose slot was called off, however late that is.

    Raises Conflict where it is confirmed no more, the other slot cannot be booked by now or a
    limit stands against it.
    """
    old = await store.lock_booking(tx, old_id)
    if old is None:
        raise NotFound(NOT_FOUND)
    _refuse_unconfirmed(old)
    await _change_places(app, tx, old, facts, new_booking_id)


async def _change_places(
    app: App, tx: Transaction, old: BookingRow, facts: SlotFacts, new_booking_id: UUID
) -> None:
    # both rows in one order, whoever moves the other way at the same time
    slots = {slot_id: await slot_store.lock_slot(tx, slot_id)
             for slot_id in sorted((old.slot_id, facts.slot_id))}  # fmt: skip
    _refuse_fault(app, slots[facts.slot_id])
    await take_limits(app, tx, old, facts, new_booking_id)
    await store.move(
        tx,
        old.id,
        [State.CONFIRMED],
        State.CANCELLED,
        replaced_by=new_booking_id,
        ended_at=app.clock.now(),
    )
    await insert_successor(app, tx, old, facts.slot_id, new_booking_id, State.CONFIRMED)
    await waiting.refill(app, tx, old.slot_id)


async def take_limits(
    app: App, tx: Transaction, old: BookingRow, facts: SlotFacts, new_booking_id: UUID
) -> None:
    """Hand the old booking's limits on as far as they are the same, take the others.

    Raises Conflict where one is used up.
    """
    held = await limit_store.list_limits(tx, old.id)
    persons = {person for person, key in held if key.startswith("slot:")}
    wanted = [
        use for person in sorted(persons) for use in people.limits_of(app, facts, person, None)
    ]
    things = [(person, key) for person, key in held if key.startswith(domain.OPEN_SUBJECT)]
    keys = [key for _, key, _ in wanted] + [key for _, key in things]
    handed = await limit_store.transfer_limits(tx, old.id, new_booking_id, keys)
    missing = [use for use in wanted if use[:2] not in handed]
    used_up = await limit_store.take_limits_of_many(tx, {new_booking_id: missing})
    if used_up:
        raise Conflict(texts.limit_text(used_up[new_booking_id]))


async def insert_successor(
    app: App,
    tx: Transaction,
    old: BookingRow,
    slot_id: UUID,
    booking_id: UUID,
    state: State,
) -> None:
    """The next booking of a series."""
    now = app.clock.now()
    booking = store.copy_booking(
        old,
        id=booking_id,
        sequence=await store.next_sequence(old.series_id),
        version=old.version + 2,
        slot_id=slot_id,
        replaces=old.id,
        state=state,
        created_at=now,
        hold_expires_at=None,
        confirmed_at=now,
    )
    await store.insert_bookings(tx, [booking])
    await store.copy_companions(tx, old.id, booking_id)


def refuse_unmovable(app: App, old: BookingRow, facts: SlotFacts) -> None:
    """Raise Conflict where an appointment cannot be moved there or at all."""
    _refuse_unconfirmed(old)
    if facts.slot_id == old.slot_id:
        raise Conflict(texts.SAME_SLOT)
    if facts.service_id != old.service_id:
        raise Conflict(texts.OTHER_SERVICE)
    if app.clock.now() >= policy_of(app, old.service_id).cancel.deadline(old.starts_at):
        raise Conflict(texts.CANCEL_TOO_LATE)


def _refuse_unconfirmed(old: BookingRow) -> None:
    if old.state is not State.CONFIRMED:
        domain.BOOKING.next_state(old.state, "move")


def _refuse_fault(app: App, slot: Slot) -> None:
    fault = domain.find_fault(slot_store.state_of(slot), app.clock.now())
    if fault is not None:
        raise Conflict(texts.FAULTS[fault])
