"""The edges of delivering: what one row, one batch or one moment must not do to all the others."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from pgqueuer.domain.types import QueueManagerId

from core.clock import ManualClock
from core.context.app import App
from core.database import connection, fetch_all, transaction
from core.ids import new_id
from core.people.directory import get_person
from core.security.authentication import Viewer
from notifications import api
from notifications.channels.port import Failed, Outbound, Refused
from notifications.delivery import handing
from notifications.jobs import forget_texts
from notifications.messages.models import Delivery, Message
from notifications.operations import switches, tally
from notifications.operations.models import Switch
from notifications.reach import store as reach_store
from notifications.reach.models import Address
from notifications.templates.domain import Channel, SendLane
from tests.core.processes.test_lane import take_critical
from tests.core.waiting import eventually
from tests.fakes import FakeSms
from tests.jobs import run_due
from tests.messages import deliver_due, send_code
from tests.notifications.probe import audience, messages
from tests.notifications.probe.providers import PUSH, Recorder

Citizen = Callable[..., Awaitable[Viewer]]


async def _tell_crowd(app: App, number: int) -> None:
    await audience.make_crowd(app, number)
    members = [api.Member(row.person_id, "zh") for row in await Address.all()]
    async with transaction() as tx:
        parcels = [api.Parcel(member, {"text": "x"}) for member in members]
        await api.send_many(app, tx, messages.SERVICE, parcels, "school")


async def test_an_address_that_cannot_be_opened_keeps_the_others_from_nothing(
    app: App, push: Recorder
) -> None:
    await _tell_crowd(app, 3)
    first = await Address.all().order_by("id").first()
    assert first is not None
    await Address.filter(id=first.id).update(address_sealed=b"\x01lost key")
    await deliver_due(app)
    rows = {row.person_id: (row.state, row.error) for row in await Delivery.all()}
    assert rows.pop(first.person_id) == ("created", "unreadable")
    assert set(rows.values()) == {("sent", None)}
    assert len(push.given) == 2


@pytest.mark.parametrize(("good", "bad", "is_sick"), [(5, 45, True), (45, 5, False), (3, 1, False)])
async def test_one_batch_shows_a_provider_as_sick_as_it_is(
    app: App, push: Recorder, good: int, bad: int, is_sick: bool
) -> None:
    """Some of a batch that went well are no recovery, in whatever order they are looked at."""
    health = handing.router_of(app).health(PUSH.name)
    for _ in range(3):
        outbounds = [
            Outbound(f"r{n}", "dead" if n < bad else "well", "", "", None, SendLane.NORMAL)
            for n in range(good + bad)
        ]
        push.answers["dead"] = Failed("timeout")
        await handing._send(app, PUSH, outbounds)
        assert health.is_sick is is_sick


async def test_a_pause_is_seen_by_all_who_look_at_once(app: App) -> None:
    await Switch.create(name="lane:bulk", paused_at=app.clock.now())
    seen = await asyncio.gather(*(switches.find_paused(app) for _ in range(5)))
    assert set(seen) == {frozenset({"lane:bulk"})}


async def test_dead_letters_that_are_deleted_are_counted_no_more(
    app: App, push: Recorder, sms: FakeSms, citizen: Citizen, clock: ManualClock
) -> None:
    await _tell_crowd(app, 2)
    async with transaction() as tx:
        await send_code(app, tx, "13800138000", "123456", "code")
    await Delivery.all().update(state="technical-failure", ended_at=clock.now())
    await tally.count_dead(connection(), {row.channel: 1 for row in await Delivery.all()})
    left = await Delivery.filter(channel="push").first()
    assert left is not None
    await Delivery.filter(channel="push").exclude(id=left.id).delete()  # of somebody who has left
    clock.move(timedelta(days=31))
    await forget_texts(app)
    assert await tally.find_dead(app) == {"push": 1.0, "sms": 0.0}


async def test_a_message_is_scheduled_or_not_whatever_the_clock_does_meanwhile(
    app: App, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await audience.make_crowd(app, 5)
    at, stands = clock.now() + timedelta(seconds=3), clock.now

    def passes() -> datetime:
        clock.move(timedelta(seconds=1))
        return stands()

    members = [api.Member(row.person_id, "zh") for row in await Address.all()]
    monkeypatch.setattr(clock, "now", passes)
    async with transaction() as tx:
        parcels = [api.Parcel(member, {"text": "x"}) for member in members]
        await api.send_many(app, tx, messages.SERVICE, parcels, "school", at=at)
    monkeypatch.undo()
    clock.move(timedelta(minutes=1))
    await connection().execute_query("UPDATE pgqueuer SET execute_after = now()")
    await run_due(app, "notifications.release")
    assert await Message.filter(position=None).count() == 0
    assert await Delivery.all().count() == 5


async def test_a_delivery_whose_message_is_gone_is_forgotten_and_not_asked_for_ever(
    app: App, push: Recorder
) -> None:
    await _tell_crowd(app, 2)
    gone = await Message.all().first()
    assert gone is not None
    await Message.filter(id=gone.id).delete()
    await connection().execute_query("DELETE FROM pgqueuer")
    await deliver_due(app)
    assert await fetch_all(connection(), "SELECT entrypoint FROM pgqueuer") == []
    (delivery,) = await Delivery.all()
    assert (delivery.state, len(push.given)) == ("sent", 1)


async def test_where_nobody_serves_a_channel_the_next_takes_over_at_once(
    app: App, sms: FakeSms, citizen: Citizen
) -> None:
    person = await get_person(app, (await citizen()).user_id)
    async with transaction() as tx:
        await reach_store.put_address(app, tx, person.id, Channel.PUSH, "hms", "token")
        await api.send(app, tx, messages.SAFETY, person, {"text": "烟"}, "smoke")
    for _ in range(2):
        await deliver_due(app)
    assert [text for _, text in sms.sent.values()] == ["烟"]


async def test_a_device_that_is_registered_anew_meanwhile_is_not_gone(
    app: App, push: Recorder, citizen: Citizen, clock: ManualClock
) -> None:
    person = await get_person(app, (await citizen()).user_id)
    await audience.give_device(app, person.id, "one")
    async with transaction() as tx:
        await api.send(app, tx, messages.SERVICE, person, {"text": "x"}, "key")
    answer = asyncio.Event()
    push.calls.append(answer)
    push.answers["one"] = Refused("unregistered", is_gone=True)
    delivering = asyncio.create_task(deliver_due(app))
    await eventually(lambda: _given(push), what="the handing over")
    clock.move(timedelta(seconds=1))
    await audience.give_device(app, person.id, "one")
    answer.set()
    await delivering
    assert (await Address.get()).gone_at is None


async def _given(push: Recorder) -> bool:
    return bool(push.given)


async def test_what_waits_is_no_failure(
    app: App, push: Recorder, citizen: Citizen, clock: ManualClock
) -> None:
    person = await get_person(app, (await citizen()).user_id)
    await audience.give_device(app, person.id, "one")
    await switches.pause(app, f"provider:{PUSH.name}")
    async with transaction() as tx:
        await api.send(app, tx, messages.SERVICE, person, {"text": "x"}, "key")
    await deliver_due(app)
    assert (await Delivery.get()).error == "crowded_out"
    assert await tally.list_rates(app) == []


async def test_a_code_does_not_wait_behind_a_warning_to_the_whole_city(
    app: App, citizen: Citizen
) -> None:
    """Both are critical: they take turns, as kinds of jobs do in their lane."""
    await audience.make_crowd(app, 1)
    (address,) = await Address.all()
    for number in range(30):
        async with transaction() as tx:
            to = api.Member(address.person_id, "zh")
            await api.send(app, tx, messages.SAFETY, to, {"text": "x"}, f"warning-{number}")
    async with transaction() as tx:
        await send_code(app, tx, "13800138000", "123456", "code")
    (code,) = await Delivery.filter(channel="sms")
    first = await take_critical(app, QueueManagerId(new_id()))
    assert any(str(code.id).encode() in (job.payload or b"") for job in first)
