"""An account is closed a week after its person asked: time to think again, and nothing lost."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.errors import Conflict
from core.people.directory import find_person
from core.security.authentication import Viewer
from kinds.booking import service
from kinds.booking.models import Booking
from modules.identity.erasure import service as erasure
from modules.identity.models import Citizen
from notifications.messages.models import Message
from tests.kinds.booking.engine import book, offer
from tests.kinds.booking.people import guardian_of
from tests.people import new_key

MakeCitizen = Callable[..., Awaitable[Viewer]]
MakeCall = Callable[..., Call]
DAY = timedelta(days=1)


@pytest.fixture
async def mine(citizen: MakeCitizen, call: MakeCall) -> Call:
    """A citizen at level 2."""
    viewer = await citizen()
    return call(user_id=viewer.user_id, level=2)


async def _is_open(viewer: Call) -> bool:
    return await find_person(viewer.app, viewer.subject_id) is not None


async def _messages(viewer: Call) -> list[str]:
    rows = await Message.filter(person_id=viewer.subject_id).order_by("created_at", "id")
    return [row.template for row in rows]


async def test_the_account_lives_until_its_day_and_the_owner_hears_of_it(
    app: App, mine: Call, clock: ManualClock
) -> None:
    closing = await erasure.ask_erasure(mine, new_key())
    assert closing.closes_at == clock.now() + erasure.WAIT
    clock.move(erasure.WAIT - timedelta(seconds=1))
    again = await erasure.ask_erasure(mine, new_key())
    assert again.closes_at == closing.closes_at, "asked again, the day stands"
    await erasure.close_accounts(app)
    assert await _is_open(mine)
    assert await _messages(mine) == ["identity.closing_asked"]
    clock.move(timedelta(seconds=1))
    await erasure.close_accounts(app)
    assert not await _is_open(mine)
    row = await Citizen.get(id=mine.subject_id)
    assert (row.closed_at, row.closes_at, row.phone_index) == (clock.now(), None, None)
    await erasure.close_accounts(app)  # repeat-safe


async def test_a_wish_is_taken_back(app: App, mine: Call, clock: ManualClock) -> None:
    await erasure.ask_erasure(mine, new_key())
    for _ in range(2):
        await erasure.keep_account(mine, new_key())
    clock.move(2 * erasure.WAIT)
    await erasure.close_accounts(app)
    assert await _is_open(mine)
    later = await erasure.ask_erasure(mine, new_key())
    assert later.closes_at == clock.now() + erasure.WAIT, "another wish has a week of its own"
    assert await _messages(mine) == ["identity.closing_asked"] * 2


async def test_a_wish_that_comes_late_again_is_answered_and_does_nothing(
    app: App, mine: Call, clock: ManualClock
) -> None:
    first = await erasure.ask_erasure(mine, "wish-0001", settle=True)
    await erasure.keep_account(mine, "keep-0001")
    clock.move(DAY)
    assert await erasure.ask_erasure(mine, "wish-0001", settle=True) == first
    row = await Citizen.get(id=mine.subject_id)
    assert row.closes_at is None
    with pytest.raises(Conflict, match="KEY_REUSED"):
        await erasure.ask_erasure(mine, "wish-0001")
    later = await erasure.ask_erasure(mine, "wish-0002")
    await erasure.keep_account(mine, "keep-0001")
    await row.refresh_from_db()
    assert row.closes_at == later.closes_at == first.closes_at + DAY
    assert await _messages(mine) == ["identity.closing_asked"] * 2


async def test_a_wish_that_comes_late_again_settles_nothing_that_was_begun_since(
    app: App, mine: Call, clock: ManualClock
) -> None:
    (slot,) = await offer(app, 3 * DAY)
    first = await erasure.ask_erasure(mine, "wish-0001", settle=True)
    await erasure.keep_account(mine, new_key())
    held = await book(mine, slot)
    assert await erasure.ask_erasure(mine, "wish-0001", settle=True) == first
    assert (await Booking.get(id=held.id)).state == held.state


async def test_what_was_begun_meanwhile_ends_first_and_that_is_said_once(
    app: App, mine: Call, clock: ManualClock
) -> None:
    (slot,) = await offer(app, erasure.WAIT + DAY)
    await erasure.ask_erasure(mine, new_key())
    held = await book(mine, slot)
    clock.move(erasure.WAIT)
    for _ in range(3):
        await erasure.close_accounts(app)
        assert await _is_open(mine)
    waits = [one for one in await _messages(mine) if one == "identity.closing_waits"]
    assert len(waits) == 1
    await service.cancel(mine, held.id, key="key-00000001")
    await erasure.close_accounts(app)
    assert not await _is_open(mine)


async def test_one_account_that_cannot_be_closed_stops_no_other(
    app: App, citizen: MakeCitizen, call: MakeCall, clock: ManualClock
) -> None:
    stuck, free = [call(user_id=(await citizen()).user_id, level=2) for _ in range(2)]
    (slot,) = await offer(app, erasure.WAIT + DAY)
    await erasure.ask_erasure(stuck, new_key())
    await book(stuck, slot)
    clock.move(timedelta(minutes=1))
    await erasure.ask_erasure(free, new_key())
    clock.move(erasure.WAIT)
    await erasure.close_accounts(app)
    assert [await _is_open(each) for each in (stuck, free)] == [True, False]


async def test_a_guardian_from_meanwhile_stays_for_the_child(
    app: App, mine: Call, citizen: MakeCitizen, clock: ManualClock
) -> None:
    await erasure.ask_erasure(mine, new_key())
    await guardian_of(app, mine, (await citizen()).user_id)
    clock.move(erasure.WAIT)
    await erasure.close_accounts(app)
    assert await _is_open(mine)


async def test_who_was_the_guardian_of_a_child_that_is_grown_up_may_leave(
    app: App, mine: Call, citizen: MakeCitizen, clock: ManualClock
) -> None:
    mandate = await guardian_of(app, mine, (await citizen()).user_id)
    with pytest.raises(Conflict) as refused:
        await erasure.ask_erasure(mine, new_key())
    assert refused.value.code == "ACCOUNT_NEEDED" and await _messages(mine) == []
    clock.move(mandate.ends_at - clock.now())
    await erasure.ask_erasure(mine, new_key())
    clock.move(erasure.WAIT)
    await erasure.close_accounts(app)
    assert not await _is_open(mine)
