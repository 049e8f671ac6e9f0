"""Simulated releases: scripts and hands after the same seats, at the real allocator and queue.

The clock is a test's; service, database, draw and admissions are the real ones. A script sends a
hundred attempts a second, ten at once, by every way there is to a seat: before and after the
release and whenever a seat comes free. A hand taps once to stand in the queue and once when it is
admitted. Others are admitted and do not come, or take a seat and give it back.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from core.clock import ManualClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all
from core.errors import AppError
from core.ids import new_id
from kinds.booking import queue, service, waiting
from kinds.booking.availability import availability_of
from kinds.booking.queue import TicketState
from kinds.booking.store import BookingRow
from tests.kinds.booking.engine import MakeCall, offer
from tests.kinds.booking.people import make_account
from tests.payments.world import Queue

VENUE, ITEM = "venue-booking", "entry"
SCRIPTS, HANDS, OTHERS, SEATS = 2, 4, 2, 4
RELEASE_IN = timedelta(minutes=9)
TICK = timedelta(milliseconds=100)
AT_ONCE = 10  # attempts of one script in a tick: a hundred a second
TICKS_AROUND, TICKS_AT_A_SEAT = 10, 2
TURN = timedelta(minutes=5)
_KINDS = frozenset({queue.draw.kind, queue.ADMIT.kind, waiting.REFILL.kind})


async def take(viewer: Call, slot: UUID, admission: str | None) -> BookingRow:
    """Hold a seat."""
    return await service.hold(viewer, slot, item_id=ITEM, admission=admission, key=str(new_id()))


@dataclass
class Script:
    """Tries every way to a seat, again and again; it may have none but by its admission."""

    viewer: Call
    slot: UUID
    place: UUID
    elsewhere: UUID
    """A confirmed appointment of its own at a quiet place, to be moved onto the slot."""
    admission: str | None = None
    has_won: bool = False
    sent: int = 0

    async def hammer(self) -> None:
        """A tenth of a second of attempts, all under way together."""
        await asyncio.gather(*(self._attempt(n) for n in range(AT_ONCE)))

    async def _attempt(self, number: int) -> None:
        self.sent += 1
        try:
            await self._try(number)
        except AppError:
            return

    async def _try(self, number: int) -> None:
        if number == 0:
            self.admission = (await queue.join(self.viewer, self.place)).admission
        elif number == 1:
            await service.reschedule(self.viewer, self.elsewhere, self.slot, str(new_id()))
            self.has_won = True
        elif number == 2:
            facts = await availability_of(self.viewer.app).find(self.slot)
            assert facts is not None
            await waiting.join(
                self.viewer, self.place, civil_date(facts.starts_at),
                item_id=ITEM, subject=None, key=str(new_id()),
            )  # fmt: skip
        else:
            await take(self.viewer, self.slot, self.admission if number % 2 else None)
            self.has_won = True


@dataclass
class Rush:
    """One release: who is there, and who has a seat in the end."""

    app: App
    slot: UUID
    place: UUID
    chance: random.Random
    scripts: Sequence[Script]
    hands: Sequence[Call]
    others: Sequence[Call]
    tickets: dict[UUID, UUID] = field(default_factory=dict)
    tapped: set[UUID] = field(default_factory=set)

    async def come(self) -> None:
        """Everybody but the scripts taps once, in any order."""
        everybody = [*self.hands, *self.others]
        self.chance.shuffle(everybody)
        for viewer in everybody:
            self.tickets[viewer.subject_id] = (await queue.join(viewer, self.place)).ticket.id

    async def hammer(self) -> None:
        """A tick of every script."""
        await asyncio.gather(*(script.hammer() for script in self.scripts))

    async def turns(self) -> None:
        """Whoever is admitted now: hands take their seat, others do not come or give it back."""
        for viewer in [*self.hands, *self.others]:
            standing = await queue.get_status(viewer, self.tickets[viewer.subject_id])
            if standing.state is not TicketState.ADMITTED or viewer.subject_id in self.tapped:
                continue
            self.tapped.add(viewer.subject_id)
            if viewer in self.others and self.chance.random() < 0.5:
                continue
            await self._until_told_free()
            held = await take(viewer, self.slot, standing.admission)
            if viewer in self.others:
                await service.cancel(viewer, held.id, str(new_id()))

    async def _until_told_free(self) -> None:
        """The word that a seat is free needs milliseconds; a hand is slower than that."""
        stranger = new_id()
        async with asyncio.timeout(5):
            while await availability_of(self.app).is_sold_out(self.slot, stranger):  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    async def seated(self) -> frozenset[UUID]:
        """Who has a seat."""
        rows = await fetch_all(
            connection(),
            """SELECT booked_by FROM appointments_booking
                WHERE slot_id = $1 AND state IN ('held', 'confirmed')""",
            self.slot,
        )
        return frozenset(row["booked_by"] for row in rows)


class Worker(Queue):
    """Runs what moves queues and waiting lists; who has a seat completes the booking in time."""

    async def run(self, job: dict[str, Any]) -> None:
        """Run one job, or drop it."""
        if job["entrypoint"] in _KINDS:
            await super().run(job)
        else:
            await connection().execute_query("DELETE FROM pgqueuer WHERE id = $1", [job["id"]])


async def rush(app: App, call: MakeCall, chance: random.Random) -> Rush:
    """A slot with four seats that is released in nine minutes, and eight people who want it."""

    def someone() -> Call:
        return call(user_id=UUID(int=chance.getrandbits(128), version=4), level=1)

    ahead = timedelta(days=2)
    (quiet,) = await offer(app, ahead * 2, capacity=SCRIPTS, service_id=VENUE)
    (slot,) = await offer(app, ahead, capacity=SEATS, service_id=VENUE, releases_in=RELEASE_IN)
    facts = await availability_of(app).find(slot)
    assert facts is not None
    scripts = []
    for viewer in [someone() for _ in range(SCRIPTS)]:
        await make_account(app, viewer)
        held = await take(viewer, quiet, None)
        await service.confirm(viewer, held.id, str(new_id()))
        scripts.append(Script(viewer, slot, facts.resource_id, held.id))
    hands, others = [someone() for _ in range(HANDS)], [someone() for _ in range(OTHERS)]
    for viewer in others:
        await make_account(app, viewer)
    return Rush(app, slot, facts.resource_id, chance, scripts, hands, others)


async def release_all(worker: Worker, clock: ManualClock, rushes: Sequence[Rush]) -> None:
    """Several releases at the same second, from the first tap to the last seat."""
    for each in rushes:  # one after another: the lots' seeds come from the same source
        await each.come()
    await worker.run_due()
    clock.move(RELEASE_IN - TICK * (TICKS_AROUND // 2))
    await _hammer(worker, clock, rushes, TICKS_AROUND)
    for _ in range(OTHERS + 1):
        await asyncio.gather(*(each.turns() for each in rushes))
        await _hammer(worker, clock, rushes, TICKS_AT_A_SEAT)
        clock.move(TURN + timedelta(seconds=1) - TICK * TICKS_AT_A_SEAT)
        await _hammer(worker, clock, rushes, TICKS_AT_A_SEAT)


async def _hammer(worker: Worker, clock: ManualClock, rushes: Sequence[Rush], ticks: int) -> None:
    """The scripts are always a tick ahead of the worker."""
    for _ in range(ticks):
        await asyncio.gather(*(each.hammer() for each in rushes))
        await worker.run_due()
        clock.move(TICK)
