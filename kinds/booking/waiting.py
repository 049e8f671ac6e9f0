"""The waiting list: a seat that comes free goes to who waited longest, in the same transaction."""

from datetime import date, timedelta
from uuid import UUID

from core.clock import SHANGHAI, civil_date
from core.context.app import App
from core.context.call import Call
from core.database import (
    IntegrityError,
    Transaction,
    idempotency,
    lock_name,
    transaction,
    violated,
)
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.people.mandates import find_mandate
from core.queue.jobs import JobKind
from core.refusal_texts import NOT_FOUND
from kinds.booking import bans, domain, messages, people, queue, slot_store, store, texts
from kinds.booking.availability import tell_freed
from kinds.booking.domain import NewBooking, State, WaitState
from kinds.booking.models import Resource, Slot, Wait
from kinds.booking.policy import Policy, find_item, policy_of, rules_of

REFILL = JobKind[UUID, date]("appointments.refill")
"""kinds.booking.jobs, which imports this file."""
WAITS_MAX = 10
"""In how many lists one person may wait at once."""
_NOBODY = UUID(int=0)


async def join(
    call: Call,
    resource_id: UUID,
    day_on: date,
    *,
    item_id: str,
    subject: str | None,
    on_behalf_of: UUID | None = None,
    key: str,
) -> Wait:
    """Wait for a seat of a place on a day; what comes free is booked and confirmed by itself.

    The same key gives the same place in the list. Raises NotFound (also where the viewer may not
    book for that person), InvalidInput and Conflict.
    """
    app, viewer = call.app, call.require_viewer()
    resource = await Resource.get_or_none(id=resource_id)
    if resource is None:
        raise NotFound(NOT_FOUND)
    policy = _list_of(app, resource, day_on, item_id)
    call = await people.acting(call, resource.service_id, on_behalf_of)
    about = people.check_subject(policy, subject)
    wait = await _form(call, resource, day_on, item_id, about)
    command = {"resource": str(resource_id), "day": day_on.isoformat(), "item": item_id}
    try:
        async with transaction() as tx:
            claim = await idempotency.claim(
                app.clock,
                tx,
                subject=viewer.user_id,
                operation="joinWaitingList",
                key=key,
                command={**command, "subject": about, "for": str(call.subject_id)},
                effect_id=wait.id,
            )
            if not claim.replayed:
                await _stand(app, tx, wait)
    except IntegrityError as error:
        if violated(error) != "appointments_wait_once":
            raise
        raise Conflict(texts.WAITING_ALREADY) from None
    return await Wait.get(id=claim.effect_id)


async def _form(
    call: Call, resource: Resource, day_on: date, item_id: str, about: str | None
) -> Wait:
    app = call.app
    return Wait(
        id=new_id(),
        service_id=resource.service_id,
        resource_id=resource.id,
        day_on=day_on,
        person_id=call.require_viewer().user_id,
        booked_for=people.booked_for(call),
        person_key=await people.key_of(call, app.services[resource.service_id].identity_level),
        item_id=item_id,
        subject_sealed=app.vault.encrypt(about, people.SUBJECT) if about else None,
        state=WaitState.WAITING,
        created_at=app.clock.now(),
    )


async def _stand(app: App, tx: Transaction, wait: Wait) -> None:
    await bans.refuse_banned(app, tx, wait.service_id, bytes(wait.person_key))
    await lock_name(tx, f"waits:{wait.person_id}")
    if await store.count_waits(tx, wait.person_id) >= WAITS_MAX:
        raise Conflict(texts.WAITS_FULL, limit=WAITS_MAX)
    await wait.save(using_db=tx, force_create=True)
    # a seat may have come free between the look and the line
    await REFILL.enqueue(app, tx, wait.resource_id, wait.day_on)


def _list_of(app: App, resource: Resource, day_on: date, item_id: str) -> Policy:
    """The policy of a place that keeps a list for this day and item; refusals otherwise."""
    rules = rules_of(app)
    if resource.service_id not in rules.venues:
        raise NotFound(NOT_FOUND)
    policy = rules.policies[resource.service_id]
    item = rules.items[resource.service_id].get(item_id)
    if item is None:
        raise InvalidInput(texts.ITEM_UNKNOWN, "itemId")
    if policy.companions or policy.is_prepaid(item.fee_fen):
        raise Conflict(texts.NO_WAITING_LIST)
    today = civil_date(app.clock.now())
    if day_on < today:
        raise Conflict(texts.SLOT_BEGUN)
    if day_on > today + timedelta(days=policy.horizon_days):
        raise Conflict(texts.DAY_NOT_OPEN)
    return policy


