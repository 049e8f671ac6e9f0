"""Campaigns, scheduled sends, dead letters, switches: many people, once, until somebody stops."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import connection, fetch_all, transaction
from core.errors import Conflict, InvalidInput
from core.people.directory import get_person
from core.security.authentication import Viewer
from core.states import IllegalTransition
from notifications import api
from notifications.campaigns import service
from notifications.campaigns.domain import CHUNK, CampaignAction
from notifications.campaigns.models import Campaign
from notifications.channels.port import Failed
from notifications.messages.models import Delivery, Message
from notifications.messages.sending import release
from notifications.operations import dead_letters, switches, tally
from notifications.reach.models import DailyCount
from notifications.templates.domain import ATTEMPTS_MAX
from tests.messages import deliver_due, send_code
from tests.notifications.probe import audience, messages
from tests.notifications.probe.providers import Recorder

Citizen = Callable[..., Awaitable[Viewer]]


async def _campaign(app: App, people: int, template: str = "probe.news") -> Campaign:
    await audience.make_crowd(app, people)
    now = app.clock.now()
    return await service.create(app, template, {"text": "x"}, "probe", now, None)


async def _steps(app: App) -> list[tuple[UUID, UUID]]:
    """The steps that are queued, taken from the queue."""
    rows = await fetch_all(
        connection(),
        """DELETE FROM pgqueuer WHERE entrypoint = 'notifications.campaign_step'
           RETURNING payload""",
    )
    job = app.queue.kinds["notifications.campaign_step"]
    return [tuple(job.read(bytes(row["payload"]))) for row in rows]


async def _fan_out(app: App, workers: int) -> None:
    while steps := await _steps(app):
        await asyncio.gather(*(service.step(app, *step) for step in steps for _ in range(workers)))


async def test_every_chunk_given_to_two_workers_is_sent_once(app: App, push: Recorder) -> None:
    campaign = await _campaign(app, 2 * CHUNK + 300)  # cds-snc/notification-api#2944
    await _fan_out(app, workers=2)
    assert await Delivery.all().count() == 2 * CHUNK + 300
    await asyncio.gather(deliver_due(app), deliver_due(app))
    heard = Counter(outbound.address for _, outbound in push.given)
    assert len(heard) == 2 * CHUNK + 300 and set(heard.values()) == {1}
    await campaign.refresh_from_db()
    assert (campaign.state, campaign.people, campaign.sent) == ("done", 2300, 2300)


async def test_paused_nobody_more_is_told_and_resumed_everybody_is(
    app: App, push: Recorder, clock: ManualClock
) -> None:
    campaign = await _campaign(app, CHUNK + 200)
    (step,) = await _steps(app)
    await service.step(app, *step)
    await service.steer(app, campaign.id, CampaignAction.PAUSE)
    await deliver_due(app)
    assert push.given == []
    await _fan_out(app, workers=1)
    assert await Message.all().count() == CHUNK
    await service.steer(app, campaign.id, CampaignAction.RESUME)
    await _fan_out(app, workers=1)
    clock.move(timedelta(minutes=1))
    await deliver_due(app)
    assert len({outbound.address for _, outbound in push.given}) == CHUNK + 200


async def test_a_step_that_is_sent_again_is_answered_as_it_was(
    app: App, push: Recorder, call: Any
) -> None:
    operator, campaign = call(level=1), await _campaign(app, CHUNK + 1)
    (step,) = await _steps(app)
    await service.step(app, *step)
    for key, action, state in (
        ("steer-01", CampaignAction.PAUSE, "paused"),
        ("steer-02", CampaignAction.RESUME, "running"),
        ("steer-01", CampaignAction.PAUSE, "running"),  # late: it has gone on since
    ):
        for _ in range(2):
            shown = await service.steer_by_key(operator, campaign.id, action, key)
            assert shown.state == state
    with pytest.raises(Conflict, match="KEY_REUSED"):
        await service.steer_by_key(operator, campaign.id, CampaignAction.CANCEL, "steer-01")
    with pytest.raises(IllegalTransition):
        await service.steer_by_key(operator, campaign.id, CampaignAction.RESUME, "steer-03")
    await service.steer_by_key(operator, campaign.id, CampaignAction.CANCEL, "steer-03x")


async def test_cancelled_is_the_end(app: App, push: Recorder) -> None:
    campaign = await _campaign(app, CHUNK + 1)
    (step,) = await _steps(app)
    await service.step(app, *step)
    await service.steer(app, campaign.id, CampaignAction.CANCEL)
    await _fan_out(app, workers=1)
    await deliver_due(app)
    assert push.given == []
    assert {row.error for row in await Delivery.all()} == {"campaign_cancelled"}
    with pytest.raises(IllegalTransition):
        await service.steer(app, campaign.id, CampaignAction.RESUME)


@pytest.mark.parametrize(
    ("template", "params", "crowd"),
    [
        ("no.such", {"text": "x"}, "probe"),
        ("probe.safety", {"text": "x"}, "probe"),
        ("identity.login_code", {}, "probe"),
        ("probe.news", {}, "probe"),
        ("probe.news", {"text": "x", "more": "y"}, "probe"),
        ("probe.news", {"text": 7}, "probe"),
        ("probe.news", {"text": "x"}, "nobody"),
    ],
)
async def test_a_campaign_that_cannot_be_right_is_refused(
    app: App, template: str, params: dict[str, object], crowd: str
) -> None:
    with pytest.raises(InvalidInput):
        await service.create(app, template, params, crowd, app.clock.now(), None)
    assert await Campaign.all().count() == 0
    assert await _steps(app) == []


async def test_scheduled_comes_at_its_time_or_not_at_all(
    app: App, citizen: Citizen, clock: ManualClock
) -> None:
    person = await get_person(app, (await citizen()).user_id)
    at = clock.now() + timedelta(hours=2)
    ids = {}
    for key in ("kept", "cancelled"):
        async with transaction() as tx:
            ids[key] = await api.send(app, tx, messages.MONEY, person, {"text": key}, key, at=at)
    assert await Message.filter(position__not_isnull=True).count() == 0
    async with transaction() as tx:
        assert await api.cancel(app, tx, "cancelled", person)
        assert not await api.cancel(app, tx, "unknown", person)
    clock.move(timedelta(hours=2))
    for _ in range(2):
        async with transaction() as tx:
            await release(app, tx, list(ids.values()))
    assert await Message.filter(position__not_isnull=True).values_list("key", flat=True) == ["kept"]
    (delivery,) = await Delivery.all()
    assert (delivery.message_id, delivery.channel) == (ids["kept"], "sms")


async def test_a_text_that_is_not_handed_over_yet_can_be_taken_back(app: App) -> None:
    to = api.Phone("13800138000")
    async with transaction() as tx:
        await send_code(app, tx, to.number, "1", "key")
    async with transaction() as tx:
        assert await api.cancel(app, tx, "key", to)
    await deliver_due(app)
    assert (await Delivery.get()).state == "cancelled"


async def _kill(app: App, push: Recorder, viewer: Viewer, number: int) -> None:
    """Let so many messages die."""
    person = await get_person(app, viewer.user_id)
    await audience.give_device(app, person.id, "dead")
    push.answers["dead"] = Failed("down")
    for place in range(number):
        async with transaction() as tx:
            text = {"text": str(place)}
            await api.send(app, tx, messages.SERVICE, person, text, f"key-{place}")
    await Delivery.all().update(attempts=ATTEMPTS_MAX - 1)
    await deliver_due(app)


async def test_dead_letters_are_counted_listed_and_run_again_once(
    app: App, push: Recorder, citizen: Citizen
) -> None:
    await _kill(app, push, await citizen(), 5)
    assert await tally.find_dead(app) == {"push": 5.0}
    assert len(await dead_letters.list_dead(first=3, before=None)) == 3
    push.answers.clear()
    push.given.clear()
    assert sum(await asyncio.gather(*(dead_letters.rerun(app, 5) for _ in range(3)))) == 5
    assert await dead_letters.rerun(app, 5) == 0
    await deliver_due(app)
    assert len(push.given) == 5
    assert await tally.find_dead(app) == {"push": 0.0}


async def test_a_run_that_is_sent_again_is_answered_as_it_was(
    app: App, push: Recorder, citizen: Citizen, call: Any
) -> None:
    viewer = await citizen()
    operator = call(user_id=viewer.user_id)
    await _kill(app, push, viewer, 5)
    first = await dead_letters.rerun_by_key(operator, 2, "rerun-01")
    again = [dead_letters.rerun_by_key(operator, 2, "rerun-01") for _ in range(2)]
    assert [first, *await asyncio.gather(*again)] == [2, 2, 2]
    assert await tally.find_dead(app) == {"push": 3.0}
    at_once = [dead_letters.rerun_by_key(operator, 1, "rerun-02") for _ in range(3)]
    assert await asyncio.gather(*at_once) == [1, 1, 1]
    assert await tally.find_dead(app) == {"push": 2.0}
    with pytest.raises(Conflict, match="KEY_REUSED"):
        await dead_letters.rerun_by_key(operator, 5, "rerun-01")
    assert await dead_letters.rerun_by_key(operator, 5, "rerun-03") == 2
    assert await dead_letters.rerun_by_key(operator, 5, "rerun-04") == 0
    assert await dead_letters.rerun_by_key(operator, 5, "rerun-04") == 0


async def test_what_fails_always_is_tried_ever_more_seldom_and_ends(
    app: App, push: Recorder, citizen: Citizen, clock: ManualClock
) -> None:
    person = await get_person(app, (await citizen()).user_id)
    await audience.give_device(app, person.id, "dead")
    push.answers["dead"] = Failed("down")
    async with transaction() as tx:
        await api.send(app, tx, messages.SERVICE, person, {"text": "x"}, "key")
    began_at, tried = clock.now(), []
    while (delivery := await Delivery.get()).state == "created":
        clock.move(delivery.due_at - clock.now())
        await deliver_due(app)
        tried.append(clock.now() - began_at)
    gaps = [later - sooner for sooner, later in pairwise(tried)]
    assert delivery.state == "technical-failure"
    assert len(push.given) == ATTEMPTS_MAX
    assert gaps == sorted(gaps) and timedelta(hours=3) < tried[-1] < timedelta(hours=4)


async def test_a_paused_lane_or_provider_stands_still_and_nothing_is_lost(
    app: App, push: Recorder, citizen: Citizen, clock: ManualClock
) -> None:
    person = await get_person(app, (await citizen()).user_id)
    await audience.give_device(app, person.id, "one")
    for name in ("lane:normal", "provider:probe_push"):
        await switches.pause(app, name)
        async with transaction() as tx:
            await api.send(app, tx, messages.SERVICE, person, {"text": "x"}, name)
        await deliver_due(app)
        assert push.given == []
        await switches.resume(app, name)
        clock.move(timedelta(minutes=10))
        await deliver_due(app)
        assert len(push.given) == 1
        push.given.clear()
    with pytest.raises(InvalidInput):
        await switches.pause(app, "lane:nonsense")


async def test_rates_are_counted_without_counting_messages(
    app: App, push: Recorder, citizen: Citizen
) -> None:
    person = await get_person(app, (await citizen()).user_id)
    await audience.give_device(app, person.id, "one")
    for key in range(10):
        async with transaction() as tx:
            await api.send(app, tx, messages.SERVICE, person, {"text": "x"}, f"key-{key}")
    await deliver_due(app)
    (rate,) = await tally.list_rates(app)
    assert (rate.lane, rate.provider, rate.outcome) == ("normal", "probe_push", "sent")
    assert rate.per_minute == 2.0


async def test_what_waits_for_a_paused_provider_uses_up_no_day_s_cap(
    app: App, push: Recorder, citizen: Citizen, clock: ManualClock
) -> None:
    person = await get_person(app, (await citizen()).user_id)
    await audience.give_device(app, person.id, "one")
    await switches.pause(app, "provider:probe_push")
    for number in range(4):
        async with transaction() as tx:
            await api.send(app, tx, messages.NEWS, person, {"text": "x"}, f"news-{number}")
    for _ in range(10):
        await deliver_due(app)
        clock.move(timedelta(seconds=5))
    assert await DailyCount.all().count() == 0
    assert {(row.state, row.error) for row in await Delivery.all()} == {("created", "crowded_out")}
    await switches.resume(app, "provider:probe_push")
    await deliver_due(app)
    states = Counter((row.state, row.error) for row in await Delivery.all())
    assert states == {("sent", None): 3, ("cancelled", "daily_cap"): 1}
    assert len(push.given) == 3
