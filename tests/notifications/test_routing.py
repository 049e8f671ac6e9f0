"""Providers' shares under a virtual clock, and what they are given in a second."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest

from core.context.app import App
from core.database import connection, fetch_all
from core.deadline import Deadline
from core.upstream.client import UpstreamRejected
from notifications.channels.port import Failed, Outbound, Outcome, Provider, Refused, Taken, each
from notifications.delivery import rates
from notifications.delivery.routing import Router
from notifications.templates.domain import Channel, SendLane


class Seconds:
    """A clock that is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def _nowhere(_app: App, _deadline: Deadline, _each: Sequence[Outbound]) -> Sequence[Outcome]:
    return []


ONE, TWO = (Provider(name, Channel.SMS, _nowhere) for name in ("one", "two"))
SPARE = Provider("spare", Channel.SMS, _nowhere, is_standby=True)


def _run(
    router: Router, clock: Seconds, providers: Sequence[Provider], sick: set[str], seconds: int
) -> Counter[str]:
    """Ten messages a second; who took them at last, the failed first tries apart."""
    first: Counter[str] = Counter()
    for _ in range(seconds * 10):
        clock.now += 0.1
        chosen = router.order(providers)[0]
        first[chosen.name] += 1
        router.health(chosen.name).note(**{"bad" if chosen.name in sick else "good": 1})
    return first


def test_well_they_share_alike() -> None:
    clock = Seconds()
    router = Router([ONE, TWO], clock)
    assert _run(router, clock, [ONE, TWO], set(), 60) == {"one": 300, "two": 300}


def test_nine_tenths_have_moved_within_a_minute_and_come_back() -> None:
    clock = Seconds()
    router = Router([ONE, TWO], clock)
    _run(router, clock, [ONE, TWO], set(), 60)
    assert _run(router, clock, [ONE, TWO], {"one"}, 10)["one"] < 30
    minute = _run(router, clock, [ONE, TWO], {"one"}, 50)
    assert minute["two"] >= 0.9 * minute.total()
    assert minute["one"] >= 1  # a trickle, by which its recovery is seen
    _run(router, clock, [ONE, TWO], set(), 60)
    after = _run(router, clock, [ONE, TWO], set(), 60)
    assert after["one"] >= 0.45 * after.total()


def test_who_comes_back_begins_small() -> None:
    clock = Seconds()
    router = Router([ONE, TWO], clock)
    _run(router, clock, [ONE, TWO], {"one"}, 30)
    shares = []
    for _ in range(12):
        shares.append(_run(router, clock, [ONE, TWO], set(), 5)["one"])
    assert shares[0] < shares[-1] and max(shares) == 25
    assert all(later <= 2 * sooner + 6 for sooner, later in pairwise(shares))


def test_who_stands_by_gets_nothing_until_the_others_are_sick() -> None:
    clock = Seconds()
    router = Router([ONE, SPARE], clock)
    assert _run(router, clock, [ONE, SPARE], set(), 60)["spare"] == 0
    assert _run(router, clock, [ONE, SPARE], {"one"}, 60)["spare"] > 540
    _run(router, clock, [ONE, SPARE], set(), 60)
    assert _run(router, clock, [ONE, SPARE], set(), 60)["spare"] == 0


def test_all_sick_is_still_tried() -> None:
    clock = Seconds()
    router = Router([ONE, TWO], clock)
    tried = _run(router, clock, [ONE, TWO], {"one", "two"}, 60)
    assert min(tried.values()) > 200


@pytest.mark.parametrize("lane", SendLane)
async def test_a_second_is_never_overdrawn_and_the_critical_has_room(
    app: App, lane: SendLane
) -> None:
    async def take(lane: SendLane, wanted: int) -> int:
        """All in one second, without waiting for the next."""
        return await rates.take(provider, lane, wanted, at_s=1_800_000_000.0, waits_s=0)

    provider = Provider("meizu", Channel.PUSH, _nowhere, rate_per_s=200)
    bulk = await asyncio.gather(*(take(SendLane.BULK, 50) for _ in range(8)))
    assert sum(bulk) == 160
    more = await take(lane, 50)
    room = {"security": 40, "critical": 40, "normal": 20, "bulk": 0, "digest": 0}
    assert more == room[lane]


async def test_an_answer_that_an_adapter_stumbles_over_is_its_message_s() -> None:
    async def send(outbound: Outbound) -> str:
        return {"good": "ref"}[outbound.address]

    outbounds = [
        Outbound("r", address, "", "", None, SendLane.BULK) for address in ("good", "odd", "good")
    ]
    assert await each(outbounds, send) == [Taken("ref"), Failed("adapter"), Taken("ref")]


@pytest.mark.parametrize("status", [400, 404, 405, 413, 451])
async def test_a_page_of_whoever_stands_before_a_provider_refuses_no_message(status: int) -> None:
    async def send(outbound: Outbound) -> str:
        raise UpstreamRejected("sms", "send", status, outbound.body.encode())

    outbounds = [
        Outbound("r", "1", "", body, None, SendLane.BULK)
        for body in ("<html>not here</html>", "", "[]", '{"code": null}', '{"code": "BAD_PHONE"}')
    ]
    page = Failed(f"http_{status}", outcome_known=True)
    assert await each(outbounds, send) == [page, page, page, page, Refused("bad_phone")]


async def test_the_seconds_of_a_rate_are_the_database_s(app: App) -> None:
    provider = Provider("meizu", Channel.PUSH, _nowhere, rate_per_s=5)
    assert await rates.take(provider, SendLane.CRITICAL, 9, waits_s=0) == 5
    (row,) = await fetch_all(
        connection(),
        """SELECT abs(extract(epoch FROM now()) - second)::float8 AS off
             FROM notifications_rate WHERE provider = 'meizu'""",
    )
    assert row["off"] < 5
    assert await rates.take(provider, SendLane.CRITICAL, 9, waits_s=2) == 5
