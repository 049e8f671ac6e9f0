"""Giving out the seats of slots: everybody who wants one slot at the same moment is served in one
transaction.

A hot slot is one row, and PostgreSQL gives its lock to one transaction at a time. So requests that
arrive while a transaction for their slot is under way wait and go together in the next: the lock,
the round trips and the commit are shared by all of them.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from uuid import UUID

import asyncpg
from tortoise.exceptions import OperationalError

from core.context.app import App
from core.database import (
    IntegrityError,
    Transaction,
    idempotency,
    refuse_in_transaction,
    transaction,
)
from core.errors import AppError, Conflict
from kinds.booking import (
    bans,
    domain,
    holds,
    limit_store,
    moving,
    people,
    saga,
    slot_store,
    store,
    texts,
)
from kinds.booking.domain import HoldRequest
from kinds.booking.models import Slot

_BATCH_MAX = 200
_TRANSACTIONS = 6  # at once: more would only queue in the database
_LOOKUP_S = 0.01
"""How long a batch waits at most for those who are being looked up."""
_DEADLOCK_RETRIES = 3
_KNOWN_FULL_MAX = 10_000

Outcome = UUID | AppError
Pending = tuple[HoldRequest, asyncio.Future[Outcome]]


@dataclass
class SlotAllocator:
    """The requests of one process that wait, by the slot that they want."""

    app: App
    on_full: Callable[[UUID], None]
    _pending: dict[UUID, deque[Pending]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _known_full: set[UUID] = field(default_factory=set)
    _transactions: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(_TRANSACTIONS)
    )

    async def hold(self, slot_id: UUID, request: HoldRequest) -> UUID:
        """Take a seat; returns the booking, which a repeated send finds again.

        Raises Conflict when the slot is full, over, or a limit is used up; then nothing changed.
        """
        refuse_in_transaction("waiting for a seat")
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        waiting = self._pending.get(slot_id)
        if waiting is None:
            self._pending[slot_id] = deque([(request, future)])
            task = asyncio.create_task(self._serve(slot_id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            waiting.append((request, future))
        outcome = await future
        if isinstance(outcome, AppError):
            raise outcome
        return outcome

    async def _serve(self, slot_id: UUID) -> None:
        waiting = self._pending[slot_id]
        try:
            while waiting:
                if slot_id in self._known_full:
                    await self._serve_batch(slot_id, _take(waiting))
                    continue
                async with self._transactions:
                    await self._serve_batch(slot_id, _take(waiting))
                if waiting:
                    await self._let_others_come()
        finally:
            del self._pending[slot_id]
            for _, future in waiting:
                future.cancel()

    async def _let_others_come(self) -> None:
        """Whoever was answered and asks again at once, and whoever is being looked up, goes with
        the next batch: else two halves of them would go by turns, each at the cost of a whole.

        The answer takes one turn of the event loop, what is asked next another.
        """
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await people.lookups(self.app).settle(_LOOKUP_S)

    async def _serve_batch(self, slot_id: UUID, batch: Sequence[Pending]) -> None:
        try:
            outcomes = await self._allocate(slot_id, [request for request, _ in batch])
        except Exception as error:
            if isinstance(error, IntegrityError) and len(batch) > 1:
                # what one of them may not do must not be the others' loss
                for each in batch:
                    await self._serve_batch(slot_id, [each])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)

    async def _allocate(self, slot_id: UUID, requests: Sequence[HoldRequest]) -> list[Outcome]:
        """Batches at two slots may wait for one another's people; PostgreSQL then ends one.

        Where the last batch found nothing left, the next is answered without a transaction.
        """
        if slot_id in self._known_full:
            refused = await refuse_full(self.app, slot_id, requests)
            if refused is not None:
                return refused
            self._known_full.discard(slot_id)
        allocation = await self._allocate_in_transaction(slot_id, requests)
        if allocation.full:
            if len(self._known_full) >= _KNOWN_FULL_MAX:
                self._known_full.clear()
            self._known_full.add(slot_id)
            self.on_full(slot_id)
        return allocation.outcomes

    async def _allocate_in_transaction(
        self, slot_id: UUID, requests: Sequence[HoldRequest]
    ) -> "Allocation":
        for _ in range(_DEADLOCK_RETRIES):
            try:
                return await allocate_seats(self.app, slot_id, requests)
            except OperationalError as error:
                if not isinstance(error.__cause__, asyncpg.DeadlockDetectedError):
                    raise
        return await allocate_seats(self.app, slot_id, requests)


@dataclass(frozen=True, slots=True)
class Allocation:
    """What became of a batch, in its order, and whether no seat is left after it."""

    outcomes: list[Outcome]
    full: bool


def _take(waiting: deque[Pending]) -> list[Pending]:
    """The next batch: those in front who ask by the same operation, to which their keys belong."""
    batch = [waiting.popleft()]
    operation = batch[0][0].operation
    while waiting and len(batch) < _BATCH_MAX and waiting[0][0].operation == operation:
        batch.append(waiting.popleft())
    return batch


async def refuse_full(
    app: App, slot_id: UUID, requests: Sequence[HoldRequest]
) -> list[Outcome] | None:
    """Answer a batch at a slot that cannot be booked, by reading alone; None where it can be."""
    state = await slot_store.read_state(slot_id)
    fault = domain.find_fault(state, app.clock.now())
    if fault is None:
        return None
    outcomes = await idempotency.recall_many(
        requests[0].operation, [_claim_of(request) for request in requests]
    )
    return [earlier or Conflict(texts.FAULTS[fault]) for earlier in outcomes]


async def allocate_seats(app: App, slot_id: UUID, requests: Sequence[HoldRequest]) -> Allocation:
    """Give the seats of one slot to the first who may have them; one outcome for each."""
    outcomes: dict[UUID, Outcome] = {}
    async with transaction() as tx:
        fresh = await _claim(app, tx, requests, outcomes)
        movable = await _refuse_changed(tx, fresh, outcomes)
        slot = await slot_store.lock_slot(tx, slot_id)
        allowed = await _refuse_banned(app, tx, slot, movable, outcomes)
        served = await _serve_while_free(app, tx, slot, allowed, outcomes)
        held = {request.booking.id for request in served}
        await _release_keys(tx, [request for request in fresh if request.booking.id not in held])
        if served:
            await store.insert_held(tx, served)
            await _enqueue_follow_ups(app, tx, served)
    full = slot.used + len(served) >= slot.capacity
    return Allocation([_outcome_of(outcomes, request) for request in requests], full)


def _claim_of(request: HoldRequest) -> idempotency.Wish:
    return idempotency.Wish(
        str(request.booking.booked_by), request.key, request.command, request.booking.id
    )


def _outcome_of(outcomes: Mapping[UUID, Outcome], request: HoldRequest) -> Outcome:
    """Who sent twice in this very batch hears the second time what became of the first."""
    outcome = outcomes[request.booking.id]
    return outcomes.get(outcome, outcome) if isinstance(outcome, UUID) else outcome


async def _claim(
    app: App, tx: Transaction, requests: Sequence[HoldRequest], outcomes: dict[UUID, Outcome]
) -> list[HoldRequest]:
    """Bind the keys; a repeated send is answered with the booking made then, or with the misuse."""
    operation = requests[0].operation
    claims = [_claim_of(request) for request in requests]
    fresh = []
    for request, claim in zip(
        requests, await idempotency.claim_many(app.clock, tx, operation, claims), strict=True
    ):
        if isinstance(claim, AppError):
            outcomes[request.booking.id] = claim
        elif claim.replayed:
            outcomes[request.booking.id] = claim.effect_id
        else:
            fresh.append(request)
    return fresh


async def _refuse_changed(
    tx: Transaction, requests: Sequence[HoldRequest], outcomes: dict[UUID, Outcome]
) -> list[HoldRequest]:
    """All but those whose old booking is not as it was read; the others' is locked from here on:
    before the slot, as by whoever ends it, and in one order in every batch."""
    moves = [(r.booking.replaces, r) for r in requests if r.booking.replaces is not None]
    for old_id, request in sorted(moves, key=itemgetter(0)):
        try:
            await moving.lock_unchanged(tx, old_id, request.old_version)
        except Conflict as refusal:
            outcomes[request.booking.id] = refusal
    return [request for request in requests if request.booking.id not in outcomes]


async def _serve_while_free(
    app: App,
    tx: Transaction,
    slot: Slot,
    requests: Sequence[HoldRequest],
    outcomes: dict[UUID, Outcome],
) -> list[HoldRequest]:
    state = slot_store.state_of(slot)
    fault = domain.find_fault(state, app.clock.now())
    waiting = deque(requests)
    served: list[HoldRequest] = []
    while waiting and fault is None and len(served) < state.free:
        batch = [waiting.popleft() for _ in range(min(len(waiting), state.free - len(served)))]
        used_up = await limit_store.take_limits_of_many(tx, {r.booking.id: r.limits for r in batch})
        for request in batch:
            limit = used_up.get(request.booking.id)
            if limit is None:
                served.append(request)
                outcomes[request.booking.id] = request.booking.id
            else:
                outcomes[request.booking.id] = Conflict(texts.limit_text(limit))
    for request in waiting:
        outcomes[request.booking.id] = Conflict(texts.FAULTS[fault or domain.Fault.FULL])
    return served


async def _refuse_banned(
    app: App,
    tx: Transaction,
    slot: Slot,
    requests: Sequence[HoldRequest],
    outcomes: dict[UUID, Outcome],
) -> list[HoldRequest]:
    """Those who may book; who missed too many appointments hears until when they may not."""
    people = [request.person_key for request in requests]
    banned = await bans.list_banned(app, tx, slot.service_id, people)
    allowed = []
    for request in requests:
        until = banned.get(request.person_key)
        if until is None:
            allowed.append(request)
        else:
            outcomes[request.booking.id] = bans.refusal(until)
    return allowed


async def _release_keys(tx: Transaction, refused: Sequence[HoldRequest]) -> None:
    """Free the keys of those who got nothing, so that they may try again with them."""
    if refused:
        wishes = [(str(request.booking.booked_by), request.key) for request in refused]
        await idempotency.release_many(tx, refused[0].operation, wishes)


async def _enqueue_follow_ups(app: App, tx: Transaction, served: Sequence[HoldRequest]) -> None:
    """Another system's bookings are settled one by one; our holds, and those that have to be paid
    first, end together in one job."""
    by_end: dict[datetime, list[UUID]] = {}
    for booking in (request.booking for request in served):
        if booking.is_external and not booking.awaits_payment:
            await saga.enqueue_settle(app, tx, booking.id)
        else:
            assert booking.hold_expires_at is not None
            by_end.setdefault(booking.hold_expires_at, []).append(booking.id)
    for ends_at, booking_ids in by_end.items():
        await holds.end_at(app, tx, ends_at, booking_ids)
