"""Linked accounts and watched places, for the contract suite in tests/kinds."""

from collections.abc import Mapping
from typing import Any

from core.context.call import Call
from core.standards.coordinates import GeoPoint
from modules.bills import service
from modules.bills.domain import UtilityKind
from modules.bills.outages import service as outages
from modules.bills.outages.store import WATCHES
from modules.bills.store import ACCOUNTS
from modules.bills.upstream import BILLERS
from tests.kinds.owned_user import OwnedUser
from tests.payments.fakes import FakeBillers
from tests.upstreams import by_operation, fake_of


async def _link(call: Call, n: int, key: str) -> None:
    await service.link_account(call, UtilityKind.WATER, f"A{n:04d}", "家", key)


async def _watch(call: Call, n: int, key: str) -> None:
    await outages.watch(call, "家", GeoPoint(36.6 + n / 100, 117.0), (), key)


def _fakes(things: int) -> Mapping[Any, Any]:
    billers = FakeBillers()
    for n in range(things):
        billers.issue(f"A{n:04d}", 100)
    return by_operation(billers, BILLERS)


def _silence(fakes: Mapping[Any, Any], on: bool) -> None:
    fake_of(fakes).faults.always = "down" if on else None


USERS = [
    OwnedUser(ACCOUNTS, _link, service.unlink_account, fakes=_fakes, silence=_silence),
    OwnedUser(WATCHES, _watch, outages.unwatch),
]
