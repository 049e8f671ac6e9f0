"""What the owned list promises, for each service that has one."""

import asyncio
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import pytest

import modules
from core.context.call import Call
from core.errors import Conflict, NotFound, Unavailable
from core.ids import new_id
from core.manifest import discover
from kinds import owned
from kinds.owned import OwnedList
from kinds.subscription import SUBSCRIPTIONS
from tests.kinds.owned_user import OwnedUser, users
from tests.people import new_key

USERS = users()
MakeCall = Callable[..., Call]


@pytest.fixture(params=USERS, ids=lambda user: user.owned.model.__name__)
def user(request: pytest.FixtureRequest) -> OwnedUser:
    """Each service in turn."""
    found: OwnedUser = request.param
    return found


@pytest.fixture
def upstreams(user: OwnedUser) -> Mapping[type, Any]:
    """The outside systems that know the things."""
    return user.fakes(user.owned.most + 1)


@pytest.fixture
def me(call: MakeCall) -> Call:
    """Somebody signed in by phone."""
    return call(user_id=new_id(), level=1)


async def _ids(user: OwnedUser, call: Call) -> list[UUID]:
    return [row.id for row in await owned.list_all(user.owned, call.subject_id)]


def test_every_owned_list_of_the_house_is_tried_here() -> None:
    lists = [
        item
        for module in pkgutil.walk_packages(modules.__path__, "modules.")
        if module.name.endswith("store")
        for item in vars(importlib.import_module(module.name)).values()
        if isinstance(item, OwnedList)
    ]
    lists += [one.rows for one in SUBSCRIPTIONS.of(discover(examples=True))]
    assert {id(item) for item in lists} == {id(user.owned) for user in USERS}


async def test_one_key_is_one_thing_however_often_and_at_once(user: OwnedUser, me: Call) -> None:
    key = new_key()
    await asyncio.gather(*(user.link(me, 0, key) for _ in range(10)))
    (first,) = await _ids(user, me)
    await user.link(me, 0, key)
    assert await _ids(user, me) == [first]


async def test_a_thing_that_is_there_is_not_linked_again(user: OwnedUser, me: Call) -> None:
    if not user.owned.same:
        pytest.skip("each key makes a thing of its own")
    await asyncio.gather(*(user.link(me, 0, new_key()) for _ in range(4)))
    assert len(await _ids(user, me)) == 1


async def test_a_key_with_other_input_is_refused(user: OwnedUser, me: Call) -> None:
    key = new_key()
    await user.link(me, 0, key)
    before = await _ids(user, me)
    with pytest.raises(Conflict, match="KEY_REUSED"):
        await user.link(me, 1, key)
    assert await _ids(user, me) == before


async def test_at_most_so_many_though_two_come_at_once(user: OwnedUser, me: Call) -> None:
    for n in range(user.owned.most - 1):
        await user.link(me, n, new_key())
    last = range(user.owned.most - 1, user.owned.most + 1)
    answers = await asyncio.gather(
        *(user.link(me, n, f"the-last-key-{n}") for n in last), return_exceptions=True
    )
    (refused,) = [answer for answer in answers if isinstance(answer, Exception)]
    assert isinstance(refused, Conflict) and refused.code == user.owned.too_many.code
    ids = await _ids(user, me)
    assert len(ids) == user.owned.most
    if user.unlink is not None:  # the refused key is free
        await user.unlink(me, ids[0], new_key())
        free = [n for n, answer in zip(last, answers, strict=True) if answer is refused]
        for n in last if user.owned.most > 1 else free:  # of one, the other key's is gone
            await user.link(me, n, f"the-last-key-{n}")
        assert len(await _ids(user, me)) == user.owned.most


async def test_a_silent_system_links_nothing(
    user: OwnedUser, me: Call, upstreams: Mapping[type, Any]
) -> None:
    if user.silence is None:
        pytest.skip("asks nobody")
    key = new_key()
    user.silence(upstreams, True)
    with pytest.raises(Unavailable):
        await user.link(me, 0, key)
    assert await _ids(user, me) == []
    user.silence(upstreams, False)
    await user.link(me, 0, key)
    assert len(await _ids(user, me)) == 1


async def test_somebody_elses_is_as_missing_as_what_never_was(
    user: OwnedUser, me: Call, call: MakeCall
) -> None:
    if user.unlink is None:
        pytest.skip("nothing is removed here")
    await user.link(me, 0, new_key())
    before = await _ids(user, me)
    stranger, key = call(user_id=new_id(), level=1), new_key()
    for row_id in (before[0], new_id()):  # with one key: a refusal leaves it free
        with pytest.raises(NotFound) as refused:
            await user.unlink(stranger, row_id, key)
        assert refused.value.code == "NOT_FOUND"
    assert await _ids(user, me) == before


async def test_removing_is_one_removal_a_key_and_no_replay_links_again(
    user: OwnedUser, me: Call
) -> None:
    if user.unlink is None:
        pytest.skip("nothing is removed here")
    link_key, unlink_key = new_key(), new_key()
    await user.link(me, 0, link_key)
    (row_id,) = await _ids(user, me)
    await asyncio.gather(*(user.unlink(me, row_id, unlink_key) for _ in range(4)))
    await user.unlink(me, row_id, unlink_key)
    with pytest.raises(NotFound):
        await user.unlink(me, row_id, new_key())
    with pytest.raises(NotFound):
        await user.link(me, 0, link_key)
    assert await _ids(user, me) == []
    things = min(2, user.owned.most)
    for n in range(things):
        await user.link(me, n, new_key())
    with pytest.raises(Conflict, match="KEY_REUSED"):
        await user.unlink(me, (await _ids(user, me))[-1], unlink_key)
    assert len(await _ids(user, me)) == things
