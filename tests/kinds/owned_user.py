"""How the contract suites of the owned list and of subscriptions drive a service."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from kinds.owned import OwnedList
from kinds.subscription import Subscription, unsubscribe
from tests.tree import modules_named


def _nobody(_things: int) -> Mapping[type, Any]:
    return {}


@dataclass(frozen=True)
class OwnedUser:
    """A service with an owned list; tests name theirs in an `owned.py` under `tests/modules/`.

    `link(call, n, key)` links its n-th thing, `unlink(call, id, key)` removes one where that can
    be. `fakes(things)` are the outside systems that know so many things, and `silence(fakes, on)`
    makes them silent.
    """

    owned: OwnedList[Any]
    link: Callable[[Call, int, str], Awaitable[object]]
    unlink: Callable[[Call, UUID, str], Awaitable[None]] | None = None
    fakes: Callable[[int], Mapping[type, Any]] = _nobody
    silence: Callable[[Mapping[type, Any], bool], None] | None = None


@dataclass(frozen=True, kw_only=True)
class SubscriptionUser(OwnedUser):
    """A service to which people subscribe; its list is the `rows` of its subscription.

    `happen(fakes, n)` makes that happen to the n-th thing of which its subscribers are told, or
    answers with what has to be awaited for it; `run(app)` is the job that tells them.
    """

    subscription: Subscription[Any]
    happen: Callable[[Mapping[Any, Any], int], Awaitable[None] | None]
    run: Callable[[App], Awaitable[None]]

    async def occur(self, fakes: Mapping[Any, Any], n: int) -> None:
        """Make it happen to the n-th thing."""
        happening = self.happen(fakes, n)
        if happening is not None:
            await happening


def unsubscribe_by_id(
    subscription: Subscription[Any],
) -> Callable[[Call, UUID, str], Awaitable[None]]:
    """Ends a subscription by its id."""

    async def end(call: Call, row_id: UUID, key: str) -> None:
        await unsubscribe(call, subscription, key, id=row_id)

    return end


def users() -> list[OwnedUser]:
    """Every service that a module names in its tests."""
    return [user for module in modules_named("owned") for user in module.USERS]
