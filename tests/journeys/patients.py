"""Citizens who book, pay, move and give back appointments and do not give up, whatever dies."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from journeys.load import stubbornly

from bff.client.city import CityClient, key
from bff.commands import journey

_VISIT_WITHIN_S = 120.0
_PAUSE_S = (0.0, 0.3)
_NUMBERS = 3  # everybody wants one of the first numbers of a doctor
_HALL = "gov-hall-appointment"
_KEEP_PROB, _HALL_PROB, _UNPAID_PROB, _MOVE_PROB = 0.1, 0.3, 0.2, 0.5

PLACES = "query ($service: ID!) { appointmentPlaces(serviceId: $service) { id } }"
HALL_SLOTS = """query ($place: ID!) {
  appointmentSlots(placeId: $place, skipDays: 2, days: 3, onlyFree: true) { id }
}"""
_CHANGED = """... on AppointmentChanged { appointment { id state } }
    ... on Refusal { code message }"""
HOLD = f"""mutation ($slot: ID!, $key: String!) {{
  holdAppointment(slotId: $slot, itemId: "general", idempotencyKey: $key) {{
    {_CHANGED} ... on AppointmentSlotFull {{ code message }}
  }}
}}"""
CONFIRM = f"""mutation ($id: ID!, $key: String!) {{
  confirmAppointment(appointmentId: $id, idempotencyKey: $key) {{ {_CHANGED} }}
}}"""
CANCEL = f"""mutation ($id: ID!, $key: String!) {{
  cancelAppointment(appointmentId: $id, idempotencyKey: $key) {{ {_CHANGED} }}
}}"""
MOVE = f"""mutation ($id: ID!, $slot: ID!, $key: String!) {{
  rescheduleAppointment(appointmentId: $id, slotId: $slot, idempotencyKey: $key) {{
    {_CHANGED} ... on AppointmentSlotFull {{ code message }}
  }}
}}"""


@dataclass
class Diary:
    """What was begun, and what its people believe to have in the end."""

    kept: set[str] = field(default_factory=set)
    given_back: set[str] = field(default_factory=set)
    refusals: dict[str, int] = field(default_factory=dict)
    is_over: bool = False


class Patient:
    """Somebody signed in who goes after appointments."""

    def __init__(
        self, client: CityClient, renew: Callable[[CityClient], None], seed: int, diary: Diary
    ) -> None:
        self._client, self._renew, self._diary = client, renew, diary
        self._draw = random.Random(seed)
        self._schedules: list[Mapping[str, str]] = []
        self._places: list[str] = []

    async def look_around(self) -> None:
        """Note doctors and halls, while all is well."""
        for hospital in ("h1", "h2", "h3"):
            where = {"hospital": hospital}
            found = await self._client.run(journey.DEPARTMENTS, where)
            for department in found.data["hospitalDepartments"]["items"][:4]:
                here = where | {"department": department["code"]}
                doctors = (await self._client.run(journey.DOCTORS, here)).data["hospitalDoctors"]
                self._schedules += [
                    where | {"schedule": doctor["scheduleId"]} for doctor in doctors["items"][:1]
                ]
        places = await self._client.run(PLACES, {"service": _HALL})
        self._places = [place["id"] for place in places.data["appointmentPlaces"]]

    async def book_until_over(self) -> None:
        """One appointment after another; ends between two of them."""
        while not self._diary.is_over:
            self._renew(self._client)
            async with asyncio.timeout(_VISIT_WITHIN_S):
                if self._draw.random() < _HALL_PROB:
                    await self._go_to_a_hall()
                else:
                    await self._see_a_doctor()
            await asyncio.sleep(self._draw.uniform(*_PAUSE_S))

    async def _see_a_doctor(self) -> None:
        schedule = self._draw.choice(self._schedules)
        found = await self._ask(journey.SLOTS, schedule)
        slots = (found["items"] or ())[:_NUMBERS]
        if not slots:
            return
        number = {"hospital": schedule["hospital"], "slot": self._draw.choice(slots)["code"]}
        booked = await self._say(journey.BOOK, number)
        if booked is None:
            return
        if booked["payBefore"] is not None and self._draw.random() > _UNPAID_PROB:
            await self._pay(booked["id"])
        elif booked["payBefore"] is not None:
            await self._give_back(booked["id"])
            return
        if await self._settled(booked["id"]) != "CONFIRMED":
            return
        await self._keep_or_give_back(booked["id"])

    async def _go_to_a_hall(self) -> None:
        slots = await self._ask(HALL_SLOTS, {"place": self._draw.choice(self._places)})
        slot, other = self._draw.sample(slots, 2)
        held = await self._say(HOLD, {"slot": slot["id"]})
        if held is None:
            return
        confirmed = await self._say(CONFIRM, {"id": held["id"]})
        assert confirmed is not None, "a fresh hold could not be confirmed"
        if self._draw.random() < _MOVE_PROB:
            moved = await self._say(MOVE, {"id": held["id"], "slot": other["id"]})
            confirmed = moved or confirmed
        await self._give_back(confirmed["id"])

    async def _pay(self, appointment_id: str) -> None:
        pay = {"id": appointment_id, "key": key()}
        started = await stubbornly(lambda: self._client.do(journey.PAY_FEE, pay))

        async def at_the_cashier() -> None:
            query = "query ($id: ID!) { payment(id: $id) { cashierUrl } }"
            answer = await self._client.run(query, {"id": started["payment"]["id"]})
            if answer.data["payment"]["cashierUrl"] is None:
                raise LookupError("not yet")
            await self._client.pay_at(answer.data["payment"]["cashierUrl"])

        await stubbornly(at_the_cashier)

    async def _keep_or_give_back(self, appointment_id: str) -> None:
        if self._draw.random() < _KEEP_PROB:
            self._diary.kept.add(appointment_id)
        else:
            await self._give_back(appointment_id)

    async def _give_back(self, appointment_id: str) -> None:
        cancelled = await self._say(CANCEL, {"id": appointment_id})
        assert cancelled is not None, "an appointment could not be given back"
        assert await self._settled(appointment_id) == "CANCELLED"
        self._diary.given_back.add(appointment_id)

    async def _settled(self, appointment_id: str) -> str:
        """The state of an appointment once it is no longer half-way."""

        async def state() -> str:
            answer = await self._client.run(journey.APPOINTMENT, {"id": appointment_id})
            found = str(answer.data["appointment"]["state"])
            if found in ("HELD", "CANCELLING"):
                raise LookupError("not yet")
            return found

        return await stubbornly(state)

    async def _ask(self, query: str, variables: Mapping[str, Any]) -> Any:
        answer = await stubbornly(lambda: self._client.run(query, variables))
        (found,) = answer.data.values()
        return found

    async def _say(self, mutation: str, variables: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The appointment after a mutation, sent under one key until it is answered; None where
        it is refused."""
        answer = await self._ask(mutation, {**variables, "key": key()})
        if "code" in answer:
            told = self._diary.refusals
            told[answer["code"]] = told.get(answer["code"], 0) + 1
            return None
        appointment: Mapping[str, Any] = answer["appointment"]
        return appointment
