"""`kill -9` of API, worker and PostgreSQL at random points while citizens book and give back.

Afterwards both sides are compared: every live booking of a hospital is a confirmed one here and
the other way round, every seat is counted once, every fee has bought an appointment or is back.
A seed reproduces the victims and moments: CRASH_SEED=…, CRASH_POINTS=… (make soak).
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import pytest
from journeys.house import House
from journeys.kills import kill_at_random
from journeys.load import renewer, stubbornly
from journeys.patients import Diary, Patient

from bff.client.city import CityClient
from tests.kinds.booking.engine import BROKEN_INVARIANTS

SEED = int(os.environ.get("CRASH_SEED", "20261122"))
POINTS = int(os.environ.get("CRASH_POINTS", "200"))
_CITIZENS = ("citizen", "parent", "citizen_dotted", "citizen_rare")
_PAUSE_S = 1.0
_RESTS_WITHIN_S = 900.0  # the ladder's longest wait is ten minutes
_FAULTS = (
    # what the real gateway repeats after 15 s, this one repeats after a fraction of it
    ("wechatpay", {"operation": "callback", "callback_speedup": 30, "duplicate_callbacks": 1}),
    ("wechatpay", {"operation": "order_h5", "lose_reply_rate": 0.05}),
)


@pytest.fixture
def busy() -> Iterator[House]:
    """A house of its own, with one process of each kind, in a folder that no pytest closes."""
    with TemporaryDirectory(prefix="quancheng-booked-") as folder, House(Path(folder)) as house:
        yield house


@pytest.mark.soak
async def test_two_hundred_crashes_while_citizens_book(busy: House) -> None:
    started_s, diary = time.monotonic(), Diary()
    async with AsyncExitStack() as stack:
        patients = await _come(busy, stack, diary)
        async with asyncio.TaskGroup() as group:
            for patient in patients:
                group.create_task(patient.book_until_over())
            await kill_at_random(busy, POINTS, SEED, pause_s=_PAUSE_S)
            diary.is_over = True
    rested_s = await _come_to_rest(busy)
    bookings = await busy.query("SELECT * FROM appointments_booking")
    _hospitals_agree(busy, bookings)
    await _fees_agree(busy, bookings)
    slots = [slot["id"] for slot in await busy.query("SELECT id FROM appointments_slot")]
    assert await busy.query(BROKEN_INVARIANTS, slots) == []
    confirmed = {str(row["id"]) for row in bookings if row["state"] == "confirmed"}
    assert confirmed == diary.kept, "what people believe to have is not what they have"
    untold = await busy.query(
        """SELECT id FROM appointments_booking b WHERE state = 'confirmed' AND 1 <> (
             SELECT count(*) FROM notifications_message m
              WHERE m.key = concat('appointment:', b.id, ':confirmed'))"""
    )
    assert untold == []
    assert busy.run("ledger", "verify").returncode == 0
    print(
        f"{POINTS} kills, {len(bookings)} bookings, {len(diary.kept)} kept, "
        f"{len(diary.given_back)} given back, refusals {diary.refusals}, at rest after "
        f"{rested_s:.0f} s; {time.monotonic() - started_s:.0f} s in all"
    )


async def _come(house: House, stack: AsyncExitStack, diary: Diary) -> Sequence[Patient]:
    """Verified citizens who have agreed, and who know where to go."""
    clients = [
        await stack.enter_async_context(CityClient(house.api_urls[0], house.sandbox_url))
        for _ in _CITIZENS
    ]
    for system, fault in _FAULTS:
        await clients[0].sandbox("PUT", f"/_control/faults/{system}", fault)
    patients = []
    for number, (client, who) in enumerate(zip(clients, _CITIZENS, strict=True)):
        person = await client.person(who)
        await client.sign_in(person["phone"])
        await client.verify_real_name(person)
        await client.consent("appointments.hospital-registration")
        patient = Patient(client, renewer(house), SEED + number, diary)
        await patient.look_around()
        patients.append(patient)
    return patients


def _outside(house: House, sql: str) -> list[tuple[Any, ...]]:
    """Read from the sandbox city's own file, not through anything of ours."""
    file = house.data_dir / "sandbox.sqlite3"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as books:
        return books.execute(sql).fetchall()


def _orders(house: House) -> Mapping[UUID, tuple[int, int]]:
    """What the PSP took and gave back, in fen, by payment."""
    rows = _outside(
        house,
        """SELECT out_trade_no, total, coalesce((SELECT sum(refund) FROM wechat_refund r
             WHERE r.out_trade_no = o.out_trade_no AND r.status = 'SUCCESS'), 0)
             FROM wechat_order o WHERE success_time IS NOT NULL""",
    )
    return {UUID(number): (total, refunded) for number, total, refunded in rows}


async def _come_to_rest(house: House) -> float:
    """Wait until nothing is half-way; returns how long that took, in seconds."""
    started_s = time.monotonic()
    sql = """SELECT id, state FROM appointments_booking WHERE state IN ('held', 'cancelling')
             UNION ALL
             SELECT i.id, i.state FROM payments_intent i
               LEFT JOIN appointments_booking b ON b.payment_id = i.id
              WHERE i.state IN ('paid', 'fulfilment_unknown', 'refunding')
                 OR i.state NOT IN ('fulfilled', 'refunded') AND i.id = ANY($1::uuid[])
                 OR i.state = 'fulfilled' AND b.state IS DISTINCT FROM 'confirmed'"""
    while under_way := await stubbornly(lambda: house.query(sql, list(_orders(house)))):
        waited_s = time.monotonic() - started_s
        assert waited_s < _RESTS_WITHIN_S, under_way
        await asyncio.sleep(0.5)
    return time.monotonic() - started_s


def _hospitals_agree(house: House, bookings: Sequence[Mapping[str, Any]]) -> None:
    there = _outside(
        house,
        "SELECT identifier_value FROM hospital_appointment "
        "WHERE live AND identifier_system = 'urn:quancheng:booking'",
    )
    live = [UUID(value) for (value,) in there]
    here = {b["id"] for b in bookings if b["state"] == "confirmed" and b["access_id"] is not None}
    assert len(live) == len(set(live)), "booked twice at a hospital"
    assert set(live) == here, "a ghost, there or here"


async def _fees_agree(house: House, bookings: Sequence[Mapping[str, Any]]) -> None:
    bought = {b["payment_id"] for b in bookings if b["state"] == "confirmed" and b["prepaid"]}
    orders = _orders(house)
    rows = await house.query("SELECT id, captured_fen, refunded_fen FROM payments_intent")
    ours = {row["id"]: (row["captured_fen"], row["refunded_fen"]) for row in rows}
    assert {payment for payment, (captured, _) in ours.items() if captured} == set(orders)
    for payment, (total, refunded) in orders.items():
        assert ours[payment] == (total, refunded), payment
        assert refunded == (0 if payment in bought else total), payment
    assert bought <= set(orders), "an appointment that nobody paid for"