async def leave(call: Call, wait_id: UUID, key: str) -> Wait:
    """Give up the viewer's place. Raises NotFound and Conflict when it has ended already."""
    viewer = call.require_viewer()
    async with transaction() as tx:
        claim = await idempotency.claim(
            call.app.clock,
            tx,
            subject=viewer.user_id,
            operation="leaveWaitingList",
            key=key,
            command={"wait": str(wait_id)},
            effect_id=wait_id,
        )
        wait = await Wait.filter(id=wait_id).using_db(tx).select_for_update().first()
        if wait is None or wait.person_id != viewer.user_id:
            raise NotFound(NOT_FOUND)
        if not claim.replayed:
            domain.WAIT.next_state(wait.state, "leave")
            await _end(call.app, tx, wait, WaitState.LEFT)
    return wait


async def list_waits(call: Call, *, first: int) -> list[Wait]:
    """Where the viewer waits, newest first."""
    viewer = call.require_viewer()
    return (
        await Wait.filter(person_id=viewer.user_id, state=WaitState.WAITING)
        .order_by("-id")
        .limit(first)
    )


async def refill(app: App, tx: Transaction, slot_id: UUID) -> None:
    """Give the free seats of a slot to who waits for them; the rest is told to be free.

    A queue that stands before the slot goes first. To be called in the transaction that freed
    them: the slot's row is locked, nobody comes between.
    """
    slot = await slot_store.lock_slot(tx, slot_id)
    state = slot_store.state_of(slot)
    if domain.find_fault(state, app.clock.now()) is not None:
        return
    if await queue.seat_is_free(app, tx, slot):
        await tell_freed(tx, slot_id)
        return
    day_on = slot.starts_at.astimezone(SHANGHAI).date()
    free, last = state.free, _NOBODY
    if app.clock.now() >= policy_of(app, slot.service_id).cancel.deadline(slot.starts_at):
        # nobody is bound to what they cannot give back any more
        await tell_freed(tx, slot_id)
        return
    while free > 0:
        wait = await store.next_waiting(tx, slot.resource_id, day_on, last)
        if wait is None:
            await tell_freed(tx, slot_id)
            return
        last = wait.id
        if await _promote(app, tx, slot, wait):
            free -= 1


async def _promote(app: App, tx: Transaction, slot: Slot, wait: Wait) -> bool:
    """Book for the first in the line; False where a limit, a ban or the end of the mandate forbids
    it, which ends the wait. Who is elsewhere at that time is passed over and waits on."""
    if not await _may_still_book(app, tx, wait):
        await _end(app, tx, wait, WaitState.LAPSED)
        return False
    booking_id, now = new_id(), app.clock.now()
    facts = await slot_store.find_slot_facts(slot.id)
    assert facts is not None
    about = app.vault.decrypt(wait.subject_sealed, people.SUBJECT) if wait.subject_sealed else None
    limits = people.limits_of(app, facts, wait.person_key, about)
    used_up = await store.take_limits_of_many(tx, {booking_id: limits})
    if used_up:
        if not used_up[booking_id].startswith(domain.AT_TIME):
            await _end(app, tx, wait, WaitState.LAPSED)
        return False
    item = find_item(app, wait.service_id, wait.item_id)
    booking = NewBooking(
        id=booking_id,
        series_id=booking_id,
        service_id=wait.service_id,
        slot_id=slot.id,
        booked_by=wait.person_id,
        booked_for=wait.booked_for,
        person_key=wait.person_key,
        item_id=wait.item_id,
        subject_sealed=wait.subject_sealed,
        state=State.CONFIRMED,
        fee_fen=item.fee_fen if item else 0,
        created_at=now,
        confirmed_at=now,
    )
    await store.insert_bookings(tx, [booking])
    await _end(app, tx, wait, WaitState.PROMOTED, booking_id=booking_id)
    await messages.tell_later(app, tx, booking_id, "promoted")
    return True


async def _may_still_book(app: App, tx: Transaction, wait: Wait) -> bool:
    if await bans.list_banned(app, tx, wait.service_id, [bytes(wait.person_key)]):
        return False
    if wait.booked_for is None:
        return True
    mandate = await find_mandate(app, wait.person_id, wait.booked_for)
    return mandate is not None and mandate.covers(wait.service_id)


async def _end(app: App, tx: Transaction, wait: Wait, to: WaitState, **values: object) -> None:
    wait.update_from_dict({"state": to, "ended_at": app.clock.now(), **values})
    await wait.save(using_db=tx, update_fields=["state", "ended_at", *values])
