"""Linked accounts, reminders and watched places, for the contract suites in tests/kinds."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from shapely import Point

from core.context.call import Call
from core.ids import new_id
from core.standards.coordinates import GeoPoint
from kinds.subscription import unsubscribe
from modules.utilities.accounts import service as accounts
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.accounts.models import AccountLink
from modules.utilities.accounts.store import ACCOUNTS
from modules.utilities.accounts.upstream import BILLERS
from modules.utilities.outages import subscription as outages
from modules.utilities.outages.upstream import UTILITIES
from modules.utilities.reminders.domain import Rule
from modules.utilities.reminders.subscription import REMINDERS, remind, set_reminder
from tests.conftest import NOON
from tests.kinds.owned_user import OwnedUser, SubscriptionUser, unsubscribe_by_id
from tests.modules.utilities.outage_feed import FakeOutages, make_outage
from tests.payments.fakes import FakeBillers
from tests.upstreams import by_operation, fake_of


async def _link(call: Call, n: int, key: str) -> None:
    await accounts.link_account(call, UtilityKind.WATER, f"A{n:04d}", "家", key)


_LINK_OF: dict[UUID, UUID] = {}
"""The account of each reminder that was made."""


async def _remind(call: Call, n: int, key: str) -> None:
    account = {"citizen_id": call.subject_id, "kind": "water", "account_no": f"A{n:04d}"}
    masked = {"label": "", "holder_masked": "", "address_masked": "", "linked_at": NOON}
    link, _ = await AccountLink.get_or_create(**account, defaults=masked | {"id": new_id()})
    row = await set_reminder(call, link.id, Rule(15, 0, sms=False), key)
    _LINK_OF[row.id] = link.id


async def _remove(call: Call, row_id: UUID, key: str) -> None:
    await unsubscribe(call, REMINDERS, key, link_id=_LINK_OF.get(row_id, row_id))


def _no_bills(_things: int) -> Mapping[Any, Any]:
    return by_operation(FakeBillers(), BILLERS)


def _issue(fakes: Mapping[Any, Any], n: int) -> None:
    fake_of(fakes).issue(f"A{n:04d}", 3360)


def _place(n: int) -> GeoPoint:
    return GeoPoint(36.6 + n / 100, 117.0)


async def _watch(call: Call, n: int, key: str) -> None:
    await outages.watch(call, "家", _place(n), (), key)


def _cut_off(fakes: Mapping[Any, Any], n: int) -> None:
    place = Point(_place(n).lon, _place(n).lat)
    fake_of(fakes).outages = [make_outage(f"OT{n}", shape=place.buffer(0.001))]


def _fakes(things: int) -> Mapping[Any, Any]:
    billers = FakeBillers()
    for n in range(things):
        billers.issue(f"A{n:04d}", 100)
    return by_operation(billers, BILLERS)


def _silence(fakes: Mapping[Any, Any], on: bool) -> None:
    fake_of(fakes).faults.always = "down" if on else None


USERS = [
    OwnedUser(ACCOUNTS, _link, accounts.unlink_account, fakes=_fakes, silence=_silence),
    SubscriptionUser(
        REMINDERS.rows,
        _remind,
        _remove,
        fakes=_no_bills,
        subscription=REMINDERS,
        happen=_issue,
        run=remind,
    ),
    SubscriptionUser(
        outages.WATCHES.rows,
        _watch,
        unsubscribe_by_id(outages.WATCHES),
        fakes=lambda _things: by_operation(FakeOutages(), UTILITIES),
        subscription=outages.WATCHES,
        happen=_cut_off,
        run=outages.tell_outages,
    ),
]
