"""Messages: written with their cause, once, in the person's language, and for nobody else."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import connection, fetch_all, parse_url, transaction
from core.people.directory import get_person
from core.processes.embedded import DatabaseUrls
from core.security.authentication import Viewer
from notifications import api
from notifications.messages.models import Delivery, Message
from tests.asgi import Client
from tests.core.waiting import eventually
from tests.fakes import FakeSms
from tests.messages import deliver_due, send_code

QUIET = "example.example_subscription"
INBOX = """query I($first: Int!, $after: String) { inbox { unread
  messages(first: $first, after: $after) {
    edges { cursor node { id template title body deepLink createdAt readAt } }
    pageInfo { hasNextPage endCursor } } } }"""
READ = """mutation R($id: ID!) { markMessageRead(messageId: $id, idempotencyKey: "read-key-1") {
  __typename ... on MessageRead { readMessage { id readAt } } ... on Refusal { code } } }"""
Citizen = Callable[..., Awaitable[Viewer]]


async def _notify(app: App, viewer: Viewer, key: str, template: str = QUIET, **values: str) -> None:
    person = await get_person(app, viewer.user_id)
    async with transaction() as tx:
        await api.notify(
            app,
            tx,
            person=person,
            template=template,
            values=values or {"name": "东门"},
            key=key,
            deep_link="lovecity://services/example-subscription",
        )


async def _inbox(client: Client, viewer: Viewer, first: int = 50, after: str | None = None) -> Any:
    data = await client.data(INBOX, {"first": first, "after": after}, viewer=viewer)
    return data["inbox"]


async def test_a_message_is_written_in_the_persons_language(
    client: Client, citizen: Citizen
) -> None:
    english, chinese = await citizen(locale="en"), await citizen(locale="zh")
    for viewer in (english, chinese):
        await _notify(client.app, viewer, f"closed:{viewer.user_id}", name="𠮷祥街 🚰")
    (one,) = (await _inbox(client, english))["messages"]["edges"]
    (two,) = (await _inbox(client, chinese))["messages"]["edges"]
    assert one["node"]["title"] == "Example subscription"
    assert two["node"]["title"] == "示例订阅"
    assert "𠮷祥街 🚰" in one["node"]["body"]
    assert one["node"]["deepLink"] == "lovecity://services/example-subscription"
    assert (one["node"]["createdAt"], one["node"]["readAt"]) == ("2026-11-23T04:00:00.000Z", None)


async def test_one_key_is_one_message_whoever_repeats_it(client: Client, citizen: Citizen) -> None:
    viewer = await citizen()
    await asyncio.gather(*(_notify(client.app, viewer, "same-key") for _ in range(8)))
    assert len((await _inbox(client, viewer))["messages"]["edges"]) == 1


async def test_a_message_vanishes_with_its_cause(client: Client, citizen: Citizen) -> None:
    viewer = await citizen()
    person = await get_person(client.app, viewer.user_id)
    with pytest.raises(ZeroDivisionError):
        async with transaction() as tx:
            await api.notify(
                client.app,
                tx,
                person=person,
                template="bills.refused",  # this one goes by SMS too
                values={"amount": "1.00", "name": "water", "period": "2026-10"},
                key="never",
            )
            raise ZeroDivisionError
    assert (await _inbox(client, viewer))["messages"]["edges"] == []
    assert await fetch_all(connection(), "SELECT * FROM pgqueuer") == []


async def test_an_undeclared_template_is_a_mistake(app: App, citizen: Citizen) -> None:
    with pytest.raises(KeyError):
        await _notify(app, await citizen(), "key", template="no.such")


async def test_texts_lie_sealed(app: App, citizen: Citizen) -> None:
    await _notify(app, await citizen(), "key", name="只给一人看")
    (row,) = await fetch_all(connection(), "SELECT body_sealed FROM notifications_message")
    assert "只给一人看".encode() not in bytes(row["body_sealed"])


async def test_the_inbox_pages_and_counts(client: Client, citizen: Citizen) -> None:
    viewer, other = await citizen(), await citizen()
    for number in range(5):
        await _notify(client.app, viewer, f"key-{number}", name=f"第{number}")
        await asyncio.sleep(0.002)  # ids order by the millisecond
    await _notify(client.app, other, "other")
    first = await _inbox(client, viewer, first=2)
    assert first["unread"] == 5
    assert first["messages"]["pageInfo"]["hasNextPage"] is True
    rest = await _inbox(client, viewer, 50, first["messages"]["pageInfo"]["endCursor"])
    assert rest["messages"]["pageInfo"]["hasNextPage"] is False
    edges = first["messages"]["edges"] + rest["messages"]["edges"]
    bodies = [edge["node"]["body"] for edge in edges]
    assert len(bodies) == 5
    assert all(f"第{4 - place}" in body for place, body in enumerate(bodies))


async def test_reading_is_once_and_only_ones_own(client: Client, citizen: Citizen) -> None:
    viewer, other = await citizen(), await citizen()
    await _notify(client.app, viewer, "key")
    (edge,) = (await _inbox(client, viewer))["messages"]["edges"]
    id_ = edge["node"]["id"]
    for foreign in (id_, str(uuid4()), "no id", ""):
        refused = await client.data(READ, {"id": foreign}, viewer=other)
        assert refused["markMessageRead"] == {"__typename": "NotFound", "code": "NOT_FOUND"}
    assert (await _inbox(client, viewer))["unread"] == 1
    for _ in range(2):
        read = await client.data(READ, {"id": id_}, viewer=viewer)
        assert read["markMessageRead"]["readMessage"]["id"] == id_
    inbox = await _inbox(client, viewer)
    assert inbox["unread"] == 0
    assert inbox["messages"]["edges"][0]["node"]["readAt"] == "2026-11-23T04:00:00.000Z"
    stranger = await client.data(READ, {"id": id_})
    assert stranger["markMessageRead"]["code"] == "LOGIN_REQUIRED"


@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1])
async def test_a_page_has_one_to_a_hundred(client: Client, citizen: Citizen, first: int) -> None:
    answer = await client.run(INBOX, {"first": first}, viewer=await citizen())
    assert answer.status in (200, 400)
    assert answer.json["errors"]
    assert "INTERNAL_ERROR" not in answer.codes


async def test_a_text_is_sent_once_however_often_the_job_runs(app: App, sms: FakeSms) -> None:
    for _ in range(3):
        async with transaction() as tx:
            await send_code(app, tx, "13800138000", "您好 🚰", "text-1")
    (delivery,) = await Delivery.all()
    await asyncio.gather(*(deliver_due(app) for _ in range(3)))
    await deliver_due(app)
    ((phone, text),) = sms.sent.values()
    assert phone == "13800138000" and "您好 🚰" in text
    await delivery.refresh_from_db()
    receipt = f"receipt-{str(delivery.id)[-12:]}"
    assert (delivery.state, delivery.provider, delivery.provider_ref) == ("sending", "sms", receipt)
    assert await Message.filter(position__not_isnull=True).count() == 0


async def test_a_silent_gateway_leaves_the_text_queued(
    app: App, sms: FakeSms, clock: ManualClock
) -> None:
    async with transaction() as tx:
        await send_code(app, tx, "13800138000", "您好", "text-1")
    (delivery,) = await Delivery.all()
    sms.is_silent = True
    await deliver_due(app)
    await delivery.refresh_from_db()
    assert (delivery.state, delivery.error, delivery.attempts) == ("created", "timeout", 1)
    sms.is_silent = False
    await deliver_due(app)
    assert sms.sent == {}  # not before its gap is over
    clock.move(timedelta(seconds=1))
    await deliver_due(app)
    assert len(sms.sent) == 1


async def test_a_delivery_that_was_sent_cannot_be_queued_again(
    app: App, database: DatabaseUrls
) -> None:
    async with transaction() as tx:
        await send_code(app, tx, "13800138000", "您好", "text-1")
    await deliver_due(app)
    role = await asyncpg.connect(**parse_url(database.app))
    with pytest.raises(asyncpg.CheckViolationError):
        await role.execute("UPDATE notifications_delivery SET state = 'created'")
    await role.close()


async def test_a_subscription_tells_each_new_message_to_its_person_alone(
    client: Client, citizen: Citizen
) -> None:
    viewer, other = await citizen(), await citizen()
    token = client.app.tokens.issue(viewer)

    async def listens() -> bool:
        return api.inbox_topic(viewer.user_id) in client.app.bus._listeners

    async with client.websocket() as socket:
        await socket.open(token)
        query = "subscription { messageReceived { body } }"
        await socket.say({"type": "subscribe", "id": "1", "payload": {"query": query}})
        await eventually(listens, what="listening")
        await _notify(client.app, other, "theirs", name="theirs")
        await _notify(client.app, viewer, "mine", name="mine")
        heard = await socket.hear()
        assert heard["type"] == "next"
        assert "mine" in heard["payload"]["data"]["messageReceived"]["body"]
