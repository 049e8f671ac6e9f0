"""A model of people who refuse, sleep and are told too much: nothing lost, nothing twice, nothing
against a wish but what is critical."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, time, timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from core.clock import SHANGHAI, ManualClock, civil_date
from core.context.app import App
from core.database import connection, fetch_all, transaction
from core.people.directory import get_person
from core.security.authentication import Viewer
from notifications import api
from notifications.jobs import close_digest
from notifications.messages.models import Digest, Message
from notifications.messages.sending import release
from notifications.reach import store as reach_store
from notifications.reach.domain import QuietHours
from notifications.reach.models import DailyCount
from notifications.templates.domain import CLASSES, Channel, MessageClass
from tests.conftest import NOON
from tests.fakes import FakeSms
from tests.messages import deliver_due
from tests.notifications.probe import audience, messages
from tests.notifications.probe.providers import recorder

TEMPLATES = (
    messages.SAFETY,
    messages.MONEY,
    messages.SERVICE,
    messages.NEWS,
    messages.DIGEST,
)
ABOUT = {template.title.zh: template.about for template in TEMPLATES}
TABLES = "message, delivery, digest, refusal, quiet, daily_count"
people = st.sampled_from([0, 1])
hours = st.integers(0, 23).map(time)


class World:
    """What the model acts on, from its own thread."""

    def __init__(self, app: App, sms: FakeSms, viewers: list[Viewer]) -> None:
        self.app = app
        self.sms = sms
        self.ids = [viewer.user_id for viewer in viewers]
        self.loop = asyncio.get_running_loop()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)


class PeopleModel(RuleBasedStateMachine):
    """Person 0 has a device, person 1 has not; both have phones."""

    world: ClassVar[World]

    @initialize()
    def begin(self) -> None:
        self.clock = self.world.app.clock
        assert isinstance(self.clock, ManualClock)
        self.clock.move(NOON - self.clock.now())
        self.sent: dict[int, set[tuple[str, str]]] = {0: set(), 1: set()}
        self.refused: set[tuple[int, MessageClass, Channel]] = set()
        self.quiet: dict[int, QuietHours] = {}
        self.heard: Counter[str] = Counter()
        self.per_day: Counter[tuple[int, MessageClass, Any]] = Counter()
        self.world.run(self._truncate())
        recorder(self.world.app).given.clear()
        self.world.sms.sent.clear()

    async def _truncate(self) -> None:
        names = ", ".join(f"notifications_{name.strip()}" for name in TABLES.split(","))
        for name in names.split(", "):
            await connection().execute_query(f"DELETE FROM {name}")

    @rule(person=people, template=st.sampled_from(TEMPLATES), key=st.sampled_from("abcdefgh"))
    def send(self, person: int, template: api.Template, key: str) -> None:
        self.world.run(self._send(person, template, key))
        self.sent[person].add((template.id, key))

    async def _send(self, number: int, template: api.Template, key: str) -> None:
        person = await get_person(self.world.app, self.world.ids[number])
        async with transaction() as tx:
            await api.send(
                self.world.app, tx, template, person, {"text": key}, f"{template.id}:{key}"
            )

    @rule(
        person=people,
        about=st.sampled_from(MessageClass),
        channel=st.sampled_from([Channel.PUSH, Channel.SMS]),
        refused=st.booleans(),
    )
    def refuse(self, person: int, about: MessageClass, channel: Channel, refused: bool) -> None:
        self.world.run(self._refuse(self.world.ids[person], about, channel, refused))
        wish = (person, about, channel)
        self.refused = self.refused | {wish} if refused else self.refused - {wish}

    async def _refuse(
        self, person: UUID, about: MessageClass, channel: Channel, refused: bool
    ) -> None:
        async with transaction() as tx:
            await reach_store.set_refusal(
                tx, person, about, channel, refused=refused, now=self.clock.now()
            )

    @rule(person=people, starts=hours, ends=hours)
    def sleep(self, person: int, starts: time, ends: time) -> None:
        self.quiet[person] = QuietHours(starts, ends)
        self.world.run(self._sleep(self.world.ids[person], self.quiet[person]))

    async def _sleep(self, person: UUID, quiet: QuietHours) -> None:
        async with transaction() as tx:
            await reach_store.set_quiet(tx, person, quiet)

    @rule(minutes=st.sampled_from([1, 30, 61, 240, 700]))
    def wait(self, minutes: int) -> None:
        assert isinstance(self.clock, ManualClock)
        self.clock.move(timedelta(minutes=minutes))

    @rule(workers=st.sampled_from([1, 2]))
    def work(self, workers: int) -> None:
        before = len(recorder(self.world.app).given), len(self.world.sms.sent)
        self.world.run(self._work(workers))
        given = recorder(self.world.app).given[before[0] :]
        for _, outbound in given:
            self._hear(0, outbound.ref, outbound.title, Channel.PUSH)
        for ref, (_, text) in list(self.world.sms.sent.items())[before[1] :]:
            title = self.world.run(self._title_of(ref))
            assert text
            self._hear(self._owner(ref), ref, title, Channel.SMS)
        self.world.run(self._nothing_critical_waits())

    async def _work(self, workers: int) -> None:
        for digest in await Digest.filter(closed_at=None, ends_at__lte=self.clock.now()):
            await asyncio.gather(*(close_digest(self.world.app, digest.id) for _ in range(workers)))
        await asyncio.gather(*(deliver_due(self.world.app) for _ in range(workers)))

    def _owner(self, ref: str) -> int:
        return self.world.ids.index(self.world.run(self._person_of(ref)))

    async def _person_of(self, ref: str) -> UUID:
        rows = await fetch_all(
            connection(), "SELECT person_id FROM notifications_delivery WHERE id = $1", UUID(ref)
        )
        return rows[0]["person_id"]

    async def _title_of(self, ref: str) -> str:
        rows = await fetch_all(
            connection(),
            """SELECT m.template FROM notifications_message m JOIN notifications_delivery d
                 ON d.message_id = m.id WHERE d.id = $1""",
            UUID(ref),
        )
        return str(rows[0]["template"]).removeprefix("probe.")

    def _hear(self, person: int, ref: str, title: str, channel: Channel) -> None:
        about, now = ABOUT[title], self.clock.now()
        self.heard[ref] += 1
        if CLASSES[about].is_critical:
            return
        assert (person, about, channel) not in self.refused
        assert not _sleeps(self.quiet.get(person), now)
        self.per_day[person, about, civil_date(now)] += 1

    async def _nothing_critical_waits(self) -> None:
        rows = await fetch_all(
            connection(),
            """SELECT 1 FROM notifications_message m LEFT JOIN notifications_delivery d
                 ON d.message_id = m.id
                AND (d.state IN ('sent', 'sending') OR d.error = 'expired')
                WHERE m.template = 'probe.safety' AND d.id IS NULL""",
        )
        # person 1 has no device: the class goes on to the phone
        assert rows == []

    @invariant()
    def the_inbox_has_everything_once(self) -> None:
        rows = self.world.run(self._inbox())
        for number, id_ in enumerate(self.world.ids):
            found = Counter((r["template"], r["key"]) for r in rows if r["person_id"] == id_)
            assert set(found.values()) <= {1}
            assert {(t, k.removeprefix(f"{t}:")) for t, k in found} == self.sent[number]

    async def _inbox(self) -> list[dict[str, Any]]:
        return await fetch_all(
            connection(),
            "SELECT person_id, template, key FROM notifications_message WHERE position IS NOT NULL",
        )

    @invariant()
    def nothing_is_heard_twice(self) -> None:
        assert all(number == 1 for number in self.heard.values())

    @invariant()
    def caps_hold(self) -> None:
        for (_, about, _), number in self.per_day.items():
            cap = CLASSES[about].daily_cap
            assert cap is None or number <= cap

    @invariant()
    def digests_hold_every_message_of_their_kind(self) -> None:
        rows = self.world.run(self._digests())
        for number, id_ in enumerate(self.world.ids):
            items = sum(row["items"] for row in rows if row["person_id"] == id_)
            assert items == sum(t == messages.DIGEST.id for t, _ in self.sent[number])

    async def _digests(self) -> list[dict[str, Any]]:
        return await fetch_all(connection(), "SELECT person_id, items FROM notifications_digest")


def _sleeps(quiet: QuietHours | None, now: datetime) -> bool:
    if quiet is None or quiet.starts == quiet.ends:
        return False
    at = now.astimezone(SHANGHAI).time()
    if quiet.starts < quiet.ends:
        return quiet.starts <= at < quiet.ends
    return at >= quiet.starts or at < quiet.ends


@pytest.mark.parametrize("examples", [30, pytest.param(1_000, marks=pytest.mark.soak)])
async def test_people_are_told_what_they_must_and_want(
    app: App, sms: FakeSms, citizen: Callable[..., Awaitable[Viewer]], examples: int
) -> None:
    viewers = [await citizen(), await citizen()]
    async with transaction() as tx:
        await reach_store.put_address(
            app, tx, viewers[0].user_id, Channel.PUSH, "probe_push", "device"
        )
    PeopleModel.world = World(app, sms, viewers)
    await asyncio.to_thread(
        run_state_machine_as_test,
        PeopleModel,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


async def test_fifty_at_once_in_one_window_are_one_digest_of_fifty(
    app: App, clock: ManualClock, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    viewer = await citizen()  # novuhq/novu#1633, #2569: two digests of events in one second
    person = await get_person(app, viewer.user_id)
    async with transaction() as tx:
        await reach_store.put_address(app, tx, person.id, Channel.PUSH, "probe_push", "device")

    async def send(number: int) -> None:
        async with transaction() as tx:
            text = str(number)
            await api.send(app, tx, messages.DIGEST, person, {"text": text}, f"event:{number}")

    await asyncio.gather(*(send(number) for number in range(50)))
    (digest,) = await Digest.all()
    assert digest.items == 50
    clock.move(timedelta(hours=1))
    await asyncio.gather(*(close_digest(app, digest.id) for _ in range(2)))
    await asyncio.gather(*(deliver_due(app) for _ in range(2)))
    ((_, outbound),) = recorder(app).given
    assert "50" in outbound.body


async def test_what_was_scheduled_is_counted_into_its_window(
    app: App, clock: ManualClock, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    person = await get_person(app, (await citizen()).user_id)
    await audience.give_device(app, person.id, "one")
    at, ids = clock.now() + timedelta(hours=2), []
    for key in ("one", "two", "three"):
        async with transaction() as tx:
            ids.append(await api.send(app, tx, messages.DIGEST, person, {"text": key}, key, at=at))
    async with transaction() as tx:
        assert await api.cancel(app, tx, "three", person)
    clock.move(timedelta(hours=2))
    for _ in range(2):
        async with transaction() as tx:
            await release(app, tx, ids)
    (digest,) = await Digest.all()
    assert digest.items == await Message.filter(position__not_isnull=True).count() == 2
    clock.move(timedelta(hours=1))
    await close_digest(app, digest.id)
    await deliver_due(app)
    ((_, outbound),) = recorder(app).given
    assert "2" in outbound.body


async def test_a_gone_device_is_tried_once_and_the_phone_takes_over(
    app: App, sms: FakeSms, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    from notifications.channels.port import Refused

    viewer = await citizen()  # novuhq/novu#12532, parse-server#9085
    person = await get_person(app, viewer.user_id)
    async with transaction() as tx:
        await reach_store.put_address(app, tx, person.id, Channel.PUSH, "probe_push", "old")
    recorder(app).answers["old"] = Refused("unregistered", is_gone=True)
    for key in ("one", "two"):
        async with transaction() as tx:
            await api.send(app, tx, messages.MONEY, person, {"text": key}, key)
        for _ in range(2):
            await deliver_due(app)
    assert [outbound.address for _, outbound in recorder(app).given] == ["old"]
    assert [text for _, text in sms.sent.values()] == ["one", "two"]


async def test_a_message_counts_once_however_often_and_in_whatever_way_it_is_tried(
    app: App, sms: FakeSms, clock: ManualClock, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    from notifications.channels.port import Failed

    person = await get_person(app, (await citizen()).user_id)
    await audience.give_device(app, person.id, "one")
    recorder(app).answers["one"] = Failed("silent")
    async with transaction() as tx:
        await api.send(app, tx, messages.MONEY, person, {"text": "x"}, "paid")
    for _ in range(8):
        await deliver_due(app)
        clock.move(timedelta(minutes=1))
    assert (len(recorder(app).given), len(sms.sent)) == (6, 1)
    (message,) = await Message.all()
    assert [row.messages for row in await DailyCount.all()] == [[message.id]]
