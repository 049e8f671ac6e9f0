"""Histories of paid numbers and of a hall at the same hours, with crashes at random points: cut
anywhere, completed by the rest.

One seed is one history; a failing seed reproduces it (CRASH_SEED=… CRASH_COUNT=1, `make soak`).
Whatever was cut off, in the end both sides hold the same bookings, every seat is counted once, and
every payment has bought its appointment or is back with its payer.
"""

import os
import random
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all
from core.errors import AppError
from core.ids import new_id
from kinds.booking import comparison, jobs, numbers, service, waiting
from kinds.booking.availability import availability_of
from kinds.booking.domain import State
from kinds.booking.numbers import NumberRequest
from modules.health.hospitals import browsing
from modules.health.registration.numbers import PATIENT, REGISTRATION
from payments.domain import STATUS, PaymentStatus
from payments.models import Intent
from payments.psp.port import OrderState
from tests.kinds.booking.engine import (
    SEAT_FREE,
    MakeCall,
    broken_invariants,
    hold,
    offer,
    people,
)
from tests.kinds.booking.people import consent, fresh
from tests.kinds.booking.till import Till
from tests.modules.health.hospitals.fake_hospitals import PAID_DOCTOR, FakeHospitals
from tests.payments.crash import cut

_FIRST = int(os.environ.get("CRASH_SEED", "1"))
_COUNT = int(os.environ.get("CRASH_COUNT", "300"))
_STEPS, _PEOPLE, _NUMBERS, _AT_THE_HALL = 50, 3, 5, 2
_CUT_PROB, _WAITS_MAX = 0.4, 60
_FAULTS = ("", "", "lost", "late", "down")


