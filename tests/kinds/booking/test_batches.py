"""Many at one slot: their batches come whole, and limits are counted for all in one statement."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from random import Random
from uuid import UUID

import pytest

from core.clock import SHANGHAI
from core.context.app import App
from core.database import Transaction, connection, fetch_all, transaction
from core.ids import new_id
from kinds.booking import allocator, domain, limit_store
from kinds.booking.allocator import Allocation
from kinds.booking.domain import HoldRequest
from tests.kinds.booking.engine import MakeCall, broken_invariants, hold, offer, people, used
from tests.kinds.booking.test_engine import DAY

EARLY, LATE, TIMES = 3, 5, 6


async def test_two_halves_of_those_who_ask_again_at_once_become_one_batch(
    app: App, call: MakeCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is new to the process is looked up before each booking."""
    (slot,) = await offer(app, 2 * DAY, capacity=100)
    newcomers = await people(app, call, (EARLY + LATE) * TIMES)
    sizes, begun = list[int](), asyncio.Event()

    async def noted(app: App, slot_id: UUID, requests: Sequence[HoldRequest]) -> Allocation:
        sizes.append(len(requests))
        begun.set()
        return await allocate_seats(app, slot_id, requests)

    allocate_seats = allocator.allocate_seats
    monkeypatch.setattr(allocator, "allocate_seats", noted)
    monkeypatch.setattr(allocator, "_LOOKUP_S", 10.0)  # however slow the machine

    async def client() -> None:
        for _ in range(TIMES):
            await hold(newcomers.pop(), slot)

    early = [asyncio.create_task(client()) for _ in range(EARLY)]
    await begun.wait()  # the first half is in its transaction now
    await asyncio.gather(*early, *(client() for _ in range(LATE)))
    assert EARLY + LATE in sizes, sizes
    assert await used(slot) == (EARLY + LATE) * TIMES
    assert await broken_invariants([slot]) == []


async def _take(
    tx: Transaction, *uses: tuple[bytes, str, int], bookings: int = 1
) -> tuple[list[UUID], dict[UUID, str]]:
    wanted = {new_id(): list(uses) for _ in range(bookings)}
    refused = await limit_store.take_limits_of_many(tx, wanted)
    return [booking for booking in wanted if booking not in refused], refused


async def _counted(person: bytes) -> list[tuple[str, int]]:
    rows = await fetch_all(
        connection(),
        """SELECT limit_key, ordinal FROM appointments_limit_use WHERE person_key = $1
            ORDER BY limit_key, ordinal""",
        person,
    )
    return [(row["limit_key"], row["ordinal"]) for row in rows]


@pytest.mark.usefixtures("app")
async def test_of_one_person_s_bookings_at_once_as_many_count_as_are_allowed() -> None:
    async with transaction() as tx:
        taken, refused = await _take(tx, (b"a", "day:x", 2), (b"a", "open:x", 3), bookings=5)
        others, _ = await _take(tx, (b"b", "day:x", 1), (b"b", "open:x", 3))
    assert (len(taken), len(others)) == (2, 1)
    assert sorted(refused.values()) == ["day:x", "open:x", "open:x"]
    # nothing is counted for who is refused
    assert await _counted(b"a") == [("day:x", 1), ("day:x", 2), ("open:x", 1), ("open:x", 2)]


@pytest.mark.usefixtures("app")
async def test_the_first_free_place_of_a_limit_is_taken() -> None:
    """Against a list of the places, whatever was given back before."""
    draw, allowed = Random(7), {"one": 1, "two": 2, "five": 5}
    places: dict[str, dict[int, UUID]] = {key: {} for key in allowed}
    for _ in range(60):
        key = draw.choice(list(allowed))
        held = places[key]
        if held and draw.random() < 0.4:
            booking = held.pop(draw.choice(list(held)))
            await connection().execute_query(
                "DELETE FROM appointments_limit_use WHERE booking_id = $1", [booking]
            )
            continue
        async with transaction() as tx:
            taken, refused = await _take(tx, (b"p", key, allowed[key]))
        free = [place for place in range(1, allowed[key] + 1) if place not in held]
        assert list(refused.values()) == ([] if free else [key])
        held.update(zip(free, taken, strict=False))
        expected = sorted((name, place) for name, taken in places.items() for place in taken)
        assert await _counted(b"p") == expected


def test_the_limits_of_a_slot_are_everybody_s() -> None:
    """They are remembered for all who want it, so nobody may change them."""
    start = datetime(2026, 3, 2, 9, tzinfo=SHANGHAI)
    limits = domain.limits_of(
        service_id="s",
        slot_id=UUID(int=1),
        group="g",
        starts_at=start,
        ends_at=start,
        per_day=1,
        open_max=0,
    )
    with pytest.raises(TypeError):
        limits["more"] = 1  # type: ignore[index]
