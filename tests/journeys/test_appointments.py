"""`kill -9` in the middle of a paid appointment at a hospital, at random points.

Whatever dies, the journey completes by itself after the restart: paid once, booked once at the
hospital, one message; or the money is back and nothing is booked. CRASH_SEED=… reproduces it.
"""

import asyncio
import os
import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from journeys.house import House
from journeys.test_crashes import stubbornly

from bff.client.city import CityClient, key
from bff.commands import journey

SEED = int(os.environ.get("CRASH_SEED", "20261122"))
_APART = timedelta(minutes=30)
_COMPLETES_WITHIN_S = 90.0
_VICTIMS = ("worker", "api", "postgres")


async def test_a_few_crashes(fragile: House) -> None:
    await crash(fragile, "citizen_dotted", points=3, seed=SEED)


@pytest.mark.soak
async def test_twenty_one_crashes(fragile: House) -> None:
    await crash(fragile, "citizen_rare", points=21, seed=SEED + 1)


async def crash(house: House, who: str, *, points: int, seed: int) -> None:
    """Book and pay `points` numbers, killing one process during each."""
    rng, visited = random.Random(seed), dict[tuple[str, str], datetime]()
    async with CityClient(house.api_urls[0], house.sandbox_url) as client:
        person = await client.person(who)
        await client.sign_in(person["phone"])
        await client.verify_real_name(person)
        await client.consent("appointments.hospital-registration")
        await client.sandbox("PUT", "/_control/faults/wechatpay", {"callback_speedup": 30})
        for point in range(points):
            victim, delay_s = _VICTIMS[point % len(_VICTIMS)], rng.uniform(0, 0.8)
            told = f"point {point} of seed {seed}: {victim} after {delay_s:.3f} s"
            async with asyncio.timeout(_COMPLETES_WITHIN_S):
                slot = await stubbornly(lambda: free_number(client, visited))
                booked = asyncio.create_task(book_and_pay(house, client, slot))
                await asyncio.sleep(delay_s)
                house.kill(victim)
                appointment_id = await booked
            await assert_done_once(house, appointment_id, slot, told)
            print(f"{told}: complete")


async def free_number(
    client: CityClient, visited: dict[tuple[str, str], datetime]
) -> Mapping[str, str]:
    """A number of a doctor in a department where this person has none yet, and at another time."""
    for hospital in ("h1", "h2"):
        where = {"hospital": hospital}
        answer = await client.run(journey.DEPARTMENTS, where)
        for department in answer.data["hospitalDepartments"]["items"]:
            if (hospital, department["code"]) in visited:
                continue
            here = where | {"department": department["code"]}
            doctors = (await client.run(journey.DOCTORS, here)).data["hospitalDoctors"]["items"]
            for doctor in doctors:
                schedule = where | {"schedule": doctor["scheduleId"]}
                slots = (await client.run(journey.SLOTS, schedule)).data["hospitalSlots"]["items"]
                for slot in slots:
                    starts_at = datetime.fromisoformat(slot["startsAt"])
                    if all(abs(starts_at - at) >= _APART for at in visited.values()):
                        visited[hospital, department["code"]] = starts_at
                        return where | {"slot": slot["code"]}
    raise LookupError("no free number")


async def book_and_pay(house: House, client: CityClient, slot: Mapping[str, str]) -> str:
    """The journey as a stubborn app walks it; returns the confirmed appointment."""
    book, pay_key = {**slot, "key": key()}, key()
    booked = await stubbornly(lambda: client.do(journey.BOOK, book))
    appointment_id = str(booked["appointment"]["id"])
    pay = {"id": appointment_id, "key": pay_key}
    started = await stubbornly(lambda: client.do(journey.PAY_FEE, pay))
    payment_id = started["payment"]["id"]

    async def cashier() -> str:
        answer = await client.run(
            "query ($id: ID!) { payment(id: $id) { cashierUrl } }", {"id": payment_id}
        )
        if answer.data["payment"]["cashierUrl"] is None:
            raise LookupError("not yet")
        return str(answer.data["payment"]["cashierUrl"])

    url = await stubbornly(cashier)
    await client.pay_at(url)

    async def confirmed() -> None:
        answer = await client.run(journey.APPOINTMENT, {"id": appointment_id})
        state = answer.data["appointment"]["state"]
        assert state in ("HELD", "CONFIRMED"), state
        if state == "HELD":
            raise LookupError("not yet")

    await stubbornly(confirmed)
    await stubbornly(lambda: settled(house, appointment_id))
    return appointment_id


async def settled(house: House, appointment_id: str) -> None:
    """Raises LookupError until the payment is passed on and the person told."""
    done: list[Mapping[str, Any]] = await house.query(
        """SELECT (SELECT count(*) FROM payments_intent
                    WHERE subject_ref = $1 AND state = 'fulfilled') AS paid,
                  (SELECT count(*) FROM notifications_message
                    WHERE key = 'appointment:' || $1 || ':confirmed') AS told""",
        appointment_id,
    )
    if done != [{"paid": 1, "told": 1}]:
        raise LookupError("not yet")


async def assert_done_once(
    house: House, appointment_id: str, slot: Mapping[str, str], told: str
) -> None:
    """Look at both sides: one payment, one live appointment, one seat."""
    money = await stubbornly(
        lambda: house.query(
            "SELECT captured_fen = amount_fen AS all, refunded_fen FROM payments_intent "
            "WHERE subject_ref = $1",
            appointment_id,
        )
    )
    assert money == [{"all": True, "refunded_fen": 0}], told
    seats = await stubbornly(
        lambda: house.query(
            """SELECT s.used, s.capacity FROM appointments_slot s
                 JOIN appointments_booking b ON b.slot_id = s.id WHERE b.id = $1""",
            appointment_id,
        )
    )
    assert seats == [{"used": 1, "capacity": 1}], told
    async with CityClient(house.api_urls[0], house.sandbox_url) as stranger:
        token = f"urn:quancheng:booking|{appointment_id}".replace("|", "%7C").replace(":", "%3A")
        path = f"/hospitals/{slot['hospital']}/fhir/Appointment?identifier={token}"
        there = await stranger.sandbox("GET", path)
    assert [entry["resource"]["status"] for entry in there["entry"]] == ["booked"], told
