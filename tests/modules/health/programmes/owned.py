"""The enrolments of the care programmes, for the contract suites in tests/kinds."""

from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from core.context.call import Call
from modules.health.programmes import service
from modules.health.programmes.diabetes.programme import DIABETES
from modules.health.programmes.hypertension.programme import HYPERTENSION
from modules.health.programmes.infant.programme import INFANT
from modules.health.programmes.jobs import remind
from modules.health.programmes.maternal.programme import MATERNAL
from modules.health.programmes.programme import Programme
from tests.conftest import NOON
from tests.kinds.owned_user import SubscriptionUser
from tests.modules.health.programmes.world import join, make_due


async def _join(
    programme: Programme, facts: Mapping[str, Any], call: Call, n: int, key: str
) -> None:
    await join(call, programme, key, facts, label=f"n{n}")


async def _leave(programme: Programme, call: Call, row_id: UUID, key: str) -> None:
    await service.leave(call, programme, row_id, key)


def _due(_fakes: Mapping[Any, Any], n: int) -> Awaitable[None]:
    return make_due(NOON.date(), n=n)


def _user(programme: Programme, facts: Mapping[str, Any] | None = None) -> SubscriptionUser:
    return SubscriptionUser(
        programme.subscription.rows,
        partial(_join, programme, facts or {}),
        partial(_leave, programme),
        subscription=programme.subscription,
        happen=_due,
        run=remind,
    )


USERS = [
    _user(HYPERTENSION),
    _user(DIABETES),
    # in the 26th week and between two check-ups nothing is due
    _user(MATERNAL, {"due_on": "2027-03-08", "dated_by": "LAST_PERIOD", "fetuses": 1}),
    _user(INFANT, {"born_on": "2026-01-10", "sex": "MALE"}),
]
