"""Followed children, for the contract suites in tests/kinds."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.context.sweep import SweepIncomplete
from core.deadline import Deadline
from core.ids import new_id
from modules.identity.models import Mandate
from modules.safety.gates import service
from modules.safety.gates.ingest import receive
from modules.safety.gates.models import GateFollow
from modules.safety.gates.notices import FOLLOWS, tell_pupils
from modules.safety.schools.domain import Enrolment
from modules.safety.schools.upstream import BUREAU, find_enrolment, list_schools
from tests.kinds.owned_user import SubscriptionUser, unsubscribe_by_id
from tests.modules.safety.schools.bureau import FakeBureau, acting, make_guardian, reading
from tests.people import make_citizen
from tests.upstreams import by_operation, fake_of

_HAPPENED: list[str] = []


async def _link(call: Call, n: int, key: str) -> None:
    """The n-th child: one for everybody who names it, as two guardians have."""
    viewer, app = call.require_viewer(), call.app
    async with app.once("lock of children", asyncio.Lock):
        child_id = await _child(app, n)
        if not await Mandate.exists(actor_id=viewer.user_id, subject_id=child_id):
            await make_guardian(app, viewer.user_id, child_id)
        acts = await acting(app, viewer, child_id)
    await service.follow(acts, key)


async def _child(app: App, n: int) -> UUID:
    children: dict[int, UUID] = app.once("children", dict)
    if n not in children:
        child = await make_citizen(app, level=2, name="贾小例", locale="zh")
        children[n] = child.user_id
        find: Any = app.upstreams.find_fake(find_enrolment)
        find.__self__.pupils[child.user_id] = Enrolment("s001", f"P{n}", "三年级2班")
    return children[n]


def _fakes(_things: int) -> Mapping[Any, Any]:
    _HAPPENED.clear()
    return by_operation(FakeBureau(), BUREAU)


def _silence(fakes: Mapping[Any, Any], on: bool) -> None:
    fake_of(fakes).is_silent = on


def _happen(_fakes: Mapping[Any, Any], n: int) -> None:
    _HAPPENED.append(f"P{n}")


async def _run(app: App) -> None:
    school = (await list_schools(app, Deadline.after(5))).records["s001"]
    now = app.clock.now()
    while _HAPPENED:
        await receive(app, school, now, [reading(new_id().hex, _HAPPENED.pop(), now)])
    pupils = await GateFollow.all().distinct().values_list("pupil_ref", flat=True)
    with suppress(SweepIncomplete):  # the job is repeated then
        await tell_pupils(app, "s001", list(pupils))


USERS = [
    SubscriptionUser(
        FOLLOWS.rows,
        _link,
        unsubscribe_by_id(FOLLOWS),
        fakes=_fakes,
        silence=_silence,
        subscription=FOLLOWS,
        happen=_happen,
        run=_run,
    )
]
