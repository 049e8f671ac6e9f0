"""A hospital that insists on a number which was exchanged: both stand, their owner may choose."""

from collections.abc import Callable

import pytest

from core.context.app import App
from core.context.call import Call
from core.errors import Conflict
from kinds.booking import numbers as registration
from kinds.booking import service
from kinds.booking.domain import State
from tests.modules.health.hospitals.fake_hospitals import FakeHospitals
from tests.modules.health.hospitals.test_hospital_registration import (
    book,
    bookings,
    free_slots,
    patient,
    work,
)

MakeCall = Callable[..., Call]


async def test_a_number_beside_one_that_its_hospital_insists_on_is_moved_when_one_is_given_back(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    first_slot, second_slot, third_slot, *_ = await free_slots(viewer)
    old = await book(viewer, first_slot)
    hospitals.insists = True
    new = await registration.move_number(viewer, old.id, second_slot.ref, "move-0001")
    for booking_id in (old.id, new.id):
        await work(app, booking_id)
    both = [await service.get_booking(viewer, one) for one in (old.id, new.id)]
    assert [one.state for one in both] == [State.CONFIRMED, State.CONFIRMED]
    with pytest.raises(Conflict) as refused:
        await registration.move_number(viewer, old.id, third_slot.ref, "move-0002")
    assert refused.value.code == "MOVED_BESIDE"
    assert "cancel" in refused.value.text.en and "取消" in refused.value.text.zh
    assert await bookings() == 2 and len(hospitals.live()) == 2
    hospitals.insists = False
    await service.cancel(viewer, new.id, "cancel-01")
    await work(app, new.id)
    moved = await registration.move_number(viewer, old.id, third_slot.ref, "move-0003")
    await work(app, old.id)
    assert moved.state is State.CONFIRMED and hospitals.live() == {moved.id}
