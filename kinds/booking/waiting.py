"""The waiting list: a seat that comes free is offered to who waited longest, in one transaction.

An offer is a hold until a moment that the person is told: confirming it takes it, giving it back
or letting it end offers the seat to the next.
"""

from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

from tortoise.expressions import Q

from core.clock import SHANGHAI, civil_date
from core.context.app import App
from core.context.call import Call
from core.context.sweep import sweep_pages
from core.database import (
    IntegrityError,
    Transaction,
    connection,
    idempotency,
    lock_name,
    transaction,
    violated,
)
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.people import acts
from core.people.mandates import find_mandate, list_mandates
from core.people.parties import Affair, is_party
from core.queue.jobs import JobKind
from core.refusal_texts import NOT_FOUND
from core.security.mandate import MandateKind
from core.texts import Named
from kinds.booking import (
    bans,
    domain,
    holds,
    limit_store,
    messages,
    people,
    queue,
    slot_store,
    store,
    texts,
)
from kinds.booking.availability import tell_freed
from kinds.booking.domain import NewBooking, State, WaitState
from kinds.booking.models import Resource, Slot, Wait
from kinds.booking.policy import Policy, find_item, policy_of, rules_of

REFILL = JobKind[UUID, date]("appointments.refill")
"""kinds.booking.jobs, which imports this file."""
WAITS_MAX = 10
"""In how many lists one person may wait at once."""
_SWEEP_S = 15.0
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
    """Wait for a seat of a place on a day; what comes free is offered in the order of waiting.

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
    if wait.booked_for is not None:
        service = app.services[wait.service_id]
        what = Named(service.name_zh, service.name_en)
        act = acts.Act(wait.person_id, wait.booked_for, service.id, what, f"wait:{wait.id}")
        await acts.tell(app, tx, act)
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
    """Give up a place of the viewer's or of a child of theirs. Raises NotFound, and Conflict when
    it has ended already."""
    viewer = call.require_viewer()
    seen = await Wait.get_or_none(id=wait_id)
    if seen is None or not await _is_party(call.app, seen, viewer.user_id):
        raise NotFound(NOT_FOUND)
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
        if wait is None:
            raise NotFound(NOT_FOUND)
        if not claim.replayed:
            domain.WAIT.next_state(wait.state, "leave")
            await _end(call.app, tx, wait, WaitState.LEFT)
    return wait


async def list_waits(call: Call, *, first: int) -> list[Wait]:
    """Where the viewer or a child of theirs waits or has an offer, newest first."""
    viewer = call.require_viewer()
    mandates = await list_mandates(call.app, viewer.user_id)
    children = [one.subject_id for one in mandates if one.kind is MandateKind.GUARDIAN]
    mine = Q(person_id=viewer.user_id) | Q(booked_for__in=[viewer.user_id, *children])
    open_states = (WaitState.WAITING, WaitState.OFFERED)
    return await Wait.filter(mine, state__in=open_states).order_by("-id").limit(first)


async def _is_party(app: App, wait: Wait, person_id: UUID) -> bool:
    """Whether somebody waits there, or is party to it as to a booking."""
    if wait.person_id == person_id:
        return True
    affair = Affair(wait.person_id, wait.booked_for or wait.person_id, wait.service_id)
    return await is_party(app, affair, person_id)


async def refill(app: App, tx: Transaction, slot_id: UUID) -> None:
    """Offer the free seats of a slot to who waits for them; the rest is told to be free.

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
    if not _may_be_offered(app, slot.service_id, slot.starts_at):
        await tell_freed(tx, slot_id)
        return
    while free > 0:
        wait = await store.next_waiting(tx, slot.resource_id, day_on, last)
        if wait is None:
            await tell_freed(tx, slot_id)
            return
        last = wait.id
        if await _offer(app, tx, slot, wait):
            free -= 1


def _may_be_offered(app: App, service_id: str, starts_at: datetime) -> bool:
    """Whether what begins then can still be given back: nobody is offered what binds at once."""
    return app.clock.now() < policy_of(app, service_id).cancel.deadline(starts_at)


async def _offer(app: App, tx: Transaction, slot: Slot, wait: Wait) -> bool:
    """Hold a seat for the first in the line; False where a limit, a ban or the end of the mandate
    forbids it, which ends the wait. Who is elsewhere at that time is passed over and waits on."""
    if not await _may_still_book(app, tx, wait):
        await _end(app, tx, wait, WaitState.LAPSED)
        return False
    booking_id, now = new_id(), app.clock.now()
    facts = await slot_store.find_slot_facts(slot.id)
    assert facts is not None
    about = app.vault.decrypt(wait.subject_sealed, people.SUBJECT) if wait.subject_sealed else None
    limits = people.limits_of(app, facts, wait.person_key, about)
    used_up = await limit_store.take_limits_of_many(tx, {booking_id: limits})
    if used_up:
        if not used_up[booking_id].startswith(domain.AT_TIME):
            await _end(app, tx, wait, WaitState.LAPSED)
        return False
    item = find_item(app, wait.service_id, wait.item_id)
    policy = policy_of(app, wait.service_id)
    until = domain.offer_end(now, policy.offer, policy.cancel.deadline(slot.starts_at))
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
        wait_id=wait.id,
        state=State.HELD,
        fee_fen=item.fee_fen if item else 0,
        created_at=now,
        hold_expires_at=until,
    )
    await store.insert_bookings(tx, [booking])
    wait.update_from_dict(
        {"state": WaitState.OFFERED, "booking_id": booking_id, "offered_until": until}
    )
    await wait.save(using_db=tx, update_fields=["state", "booking_id", "offered_until"])
    await holds.end_at(app, tx, until, [booking_id])
    await messages.tell_later(app, tx, booking_id, "offered")
    return True


async def answer_offer(app: App, tx: Transaction, booking: NewBooking, *, taken: bool) -> None:
    """Note in the waiting list that an offer was taken, or ended without that; nothing where the
    booking was no offer or was taken before."""
    if booking.wait_id is not None:
        to = WaitState.PROMOTED if taken else WaitState.LAPSED
        await (
            Wait.filter(id=booking.wait_id, state=WaitState.OFFERED)
            .using_db(tx)
            .update(state=to, ended_at=app.clock.now())
        )


async def sweep(app: App) -> None:
    """End the waits whose day is over, and look again where a seat is free and somebody waits: who
    was elsewhere at that time may be free by now."""
    await store.lapse_waits(connection(), civil_date(app.clock.now()), app.clock.now())

    async def fill(slot: tuple[UUID, str, datetime]) -> None:
        slot_id, service_id, at = slot
        if _may_be_offered(app, service_id, at):
            async with transaction() as tx:
                await refill(app, tx, slot_id)

    free = partial(slot_store.list_free_waited_for, app.clock.now())
    await sweep_pages(
        app, "appointments.waiting", free, fill, key=lambda slot: slot[0], within_s=_SWEEP_S
    )


async def _may_still_book(app: App, tx: Transaction, wait: Wait) -> bool:
    if await bans.list_banned(app, tx, wait.service_id, [bytes(wait.person_key)]):
        return False
    if wait.booked_for is None:
        return True
    mandate = await find_mandate(app, wait.person_id, wait.booked_for)
    return mandate is not None and mandate.covers(wait.service_id)


async def _end(app: App, tx: Transaction, wait: Wait, to: WaitState) -> None:
    wait.update_from_dict({"state": to, "ended_at": app.clock.now()})
    await wait.save(using_db=tx, update_fields=["state", "ended_at"])
