"""What this process knows of the slots without asking: their facts, which are sold out, and what
else is free. A loser is answered from here and never touches the slot's row.

Facts of a slot (time, place, release) are read once and refreshed by age; a sold-out mark falls
when a seat comes free anywhere (the bus tells), and by itself after two seconds.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from core.app import App
from core.bus import publish
from core.database import Transaction
from modules.appointments import slot_store
from modules.appointments.domain import SlotState, find_fault
from modules.appointments.slot_store import SlotFacts

FREED = "appointments.freed"
_MARK_S = 2.0
_OFFERS_S = 1.0
_FACTS_S = 30.0
_FACTS_MAX = 20_000
_ALTERNATIVES = 5


@dataclass(frozen=True, slots=True)
class SoldOut:
    """A full slot: since when we know, and who booked it (they may be sending again)."""

    known_at_s: float
    bookers: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Offer:
    """A slot with free seats, as of a second ago at most."""

    facts: SlotFacts
    free: int


@dataclass
class Board:
    """The memory of one process."""

    app: App
    monotonic: Callable[[], float] = time.monotonic
    _facts: dict[UUID, tuple[float, SlotFacts]] = field(default_factory=dict)
    _sold_out: dict[UUID, SoldOut] = field(default_factory=dict)
    _offers: dict[str, tuple[float, asyncio.Task[Sequence[Offer]]]] = field(default_factory=dict)

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

    def is_sold_out(self, slot_id: UUID, person_id: UUID) -> bool:
        """Whether the slot is known to be full; False for whoever booked it and may send again."""
        mark = self._sold_out.get(slot_id)
        if mark is None:
            return False
        if self.monotonic() - mark.known_at_s >= _MARK_S:
            del self._sold_out[slot_id]
            return False
        return person_id not in mark.bookers

    async def mark_sold_out(self, slot_id: UUID) -> None:
        """Remember that a slot was found full just now."""
        now = self.monotonic()
        mark = self._sold_out.get(slot_id)
        if mark is not None and now - mark.known_at_s < _MARK_S / 2:
            return
        self._sold_out[slot_id] = SoldOut(now, await slot_store.list_bookers(slot_id))

    async def alternatives(self, facts: SlotFacts) -> Sequence[Offer]:
        """Free slots of the same service, the nearest in place and time first."""
        offers = await self._offered(facts.service_id)
        now = self.app.clock.now()

        def distance(offer: Offer) -> tuple[bool, timedelta]:
            other = offer.facts
            return other.resource_id != facts.resource_id, abs(other.starts_at - facts.starts_at)

        bookable = [
            offer
            for offer in offers
            if offer.facts.slot_id != facts.slot_id
            and find_fault(_state(offer), now) is None
            and offer.facts.slot_id not in self._sold_out
        ]
        return sorted(bookable, key=distance)[:_ALTERNATIVES]

    async def _offered(self, service_id: str) -> Sequence[Offer]:
        """One query a second, however many ask."""
        kept = self._offers.get(service_id)
        if kept is None or self.monotonic() - kept[0] >= _OFFERS_S or _failed(kept[1]):
            task = asyncio.create_task(self._read_offers(service_id))
            kept = self._offers[service_id] = (self.monotonic(), task)
        return await asyncio.shield(kept[1])

    async def _read_offers(self, service_id: str) -> Sequence[Offer]:
        rows = await slot_store.list_free(service_id, self.app.clock.now())
        return [Offer(facts, free) for facts, free in rows]


def board_of(app: App) -> Board:
    """The board of this process."""
    return app.once("appointments.board", lambda: Board(app))


async def tell_freed(tx: Transaction, slot_id: UUID) -> None:
    """Every process forgets that the slot was full, when `tx` commits."""
    await publish(tx, FREED, str(slot_id))


def _state(offer: Offer) -> SlotState:
    facts = offer.facts
    return SlotState(facts.starts_at, offer.free, 0, facts.releases_at, facts.cancelled)


def _failed(task: "asyncio.Task[Sequence[Offer]]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
