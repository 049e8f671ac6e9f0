"""The list of followed fountains, for the contract suites in tests/kinds."""

from collections.abc import Mapping
from typing import Any

from core.context.call import Call
from modules._example import subscription
from modules._example.domain import Fountain, FountainState
from modules._example.subscription import FOLLOWS
from modules._example.upstream import NETWORK
from tests.conftest import NOON
from tests.kinds.owned_user import SubscriptionUser, unsubscribe_by_id
from tests.modules._example.conftest import LIXIA, FakeFountains
from tests.upstreams import by_operation, fake_of


async def _link(call: Call, n: int, key: str) -> None:
    await subscription.follow_fountain(call, f"f-{n}", key)


def _fakes(things: int) -> Mapping[Any, Any]:
    network = FakeFountains()
    for n in range(things):
        network.fountains[f"f-{n}"] = Fountain(f"f-{n}", "东门", LIXIA, FountainState.WORKING, NOON)
    return by_operation(network, NETWORK)


def _silence(fakes: Mapping[Any, Any], on: bool) -> None:
    fake_of(fakes).is_silent = on


def _close(fakes: Mapping[Any, Any], n: int) -> None:
    fake_of(fakes).close(f"f-{n}", NOON)


USERS = [
    SubscriptionUser(
        FOLLOWS.rows,
        _link,
        unsubscribe_by_id(FOLLOWS),
        fakes=_fakes,
        silence=_silence,
        subscription=FOLLOWS,
        happen=_close,
        run=subscription.tell_followers,
    )
]
