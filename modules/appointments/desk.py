"""The counter at which seats are given out: everybody who wants one slot at the same moment is
served in one transaction.

A hot slot is one row, and PostgreSQL gives its lock to one transaction at a time. So requests that
arrive while a transaction for their slot is under way wait in a line and go together in the next:
the lock, the round trips and the commit are shared by all of them.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
from tortoise.exceptions import OperationalError

from core.clock import SHANGHAI
from core.context.app import App
from core.database import (
    IntegrityError,
    Transaction,
    idempotency,
    refuse_in_transaction,
    transaction,
)
from core.errors import AppError, Conflict
from modules.appointments import domain, slot_store, store, texts
from modules.appointments.domain import Ask, SlotState
from modules.appointments.hospitals import saga
from modules.appointments.models import Slot
from modules.appointments.policy import policy_of

EXPIRE = "appointments.expire"
_PARTY_MAX = 200
_WINDOWS = 6  # transactions at once: lines grow longer, the database's own queues do not
_DEADLOCK_RETRIES = 3
_FOUND_FULL_MAX = 10_000

Outcome = UUID | AppError
Waiting = tuple[Ask, asyncio.Future[Outcome]]


@dataclass
class Desk:
    """The lines of one process, one per slot that somebody wants."""

    app: App
    on_full: Callable[[UUID], None]
    _lines: dict[UUID, deque[Waiting]] = field(default_factory=dict)
    _clerks: set[asyncio.Task[None]] = field(default_factory=set)
    _found_full: set[UUID] = field(default_factory=set)
    _windows: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_WINDOWS))

    async def hold(self, slot_id: UUID, ask: Ask) -> UUID:
        """Take a seat; returns the booking, which a repeated send finds again.

        Raises Conflict when the slot is full, over, or a limit is used up; then nothing changed.
        """
        refuse_in_transaction("waiting at the desk")
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        line = self._lines.get(slot_id)
        if line is None:
            self._lines[slot_id] = deque([(ask, future)])
            clerk = asyncio.create_task(self._serve(slot_id))
            self._clerks.add(clerk)
            clerk.add_done_callback(self._clerks.discard)
        else:
            line.append((ask, future))
        outcome = await future
        if isinstance(outcome, AppError):
            raise outcome
        return outcome

    async def _serve(self, slot_id: UUID) -> None:
        line = self._lines[slot_id]
        try:
            while line:
                if slot_id in self._found_full:
                    await self._serve_party(slot_id, _take(line))
                    continue
                async with self._windows:
                    await self._serve_party(slot_id, _take(line))
        finally:
            del self._lines[slot_id]
            for _, future in line:
                future.cancel()

    async def _serve_party(self, slot_id: UUID, party: Sequence[Waiting]) -> None:
        try:
            outcomes = await self._give(slot_id, [ask for ask, _ in party])
        except Exception as error:
            if isinstance(error, IntegrityError) and len(party) > 1:
                # what one of them may not do must not be the others' loss
                for each in party:
                    await self._serve_party(slot_id, [each])
                return
            for _, future in party:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), outcome in zip(party, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)

    async def _give(self, slot_id: UUID, asks: Sequence[Ask]) -> list[Outcome]:
        """Parties at two slots may wait for one another's people; PostgreSQL then ends one.

        Where the last party found nothing left, the next is answered without a transaction.
        """
        if slot_id in self._found_full:
            refused = await refuse_full(self.app, slot_id, asks)
            if refused is not None:
                return refused
            self._found_full.discard(slot_id)
        given = await self._give_in_transaction(slot_id, asks)
        if given.full:
            if len(self._found_full) >= _FOUND_FULL_MAX:
                self._found_full.clear()
            self._found_full.add(slot_id)
            self.on_full(slot_id)
        return given.outcomes

    async def _give_in_transaction(self, slot_id: UUID, asks: Sequence[Ask]) -> "Given":
        for _ in range(_DEADLOCK_RETRIES):
            try:
                return await give_seats(self.app, slot_id, asks)
            except OperationalError as error:
                if not isinstance(error.__cause__, asyncpg.DeadlockDetectedError):
                    raise
        return await give_seats(self.app, slot_id, asks)


@dataclass(frozen=True, slots=True)
class Given:
    """What became of a party, in its order, and whether no seat is left after it."""

    outcomes: list[Outcome]
    full: bool


def _take(line: deque[Waiting]) -> list[Waiting]:
    """The next party of a line: those in front who want it by the same operation, to which their
    keys belong."""
    party = [line.popleft()]
    operation = party[0][0].operation
    while line and len(party) < _PARTY_MAX and line[0][0].operation == operation:
        party.append(line.popleft())
    return party


async def refuse_full(app: App, slot_id: UUID, asks: Sequence[Ask]) -> list[Outcome] | None:
    """Answer a party at a slot that cannot be booked, by reading alone; None where it can be."""
    state = await slot_store.read_state(slot_id)
    fault = domain.find_fault(state, app.clock.now())
    if fault is None:
        return None
    known = await idempotency.recall_many(asks[0].operation, [_wish(ask) for ask in asks])
    return [earlier or Conflict(texts.FAULTS[fault]) for earlier in known]


async def give_seats(app: App, slot_id: UUID, asks: Sequence[Ask]) -> Given:
    """Give the seats of one slot to the first who may have them; one outcome for each wish."""
    outcomes: dict[UUID, Outcome] = {}
    async with transaction() as tx:
        fresh = await _claim(app, tx, asks, outcomes)
        slot = await slot_store.lock_slot(tx, slot_id)
        allowed = await _refuse_banned(app, tx, slot, fresh, outcomes)
        served = await _serve_while_free(app, tx, slot, allowed, outcomes)
        got = {ask.booking_id for ask in served}
        await _let_go(tx, [ask for ask in fresh if ask.booking_id not in got])
        if served:
            await store.insert_held(tx, slot, served, now=app.clock.now())
            await _enqueue_what_follows(app, tx, served)
    full = slot.used + len(served) >= slot.capacity
    return Given([_told(outcomes, ask) for ask in asks], full)


def _wish(ask: Ask) -> idempotency.Wish:
    return idempotency.Wish(str(ask.person_id), ask.key, ask.command, ask.booking_id)


def _told(outcomes: Mapping[UUID, Outcome], ask: Ask) -> Outcome:
    """Who sent twice in this very party hears the second time what became of the first."""
    outcome = outcomes[ask.booking_id]
    return outcomes.get(outcome, outcome) if isinstance(outcome, UUID) else outcome


async def _claim(
    app: App, tx: Transaction, asks: Sequence[Ask], outcomes: dict[UUID, Outcome]
) -> list[Ask]:
    """Bind the keys; who sent before is told of the booking made then, or of the misuse."""
    operation = asks[0].operation
    claims = [_wish(ask) for ask in asks]
    fresh = []
    for ask, claim in zip(
        asks, await idempotency.claim_many(app.clock, tx, operation, claims), strict=True
    ):
        if isinstance(claim, AppError):
            outcomes[ask.booking_id] = claim
        elif claim.replayed:
            outcomes[ask.booking_id] = claim.effect_id
        else:
            fresh.append(ask)
    return fresh


async def _serve_while_free(
    app: App,
    tx: Transaction,
    slot: Slot,
    asks: Sequence[Ask],
    outcomes: dict[UUID, Outcome],
) -> list[Ask]:
    state = SlotState(
        slot.starts_at, slot.capacity, slot.used, slot.releases_at, slot.cancelled_at is not None
    )
    fault = domain.find_fault(state, app.clock.now())
    waiting = deque(asks)
    served: list[Ask] = []
    while waiting and fault is None and len(served) < state.free:
        party = [waiting.popleft() for _ in range(min(len(waiting), state.free - len(served)))]
        used_up = await store.take_limits_of_many(tx, {a.booking_id: a.limits for a in party})
        for ask in party:
            limit = used_up.get(ask.booking_id)
            if limit is None:
                served.append(ask)
                outcomes[ask.booking_id] = ask.booking_id
            else:
                outcomes[ask.booking_id] = Conflict(texts.limit_text(limit))
    for ask in waiting:
        outcomes[ask.booking_id] = Conflict(texts.FAULTS[fault or domain.Fault.FULL])
    return served


async def _refuse_banned(
    app: App, tx: Transaction, slot: Slot, asks: Sequence[Ask], outcomes: dict[UUID, Outcome]
) -> list[Ask]:
    """Those who may book; who missed too many appointments hears until when they may not."""
    rule, now = policy_of(app, slot.service_id).ban, app.clock.now()
    if rule is None or not asks:
        return list(asks)
    people = [ask.person_key for ask in asks]
    missed = await store.list_missed(tx, people, slot.service_id, now - rule.within - rule.lasts)
    allowed = []
    for ask in asks:
        until = domain.banned_until(missed.get(ask.person_key, ()), rule)
        if until is None or until <= now:
            allowed.append(ask)
        else:
            day = until.astimezone(SHANGHAI).date().isoformat()
            outcomes[ask.booking_id] = Conflict(texts.BANNED, until=day)
    return allowed


async def _let_go(tx: Transaction, refused: Sequence[Ask]) -> None:
    """Free the keys of those who got nothing, so that they may try again with them."""
    if refused:
        wishes = [(str(ask.person_id), ask.key) for ask in refused]
        await idempotency.release_many(tx, refused[0].operation, wishes)


async def _enqueue_what_follows(app: App, tx: Transaction, served: Sequence[Ask]) -> None:
    """A hospital's bookings are settled one by one; our holds, and those that have to be paid
    first, end together in one job."""
    by_end: dict[datetime, list[str]] = {}
    for ask in served:
        if ask.access_id is not None and not ask.awaits_payment:
            await saga.enqueue_settle(app, tx, ask.booking_id)
        else:
            by_end.setdefault(ask.hold_expires_at, []).append(str(ask.booking_id))
    for ends_at, booking_ids in by_end.items():
        payload = {"booking_ids": booking_ids}
        await app.queue.enqueue(tx, EXPIRE, payload, after=ends_at - app.clock.now())
