"""What this process knows of the slots without asking: their facts, which are sold out, and what
else is free. A loser is answered from here and never touches the slot's row.

Facts of a slot (time, place, release) are read once and refreshed by age; a sold-out mark falls
when a seat comes free anywhere (the bus tells); it is looked at again every second.
"""

import asyncio
import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from core.bus.bus import publish
from core.context.app import App
from core.database import Transaction
from kinds.booking import slot_store
from kinds.booking.slot_store import SlotFacts

FREED = "appointments.freed"
_MARK_S, _MARK_MAX_S = 1.0, 5.0
_OFFERS_S, _OFFERS_MAX_S = 1.0, 5.0
_FACTS_S = 30.0
_FACTS_MAX = 20_000
_ALTERNATIVES = 5


@dataclass(frozen=True, slots=True)
class SoldOut:
    """A full slot: since when we know, and who booked it (they may be sending again)."""

    known_at_s: float
    bookers: asyncio.Future[frozenset[UUID]]


@dataclass(frozen=True, slots=True)
class Offer:
    """A slot with free seats, as of a few seconds ago at most."""

    facts: SlotFacts
    free: int


@dataclass
class Offers:
    """What a service offers in one second, and the nearest of it to each slot asked for."""

    offers: Sequence[Offer]
    read_at_s: float
    nearest: dict[UUID, Sequence[Offer]] = field(default_factory=dict)


@dataclass
class AvailabilityCache:
    """The memory of one process."""

    app: App
    monotonic: Callable[[], float] = time.monotonic
    _facts: dict[UUID, tuple[float, SlotFacts]] = field(default_factory=dict)
    _sold_out: dict[UUID, SoldOut] = field(default_factory=dict)
    _looking: dict[UUID, asyncio.Task[None]] = field(default_factory=dict)
    _offers: dict[str, Offers] = field(default_factory=dict)
    _reading: dict[str, asyncio.Task[Offers]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.app.bus.listen(FREED, self._forget)
        self.app.bus.on_gap(self._sold_out.clear)

    def _forget(self, slot_id: str) -> None:
        self._sold_out.pop(UUID(slot_id), None)

    async def find(self, slot_id: UUID) -> SlotFacts | None:
        """A slot's facts."""
        kept = self._facts.get(slot_id)
        if kept is not None and self.monotonic() - kept[0] < _FACTS_S:
            return kept[1]
        facts = await slot_store.find_slot_facts(slot_id)
        if facts is not None:
            if len(self._facts) >= _FACTS_MAX:
                self._facts.clear()
            self._facts[slot_id] = (self.monotonic(), facts)
        return facts

    async def is_sold_out(self, slot_id: UUID, person_id: UUID) -> bool:
        """Whether the slot is known to be full; False for whoever booked it and may send again.

        A mark that has aged is looked at again by one reader, while it still answers the others.
        """
        mark = self._sold_out.get(slot_id)
        if mark is None:
            return False
        age_s = self.monotonic() - mark.known_at_s
        if age_s >= _MARK_MAX_S:
            self._sold_out.pop(slot_id, None)
            return False
        if age_s >= _MARK_S and slot_id not in self._looking:
            self._looking[slot_id] = asyncio.create_task(self._look_again(slot_id))
        if mark.bookers.done():
            return person_id not in mark.bookers.result()
        return person_id not in await asyncio.shield(mark.bookers)

    def mark_sold_out(self, slot_id: UUID) -> None:
        """Remember that a slot was found full just now."""
        mark, now = self._sold_out.get(slot_id), self.monotonic()
        if mark is None or now - mark.known_at_s >= _MARK_S:
            reading = asyncio.create_task(self._read_bookers(slot_id))
            self._sold_out[slot_id] = SoldOut(now, reading)

    async def _read_bookers(self, slot_id: UUID) -> frozenset[UUID]:
        try:
            return await slot_store.list_bookers(slot_id)
        except BaseException:
            # a mark without its bookers could lie to one of them
            self._sold_out.pop(slot_id, None)
            raise

    async def _look_again(self, slot_id: UUID) -> None:
        try:
            bookers = await slot_store.list_bookers(slot_id)
            state = await slot_store.read_state(slot_id)
            if state.free > 0:
                self._sold_out.pop(slot_id, None)
            elif slot_id in self._sold_out:
                read: asyncio.Future[frozenset[UUID]] = asyncio.Future()
                read.set_result(bookers)
                self._sold_out[slot_id] = SoldOut(self.monotonic(), read)
        finally:
            del self._looking[slot_id]

    async def alternatives(self, facts: SlotFacts) -> Sequence[Offer]:
        """Free slots of the same service, the nearest in place and time first."""
        offered = await self._offered(facts.service_id)
        nearest = offered.nearest.get(facts.slot_id)
        if nearest is None:
            nearest = offered.nearest[facts.slot_id] = self._nearest(offered.offers, facts)
        return nearest

    def _nearest(self, offers: Sequence[Offer], facts: SlotFacts) -> Sequence[Offer]:
        def distance(offer: Offer) -> tuple[bool, timedelta]:
            other = offer.facts
            return other.resource_id != facts.resource_id, abs(other.starts_at - facts.starts_at)

        others = [
            offer
            for offer in offers
            if offer.facts.slot_id != facts.slot_id and offer.facts.slot_id not in self._sold_out
        ]
        return heapq.nsmallest(_ALTERNATIVES, others, key=distance)

    async def _offered(self, service_id: str) -> Offers:
        """One query a second, however many ask; while it runs the last answer is good enough."""
        now, kept = self.monotonic(), self._offers.get(service_id)
        if kept is not None and now - kept.read_at_s >= _OFFERS_MAX_S:
            kept = None
        if kept is None or now - kept.read_at_s >= _OFFERS_S:
            reading = self._reading.get(service_id)
            if reading is None:
                reading = asyncio.create_task(self._read_offers(service_id))
                self._reading[service_id] = reading
            if kept is None:
                kept = await asyncio.shield(reading)
        return kept

    async def _read_offers(self, service_id: str) -> Offers:
        try:
            read_at_s = self.monotonic()
            rows = await slot_store.list_free(service_id, self.app.clock.now())
            offers = Offers([Offer(facts, free) for facts, free in rows], read_at_s)
            self._offers[service_id] = offers
            return offers
        finally:
            del self._reading[service_id]


def availability_of(app: App) -> AvailabilityCache:
    """The cache of this process."""
    return app.once("appointments.availability", lambda: AvailabilityCache(app))


async def tell_freed(tx: Transaction, slot_id: UUID) -> None:
    """Every process forgets that the slot was full, when `tx` commits."""
    await publish(tx, FREED, str(slot_id))
