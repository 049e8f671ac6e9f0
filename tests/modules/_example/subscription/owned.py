"""The list of districts, for the contract suites in tests/kinds."""

from collections.abc import Mapping
from typing import Any

from core.context.call import Call
from modules._example.subscription.subscription import SUBSCRIPTION, add, tell_news
from modules._example.subscription.upstream import SOURCE
from tests.kinds.owned_user import SubscriptionUser, unsubscribe_by_id
from tests.modules._example.subscription.fakes import DISTRICTS, FakeSource
from tests.upstreams import by_operation, fake_of


async def _link(call: Call, n: int, key: str) -> None:
    await add(call, DISTRICTS[n], key)


def _fakes(_things: int) -> Mapping[Any, Any]:
    return by_operation(FakeSource(), SOURCE)


def _publish(fakes: Mapping[Any, Any], n: int) -> None:
    fake_of(fakes).publish(DISTRICTS[n])


USERS = [
    SubscriptionUser(
        SUBSCRIPTION.rows,
        _link,
        unsubscribe_by_id(SUBSCRIPTION),
        fakes=_fakes,
        subscription=SUBSCRIPTION,
        happen=_publish,
        run=tell_news,
    )
]