class History:
    """Three people after five numbers of one doctor and two seats of a hall at the same time as the
    first of them, with everything that can go wrong."""

    def __init__(self, till: Till, hospitals: FakeHospitals, patients: Sequence[Call], seed: int):
        self._till, self._hospitals, self._patients = till, hospitals, patients
        self._draw = random.Random(seed)
        self._slots: list[str] = []
        self._hall: list[UUID] = []

    async def run(self) -> None:
        """Fifty steps, then rest, then the account of it."""
        reading = await browsing.read_slots(
            self._patients[0], "h1", PAID_DOCTOR.schedule_ref, skip_days=5, days=3
        )
        assert reading.value
        self._slots = [slot.ref for slot in reading.value[:_NUMBERS]]
        now = self._till.clock.now()
        starts = [slot.starts_at - now for slot in reading.value[:_AT_THE_HALL]]
        self._hall = await offer(self._till.app, *starts)
        steps: Sequence[tuple[int, Callable[[], Coroutine[Any, Any, None]]]] = (
            (4, self._book), (6, self._start), (6, self._pay), (8, self._work),
            (3, self._cancel), (1, self._wait), (1, self._sweep),
            (3, self._hold), (3, self._line_up), (3, self._confirm),
        )  # fmt: skip
        for _ in range(_STEPS):
            (step,) = self._draw.choices([s for _, s in steps], [weight for weight, _ in steps])
            await step()
            broken = await broken_invariants(await self._slot_ids())
            assert [name for name in broken if name != SEAT_FREE] == []
        await self._rest()
        await self._check()

    async def _maybe_cut(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        if self._draw.random() < 0.3:
            self._hospitals.fails = [fault for fault in [self._draw.choice(_FAULTS)] if fault]

        async def attempt() -> None:
            with suppress(AppError):
                await coroutine

        if self._draw.random() < _CUT_PROB:
            await cut(attempt(), self._draw.randint(0, _WAITS_MAX))
        else:
            await attempt()
        self._hospitals.fails = []

    def _someone(self) -> Call:
        return fresh(self._draw.choice(self._patients))

    async def _book(self) -> None:
        slot = self._draw.choice(self._slots)
        await self._maybe_cut(
            numbers.book_number(
                self._someone(), REGISTRATION, NumberRequest("h1", slot), str(new_id())
            )
        )

    async def _hold(self) -> None:
        await self._maybe_cut(hold(self._someone(), self._draw.choice(self._hall)))

    async def _line_up(self) -> None:
        facts = await availability_of(self._till.app).find(self._draw.choice(self._hall))
        assert facts is not None
        place, day_on = facts.resource_id, civil_date(facts.starts_at)
        await self._maybe_cut(
            waiting.join(
                self._someone(), place, day_on, item_id="general", subject=None, key=str(new_id())
            )
        )

    async def _confirm(self) -> None:
        viewer = self._someone()
        for row in await service.list_bookings(viewer, first=5, before=None):
            if row.slot_id in self._hall and row.state is State.HELD:
                await self._maybe_cut(service.confirm(viewer, row.id, str(new_id())))

    async def _start(self) -> None:
        viewer = self._someone()
        for row in await service.list_bookings(viewer, first=5, before=None):
            if row.awaits_payment:
                await self._maybe_cut(self._till.start(viewer, row.id))

    async def _pay(self) -> None:
        psp = self._till.psp
        open_orders = [i for i, o in psp.orders.items() if o.state is not OrderState.PAID]
        if not open_orders:
            return
        chosen = self._draw.choice(open_orders)
        if not psp.pay(chosen) and self._draw.random() < 0.2:
            psp.force_paid(chosen)
        await self._maybe_cut(self._till.call_back())

    async def _work(self) -> None:
        for _ in range(self._draw.randint(1, 4)):
            job = await self._till.queue.next_due()
            if job is not None:
                await self._maybe_cut(self._till.queue.run(job))

    async def _cancel(self) -> None:
        viewer = self._someone()
        for row in await service.list_bookings(viewer, first=1, before=None):
            await self._maybe_cut(service.cancel(viewer, row.id, str(new_id())))

    async def _wait(self) -> None:
        self._till.clock.move(timedelta(seconds=self._draw.choice((1, 6, 60, 200, 1000))))

    async def _sweep(self) -> None:
        await self._maybe_cut(jobs.sweep(self._till.app))

    async def _rest(self) -> None:
        self._till.psp.callbacks.clear()
        for _ in range(3):
            await jobs.sweep(self._till.app)
            await self._till.queue.run_for(timedelta(hours=13))
        await comparison.compare(self._till.app)
        await jobs.sweep(self._till.app)
        await self._till.queue.run_for(timedelta(hours=13))

    async def _slot_ids(self) -> list[UUID]:
        rows = await fetch_all(
            connection(), "SELECT id FROM appointments_slot WHERE ref = ANY($1)", self._slots
        )
        return [*self._hall, *(row["id"] for row in rows)]

    async def _check(self) -> None:
        rows = await fetch_all(connection(), "SELECT * FROM appointments_booking")
        assert not [r for r in rows if r["state"] in (State.HELD, State.CANCELLING)]
        numbers_of = [r for r in rows if r["slot_id"] not in self._hall]
        confirmed = {r["id"]: r["payment_id"] for r in numbers_of if r["state"] == State.CONFIRMED}
        assert self._hospitals.live() == set(confirmed)
        assert await broken_invariants(await self._slot_ids()) == []
        for intent in await Intent.all():
            status, booked = STATUS[intent.state], confirmed.get(UUID(intent.subject_ref))
            if booked == intent.id:
                assert status is PaymentStatus.SUCCEEDED, intent.state
            elif self._till.psp.view(intent.id).state is OrderState.PAID:
                assert status is PaymentStatus.REFUNDED, intent.state
                assert intent.refunded_fen == intent.captured_fen == intent.amount_fen
            else:
                assert status in (PaymentStatus.EXPIRED, PaymentStatus.REJECTED), intent.state
        await self._till.check_books()


async def crash(app: App, call: MakeCall, till: Till, hospitals: FakeHospitals, seed: int) -> None:
    """One history in a fresh database."""
    patients = await people(app, call, _PEOPLE)
    for viewer in patients:
        await consent(viewer, PATIENT)
    await History(till, hospitals, patients, seed).run()


@pytest.mark.parametrize("seed", range(1, 6))
async def test_a_few_histories_with_crashes(
    app: App,
    call: MakeCall,
    till: Till,
    hospitals: FakeHospitals,
    seed: int,
) -> None:
    await crash(app, call, till, hospitals, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(_FIRST, _FIRST + _COUNT))
async def test_many_histories_with_crashes(
    app: App,
    call: MakeCall,
    till: Till,
    hospitals: FakeHospitals,
    seed: int,
) -> None:
    await crash(app, call, till, hospitals, seed)
