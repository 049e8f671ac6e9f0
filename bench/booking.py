"""Booking under contention: one hot slot, the losers of a sold-out slot, and a whole release.

The peer is what nobody can undercut on this database: a booking as one bare statement (take a
seat where one is left, insert the booking), prepared, on as many connections as there are clients.
Ours does what a booking needs: the visitor's account, idempotency key, limits per person, bans,
release, expiry job. Nobody comes twice.
Both run in one process against the same durable server, one after the other, three rounds.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from bench.processes import opened_app, own_postgres
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_one, parse_url, transaction
from core.deadline import Deadline
from core.ids import new_id
from core.manifest import discover
from core.processes.embedded import DatabaseUrls
from core.processes.migrate import migrate
from core.security.authentication import Viewer
from core.texts import Named
from kinds.booking import service, slot_store
from kinds.booking.schedule import PlannedSlot
from kinds.booking.service import SlotFull
from kinds.booking.slot_store import Described
from modules.identity.models import PHONE, Citizen

CLIENTS = 32
ROUNDS = 3
ROUND_S = 4.0
RUSH_ATTEMPTS, RUSH_SEATS, RUSH_SLOTS, RUSH_AT_ONCE = 100_000, 2_000, 100, 200
RUSH_P99_MS = 100.0
HOT_ACCOUNTS = 60_000
HALL = "gov-hall-appointment"

_PEER_SCHEMA = """
CREATE TABLE IF NOT EXISTS peer_slot (
  id uuid PRIMARY KEY, capacity int NOT NULL, used int NOT NULL DEFAULT 0,
  CHECK (used BETWEEN 0 AND capacity));
CREATE TABLE IF NOT EXISTS peer_booking (
  id uuid PRIMARY KEY, slot_id uuid NOT NULL, person_id uuid NOT NULL, created_at timestamptz,
  UNIQUE (slot_id, person_id));
"""
_PEER_BOOK = """
WITH seat AS (
  UPDATE peer_slot SET used = used + 1 WHERE id = $1 AND used < capacity RETURNING id)
