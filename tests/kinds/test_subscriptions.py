"""What every subscription promises, for each that the wings declare."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from core.catalogue import ServiceKind, ServiceStatus
from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.ids import new_id
from core.manifest import discover
from core.people.data_rights import PERSONAL_DATA, erase_person, export_person
from core.people.personal_table import DELETED, PersonalTable
from core.security.authentication import Viewer
from kinds.subscription import SUBSCRIPTIONS, Subscription
from modules.identity.models import Citizen
from notifications.messages.models import Message
from tests.kinds.owned_user import SubscriptionUser, users

MANIFESTS = discover(examples=True)
DECLARED = SUBSCRIPTIONS.of(MANIFESTS)
USERS = [user for user in users() if isinstance(user, SubscriptionUser)]
People = Callable[..., Awaitable[Viewer]]
MakeCall = Callable[..., Call]


@pytest.fixture(params=USERS, ids=lambda user: user.subscription.service)
def user(request: pytest.FixtureRequest) -> SubscriptionUser:
    """Each service in turn."""
    found: SubscriptionUser = request.param
    return found


@pytest.fixture
def upstreams(user: SubscriptionUser) -> Mapping[Any, Any]:
    """The outside systems that know the things."""
    return user.fakes(3)


@pytest.fixture
def subscribed(
    user: SubscriptionUser, citizen: People, call: MakeCall
) -> Callable[[int], Awaitable[Call]]:
    """Makes somebody who subscribes to the n-th thing; returns their call."""

    async def make(n: int) -> Call:
        mine = call(user_id=(await citizen(level=1)).user_id, level=1)
        await user.link(mine, n, f"key-{new_id().hex}")
        return mine

    return make


Subscribed = Callable[[int], Awaitable[Call]]


def _personal(subscription: Subscription[Any]) -> tuple[str, PersonalTable]:
    """What is declared of a subscription's table, and by which wing."""
    (found,) = [
        (data.name, table)
        for data in PERSONAL_DATA.of(MANIFESTS)
        for table in data.tables
        if table.model is subscription.rows.model
    ]
    return found


async def _inboxes(*people: Call) -> list[int]:
    """How many messages each of some people has."""
    return [await Message.filter(person_id=one.subject_id).count() for one in people]


def test_every_subscription_of_the_house_is_tried_here() -> None:
    assert {id(one) for one in DECLARED} == {id(user.subscription) for user in USERS}
    living = {
        service.id
        for manifest in MANIFESTS
        for service in manifest.services
        if (service.kind, service.status) == (ServiceKind.SUBSCRIPTION, ServiceStatus.LIVE)
    }
    assert len(living) >= 2
    assert living <= {one.service for one in DECLARED}


@pytest.mark.parametrize("subscription", DECLARED, ids=lambda one: one.service)
def test_subscriptions_are_handed_out_to_their_person_and_forgotten(
    subscription: Subscription[Any],
) -> None:
    _, table = _personal(subscription)
    assert (table.owner, table.erased) == ("citizen_id", DELETED)
    assert table.exported is not None


async def test_an_occasion_is_told_once_however_often_and_by_however_many(
    app: App,
    user: SubscriptionUser,
    subscribed: Subscribed,
    upstreams: Mapping[Any, Any],
    clock: ManualClock,
) -> None:
    one, two, other = await subscribed(0), await subscribed(0), await subscribed(1)
    await user.run(app)
    assert await _inboxes(one, two, other) == [0, 0, 0]
    await user.occur(upstreams, 0)
    clock.move(timedelta(days=1))
    await asyncio.gather(user.run(app), user.run(app))
    for _ in range(2):
        clock.move(timedelta(minutes=10))
        await user.run(app)
    assert await _inboxes(one, two, other) == [1, 1, 0]


async def test_who_has_unsubscribed_is_told_nothing(
    app: App, user: SubscriptionUser, subscribed: Subscribed, upstreams: Mapping[Any, Any]
) -> None:
    assert user.unlink is not None
    stays, goes = await subscribed(0), await subscribed(0)
    row = await user.owned.model.get(citizen_id=goes.subject_id)
    await user.unlink(goes, row.pk, "the-last-key")
    await user.occur(upstreams, 0)
    await user.run(app)
    assert await _inboxes(stays, goes) == [1, 0]


async def test_one_bad_row_stops_no_other_and_is_told_once_it_is_mended(
    app: App,
    user: SubscriptionUser,
    subscribed: Subscribed,
    upstreams: Mapping[Any, Any],
    clock: ManualClock,
) -> None:
    people = [await subscribed(0) for _ in range(3)]
    bad = Citizen.filter(id=people[0].subject_id)
    whole = (await bad.get()).phone_sealed
    await bad.update(phone_sealed=b"unreadable")
    await user.occur(upstreams, 0)
    await user.run(app)
    assert await _inboxes(*people) == [0, 1, 1]
    assert 'outcome="failed"' in app.metrics.render().decode()
    await bad.update(phone_sealed=whole)
    clock.move(timedelta(minutes=10))
    await user.run(app)
    assert await _inboxes(*people) == [1, 1, 1]


async def test_what_concerns_those_who_left_is_carried_to_its_end(
    app: App, user: SubscriptionUser, subscribed: Subscribed, upstreams: Mapping[Any, Any]
) -> None:
    stays, erased, half_gone = [await subscribed(0) for _ in range(3)]
    wing, table = _personal(user.subscription)
    assert table.exported is not None
    exported = (await export_person(app, erased.subject_id))[wing].data
    assert len(exported[table.exported.name]) == 1
    async with transaction() as tx:
        await erase_person(app, tx, erased.subject_id)
    await Citizen.filter(id=half_gone.subject_id).delete()  # their subscription is still there
    owners = await user.owned.model.all().values_list("citizen_id", flat=True)
    assert set(owners) == {stays.subject_id, half_gone.subject_id}
    await user.occur(upstreams, 0)
    await user.run(app)
    assert await _inboxes(stays, erased, half_gone) == [1, 0, 0]
    assert 'outcome="failed"' not in app.metrics.render().decode()