INSERT INTO peer_booking (id, slot_id, person_id, created_at)
SELECT $2, seat.id, $3, now() FROM seat RETURNING id
"""

Client = Callable[[], Awaitable[object]]


async def _slots(app: App, number: int, capacity: int) -> list[UUID]:
    """A place with that many slots from the day after tomorrow on."""
    start = app.clock.now() + timedelta(days=2)
    half = timedelta(minutes=30)
    planned = [
        PlannedSlot(start + n * half, start + (n + 1) * half, capacity, None) for n in range(number)
    ]
    ref = f"bench-{new_id()}"
    async with transaction() as tx:
        resource_id = await slot_store.ensure_resource(
            tx,
            service_id=HALL,
            ref=ref,
            described=Described(Named("大厅", "Hall"), Named("", ""), Named("窗口", "Counter")),
            limit_group=f"{HALL}/{ref}",
        )
        await slot_store.insert_planned(tx, resource_id, HALL, planned)
    rows = await slot_store.list_slots(resource_id, start, start + timedelta(days=365))
    return [facts.slot_id for facts, _ in rows]


async def _accounts(app: App, number: int) -> Iterator[UUID]:
    """Of so many people who have signed in."""
    vault, now = app.vault, app.clock.now()
    phones = [f"139{place:08d}" for place in range(number)]
    people = [
        Citizen(
            id=new_id(),
            phone_sealed=vault.encrypt(phone, PHONE),
            phone_index=vault.blind_index(phone, PHONE),
            created_at=now,
        )
        for phone in phones
    ]
    await Citizen.bulk_create(people, batch_size=2_000)
    return iter([person.id for person in people])


async def _ours(app: App, slot_id: UUID, people: Iterator[UUID]) -> bool:
    # a request comes through the event loop; an answer from memory would not
    await asyncio.sleep(0)
    viewer = Viewer(next(people), new_id(), 1, frozenset(), app.clock.now())
    call = Call(app, Deadline.after(30), "bench", viewer)
    try:
        await service.hold(call, slot_id, item_id="general", key=str(new_id()))
    except SlotFull:
        return False
    return True


async def _per_second(clients: list[Client], seconds: float) -> float:
    """How often the clients together get through, each asking again at once."""
    done, ends_s = count(), time.monotonic() + seconds
    started_s = time.monotonic()

    async def run(client: Client) -> None:
        while time.monotonic() < ends_s:
            await client()
            next(done)

    await asyncio.gather(*(run(client) for client in clients))
    return next(done) / (time.monotonic() - started_s)


@asynccontextmanager
async def _peer(urls: DatabaseUrls, capacity: int) -> AsyncIterator[list[Client]]:
    slot_id = new_id()
    connections = [await asyncpg.connect(**parse_url(urls.app)) for _ in range(CLIENTS)]
    try:
        await connections[0].execute(
            "INSERT INTO peer_slot (id, capacity) VALUES ($1, $2)", slot_id, capacity
        )
        statements = [await c.prepare(_PEER_BOOK) for c in connections]

        def client(statement: Any) -> Client:
            return lambda: statement.fetch(slot_id, new_id(), new_id())

        yield [client(statement) for statement in statements]
    finally:
        for opened in connections:
            await opened.close()


async def _make_peer_tables(urls: DatabaseUrls) -> None:
    owner = await asyncpg.connect(**parse_url(urls.owner))
    role = parse_url(urls.app)["user"]
    await owner.execute(_PEER_SCHEMA + f'GRANT ALL ON peer_slot, peer_booking TO "{role}"')
    await owner.close()


def _run(measure: Callable[[App, DatabaseUrls], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    async def go(urls: DatabaseUrls) -> dict[str, Any]:
        await migrate(urls.owner, urls.app, discover())
        await _make_peer_tables(urls)
        with tempfile.TemporaryDirectory() as folder:
            async with opened_app(urls, Path(folder), CLIENTS) as app:
                return await measure(app, urls)

    with own_postgres() as urls:
        return asyncio.run(go(urls))


def _conditions(**more: object) -> dict[str, object]:
    return {
        "clients": CLIENTS,
        "rounds": ROUNDS,
        "round_s": ROUND_S,
        "server": "embedded PostgreSQL on the same machine, fsync on",
        **more,
    }


async def _hot_slot(app: App, urls: DatabaseUrls) -> dict[str, Any]:
    ours, peers = [], []
    people = await _accounts(app, HOT_ACCOUNTS)
    for _ in range(ROUNDS):
        (slot_id,) = await _slots(app, 1, 10_000)
        await connection().execute_query(
            "UPDATE appointments_slot SET capacity = 1000000 WHERE id = $1", [slot_id]
        )
        clients: list[Client] = [lambda: _ours(app, slot_id, people)] * CLIENTS  # noqa: B023
        ours.append(await _per_second(clients, ROUND_S))
        async with _peer(urls, 1_000_000) as others:
            peers.append(await _per_second(others, ROUND_S))
    return _row(ours, peers, "bookings/s", _conditions(rounds_ours=ours, rounds_peer=peers))


async def _sold_out(app: App, urls: DatabaseUrls) -> dict[str, Any]:
    ours, peers = [], []
    for _ in range(ROUNDS):
        full, *_others = await _slots(app, 10, 1)
        people = iter(new_id, None)  # nobody is looked up where nothing is left
        assert await _ours(app, full, people)
        ours.append(await _per_second([lambda: _ours(app, full, people)] * CLIENTS, ROUND_S))  # noqa: B023
        row = await fetch_one(
            connection(), "SELECT used FROM appointments_slot WHERE id = $1", full
        )
        assert row is not None and row["used"] == 1
        async with _peer(urls, 1_000_000) as clients:
            peers.append(await _per_second(clients, ROUND_S))
    conditions = _conditions(
        rounds_ours=ours,
        rounds_peer=peers,
        meaning="refusals of a full slot with alternatives, against the peer's bookings",
    )
    return _row(ours, peers, "replies/s", conditions)


async def _rush(app: App, _urls: DatabaseUrls) -> dict[str, Any]:
    """100,000 people try for 2,000 seats of one release: each one slot, 200 at a time."""
    slot_ids = await _slots(app, RUSH_SLOTS, RUSH_SEATS // RUSH_SLOTS)
    refusals: list[float] = []
    won, numbers = count(), iter(range(RUSH_ATTEMPTS))
    people = await _accounts(app, RUSH_ATTEMPTS)

    async def visitors() -> None:
        for number in numbers:
            asked_s = time.monotonic()
            if await _ours(app, slot_ids[number % RUSH_SLOTS], people):
                next(won)
            else:
                refusals.append(time.monotonic() - asked_s)

    started_s = time.monotonic()
    await asyncio.gather(*(visitors() for _ in range(RUSH_AT_ONCE)))
    took_s = time.monotonic() - started_s
    sold = await fetch_one(
        connection(),
        """SELECT sum(used)::int AS used, bool_and(used <= capacity) AS fits
             FROM appointments_slot WHERE id = ANY($1)""",
        slot_ids,
    )
    assert sold is not None and sold["fits"] and sold["used"] == next(won) == RUSH_SEATS
    p99_ms = statistics.quantiles(refusals, n=100)[98] * 1000
    return {
        "ours": round(p99_ms, 2),
        "peer": "the target",
        "peer_value": RUSH_P99_MS,
        "ratio": round(p99_ms / RUSH_P99_MS, 3),
        "unit": "ms until a refusal, p99",
        "conditions": _conditions(
            attempts=RUSH_ATTEMPTS,
            seats=RUSH_SEATS,
            slots=RUSH_SLOTS,
            at_once=RUSH_AT_ONCE,
            sold=sold["used"],
            took_s=round(took_s, 2),
            refusal_p50_ms=round(statistics.median(refusals) * 1000, 3),
        ),
    }


def _row(
    ours: list[float], peers: list[float], unit: str, conditions: dict[str, object]
) -> dict[str, Any]:
    mine, theirs = statistics.median(ours), statistics.median(peers)
    return {
        "ours": round(mine, 1),
        "peer": "a bare one-statement booking",
        "peer_value": round(theirs, 1),
        "ratio": round(mine / theirs, 3),
        "unit": unit,
        "conditions": conditions,
    }


ROWS = {
    "booking_hot_slot": lambda: _run(_hot_slot),
    "booking_sold_out": lambda: _run(_sold_out),
    "booking_rush": lambda: _run(_rush),
}
