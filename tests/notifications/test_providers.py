"""Providers over HTTP: the sandbox's gateways and JPush, broken on purpose, and their receipts."""

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import fetch_all, transaction
from core.people.directory import get_person
from core.security.authentication import Viewer
from core.settings import Settings
from core.texts import Named
from notifications import api
from notifications.channels import apns, fcm, hms, jpush
from notifications.channels.port import Failed, Outbound, Outcome, Refused, Taken
from notifications.channels.sms import PARTS_MAX, TEXT_MAX, count_parts, fitted
from notifications.jobs import match_receipts
from notifications.messages import receipts
from notifications.messages.models import Delivery, Handover, PushCid
from notifications.messages.models import Receipt as KeptReceipt
from notifications.messages.outside import kept_ref
from notifications.messages.receipts import Receipt
from notifications.reach import store as reach_store
from notifications.reach.models import Address
from notifications.templates.domain import Channel, SendLane
from tests.asgi import Client
from tests.core.waiting import eventually
from tests.messages import deliver_due, send_code
from tests.notifications.probe import audience, messages
from tests.notifications.probe.providers import Recorder
from tests.sandbox.serving import Client as Sandbox

PHONE = "13800138000"


@pytest.fixture
def upstreams() -> Mapping[Any, Any]:
    """Nobody is played: the sandbox answers."""
    return {}


@pytest.fixture
def settings(settings: Settings, sandbox_port: int) -> Settings:
    """A process whose providers are the sandbox's."""
    return settings.model_copy(update={"sandbox_port": sandbox_port})


async def _texts(city: Sandbox) -> list[dict[str, Any]]:
    _, sent = await city.get("/_control/sms", params={"limit": 1000})
    return list(sent)


async def _codes(app: App, first: int, number: int) -> None:
    async with transaction() as tx:
        for place in range(first, first + number):
            await send_code(app, tx, PHONE, f"{place:06d}", f"key-{place}")


@pytest.mark.parametrize("fault", [{"error_rate": 1.0}, {"garbage": True}, {"hang": True}])
async def test_a_sick_gateway_is_left_and_come_back_to(
    app: App, clock: ManualClock, sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    await _codes(app, 0, 4)
    await deliver_due(app)
    assert {text["gateway"] for text in await _texts(sandbox)} == {"sms"}
    await sandbox.put("/_control/faults/sms", fault)
    await _codes(app, 4, 20)
    for _ in range(3):  # within a minute of our clock
        await deliver_due(app)
        clock.move(timedelta(seconds=5))
    rows = await Delivery.filter(state="sending")
    assert len(rows) == 24
    moved = [row for row in rows if row.provider == "sms_backup"]
    assert len(moved) >= 18
    assert {text["message_ref"] for text in await _texts(sandbox)} == {str(row.id) for row in rows}


async def test_parts_are_counted_by_the_standard() -> None:
    # 3GPP TS 23.038/23.040; TwilioDevEd/message-segment-calculator#18, #39, gammu/gammu#104
    cases = [
        ("]" * 80, 1), ("]" * 81, 2), ("]" * 153, 3), ("😎" * 70, 3),
        ("中" * 66 + "😎" + "中" * 5, 2), ("中" * 70, 1), ("中" * 71, 2), ("a" * 160, 1),
        ("a" * 161, 2), ("]" * 74 + "abcdefghij" + "😘", 2),
    ]  # fmt: skip
    assert [count_parts(text) for text, _ in cases] == [parts for _, parts in cases]


async def test_a_letter_is_no_text(
    app: App, sandbox: Sandbox, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    person = await get_person(app, (await citizen()).user_id)
    text = "长" * 500
    assert count_parts(text) <= PARTS_MAX < count_parts(text + "长" * 100)
    async with transaction() as tx:
        await api.send(app, tx, messages.MONEY, person, {"text": text}, "long")
    await deliver_due(app)
    assert (await Delivery.get()).state == "sending"
    # a warning that is longer than any gateway takes loses its end, not its reader
    async with transaction() as tx:
        warning = {"text": Named("警" * 1_440, "警" * 1_440)}
        await api.send(app, tx, messages.SAFETY, person, warning, "warning")
    await deliver_due(app)
    assert await Delivery.filter(state="sending").count() == 2
    assert (await _texts(sandbox))[0]["text"] == "警" * 497 + "..."
    # of a code that somebody made too long nothing is sent
    async with transaction() as tx:
        with pytest.raises(api.InvalidParameters):
            await send_code(app, tx, PHONE, "9" * 501, "never")
    assert len(await _texts(sandbox)) == 2


@pytest.mark.parametrize("text", ["😎" * 600, "中😎" * 400, "]" * 501, "x" * 501, "]" * 500, "短"])
def test_a_text_fits_a_gateway(text: str) -> None:
    sent = fitted(text)
    assert count_parts(sent) <= PARTS_MAX and len(sent) <= TEXT_MAX
    assert sent == text or (text.startswith(sent[:-3]) and sent.endswith("...") and len(sent) > 200)


@pytest.mark.parametrize("maker", [jpush, fcm, hms, apns])
def test_a_long_warning_fits_every_maker_s_push(maker: Any) -> None:
    """4,096 bytes: developer.apple.com, firebase.google.com, developer.huawei.com."""
    ref, link = "r" * 49, "/" + "x" * 255
    warning = Outbound(ref, "device", "警" * 480, "急" * 1_440, link, SendLane.CRITICAL)
    described = orjson.dumps(maker.describe(warning)).decode()
    assert len(described.encode()) < 4_096
    assert "警" * 49 + "…" in described and "急" * 199 + "…" in described


async def _push_to(
    app: App, viewer: Viewer, *devices: str, template: api.Template = messages.MONEY
) -> UUID:
    person = await get_person(app, viewer.user_id)
    async with transaction() as tx:
        for device in devices:
            await reach_store.put_address(app, tx, person.id, Channel.PUSH, "jpush", device)
        return await api.send(
            app, tx, template, person, {"text": "水费 12.00 元"}, f"key-{devices}"
        )


async def _shown(city: Sandbox) -> Any:
    _, shown = await city.get("/_control/jpush")
    return shown


async def test_a_push_reaches_every_device_once(
    app: App, sandbox: Sandbox, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    await _push_to(app, await citizen(), "one", "two")
    await deliver_due(app)
    shown = await _shown(sandbox)
    assert {push["target"] for push in shown["pushes"]} == {"one", "two"}
    assert {push["text"] for push in shown["pushes"]} == {"水费 12.00 元"}
    (delivery,) = await Delivery.all()
    assert (delivery.state, delivery.provider) == ("sent", "jpush")


async def test_a_push_whose_answer_is_lost_is_shown_once(
    app: App, clock: ManualClock, sandbox: Sandbox, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    await sandbox.put("/_control/faults/jpush", {"operation": "push", "lose_reply_rate": 1.0})
    await _push_to(app, await citizen(), "one", template=messages.SERVICE)
    await deliver_due(app)
    (delivery,) = await Delivery.all()
    assert (delivery.state, (await _shown(sandbox))["total"]) == ("created", 1)
    await sandbox.call("DELETE", "/_control/faults/jpush")

    async def is_sent() -> bool:  # once the breaker lets a probe through
        clock.move(timedelta(seconds=10))
        await deliver_due(app)
        return (await Delivery.get()).state == "sent"

    await eventually(is_sent, within_s=20, what="the push")
    assert (await _shown(sandbox))["total"] == 1
    assert await PushCid.all().count() == 1


async def test_a_cid_of_yesterday_is_drawn_anew(
    app: App, clock: ManualClock, sandbox: Sandbox, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    await sandbox.put("/_control/faults/jpush", {"operation": "push", "error_rate": 1.0})
    await _push_to(app, await citizen(), "one", template=messages.SERVICE)
    await deliver_due(app)
    (first,) = await PushCid.all()
    clock.move(timedelta(hours=22))
    await deliver_due(app)
    assert (await PushCid.get()).cid == first.cid
    await sandbox.call("DELETE", "/_control/faults/jpush")
    clock.move(timedelta(hours=1, minutes=30))

    async def is_drawn_anew() -> bool:  # once the breaker lets a probe through
        clock.move(timedelta(seconds=2))
        await deliver_due(app)
        return (await PushCid.get()).cid != first.cid

    await eventually(is_drawn_anew, within_s=20, what="another cid")
    assert await PushCid.all().count() == 1


async def test_a_device_that_is_gone_is_forgotten_and_the_phone_takes_over(
    app: App, sandbox: Sandbox, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    await _push_to(app, await citizen(), "gone-1")
    for _ in range(2):
        await deliver_due(app)
    assert (await Address.get()).gone_at is not None
    states = {row.channel: row.state for row in await Delivery.all()}
    assert states == {"push": "permanent-failure", "sms": "sending"}


def _signed(body: object) -> tuple[bytes, dict[str, str]]:
    raw = orjson.dumps(body)
    signature = hmac.new(b"sandbox-sms-receipts", raw, hashlib.sha256).hexdigest()
    return raw, {"x-signature": signature, "content-type": "application/json"}


async def _hear(client: Client, body: bytes, headers: Mapping[str, str]) -> int:
    path = "/callbacks/notifications/sms"
    return (await client.request("POST", path, body, headers=headers)).status


async def test_receipts_arrive_and_worse_news_wins(
    app: App, client: Client, sandbox: Sandbox
) -> None:
    await _codes(app, 0, 1)
    await deliver_due(app)
    (delivery,) = await Delivery.all()
    for stat, state in [
        ("ACCEPTD", "sending"),
        ("DELIVRD", "delivered"),
        ("UNDELIV", "permanent-failure"),  # cds-snc/notification-api#1295: delivered, then bounced
        ("DELIVRD", "permanent-failure"),
        ("EXPIRED", "permanent-failure"),
    ]:
        raw, headers = _signed({"receipts": [{"receipt_no": delivery.provider_ref, "stat": stat}]})
        assert await _hear(client, raw, headers) == 204
        await delivery.refresh_from_db()
        assert delivery.state == state


async def test_a_receipt_that_comes_first_is_kept_and_applied(
    app: App, clock: ManualClock, sandbox: Sandbox
) -> None:
    early = Receipt("sms", "not-noted-yet", "delivered")  # cds-snc/notification-api#1731
    async with transaction() as tx:
        assert await receipts.hear(tx, [early, early], clock.now()) == 2
    await match_receipts(app)
    await _codes(app, 0, 1)
    await deliver_due(app)
    await Delivery.all().update(provider_ref="not-noted-yet")
    await match_receipts(app)
    assert (await Delivery.get()).state == "delivered"


async def test_forged_and_malformed_receipts_change_nothing(
    app: App, client: Client, sandbox: Sandbox
) -> None:
    await _codes(app, 0, 1)
    await deliver_due(app)
    (delivery,) = await Delivery.all()
    raw, headers = _signed({"receipts": [{"receipt_no": delivery.provider_ref, "stat": "UNDELIV"}]})
    for forged in ({}, {"x-signature": ""}, {"x-signature": "0" * 64}, {"x-signature": "é"}):
        assert await _hear(client, raw, forged) == 401
    assert await _hear(client, raw + b" ", headers) == 401
    for body in ([], {}, {"receipts": 7}, {"receipts": [{}]}, {"receipts": None}, "x"):
        assert await _hear(client, *_signed(body)) == 400
    large, headers = _signed({"receipts": [{"receipt_no": "x" * 300_000, "stat": "DELIVRD"}]})
    assert await _hear(client, large, headers) == 413
    await delivery.refresh_from_db()
    assert delivery.state == "sending"


ODD = "r" * 200


@pytest.mark.parametrize(
    ("odd", "state", "error", "ref"),
    [
        (Taken(ODD), "sent", None, hashlib.sha256(ODD.encode()).hexdigest()),
        (Taken("a\x00b"), "sent", None, hashlib.sha256(b"a\x00b").hexdigest()),
        (Taken(""), "sent", None, None),
        (Refused("no\x00\n" + "x" * 100), "permanent-failure", "no" + "x" * 62, None),
        (Failed("\ud800" + "x" * 100), "created", "x" * 64, None),
    ],
)
async def test_an_odd_answer_is_of_its_message_alone(
    app: App, push: Recorder, odd: Outcome, state: str, error: str | None, ref: str | None
) -> None:
    await audience.make_crowd(app, 3)
    members = [api.Member(row.person_id, "zh") for row in await Address.all()]
    async with transaction() as tx:
        parcels = [api.Parcel(member, {"text": "x"}) for member in members]
        await api.send_many(app, tx, messages.SERVICE, parcels, "school")
    push.answers["device-1"] = odd
    for _ in range(2):
        await deliver_due(app)
    assert len(push.given) == 3
    rows = [(row.state, row.error, row.provider_ref) for row in await Delivery.all()]
    assert (state, error, ref) in rows
    rows.remove((state, error, ref))
    refs = {f"probe-{each.ref}" for _, each in push.given if each.address != "device-1"}
    assert set(rows) == {("sent", None, ref) for ref in refs}
    assert await Handover.all().count() == 0


async def test_a_receipt_finds_a_name_that_cannot_be_kept(
    app: App, client: Client, sandbox: Sandbox
) -> None:
    await _codes(app, 0, 1)
    await deliver_due(app)
    await Delivery.all().update(provider_ref=kept_ref(ODD))
    rows = [{"receipt_no": name, "stat": "DELIVRD"} for name in (ODD, "a\x00b")]
    assert await _hear(client, *_signed({"receipts": rows})) == 204
    assert (await Delivery.get()).state == "delivered"
    assert [row.provider_ref for row in await KeptReceipt.all()] == [kept_ref("a\x00b")]


async def test_a_receipt_is_not_lost_while_its_message_is_noted(
    app: App, clock: ManualClock, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _codes(app, 0, 1)
    may_note, is_noted = asyncio.Event(), asyncio.Event()

    async def note() -> None:
        await may_note.wait()
        await Delivery.all().update(state="sending", provider="sms", provider_ref="one")
        is_noted.set()

    async def and_noted(*arguments: Any) -> list[dict[str, Any]]:
        rows = await fetch_all(*arguments)
        may_note.set()
        await is_noted.wait()
        return rows

    noting = asyncio.create_task(note())
    monkeypatch.setattr(receipts, "fetch_all", and_noted)
    async with transaction() as tx:
        await receipts.hear(tx, [Receipt("sms", "one", "delivered")], clock.now())
    await noting
    await match_receipts(app)
    assert (await Delivery.get()).state == "delivered"
    assert await KeptReceipt.all().count() == 0


@pytest.mark.parametrize(
    "answer", [None, "x", 7, [], {}, {"error": 7}, {"error": {"code": [1011]}}, {"error": {}}]
)
def test_garbage_from_jpush_is_no_error_of_ours(answer: object) -> None:
    assert jpush.judge(answer) in (Failed("no_answer"), Refused("jpush_error"))


async def test_a_cid_that_is_given_twice_is_one_push_s(
    app: App,
    sandbox: Sandbox,
    citizen: Callable[..., Awaitable[Viewer]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def same(*_: object) -> list[str]:
        return ["sandbox-1", "sandbox-1"]

    monkeypatch.setattr(jpush, "make_cids", same)
    await _push_to(app, await citizen(), "one", "two", template=messages.SERVICE)
    await deliver_due(app)
    delivery = await Delivery.get()
    assert (delivery.state, delivery.error) == ("created", "no_cids")
    assert await _shown(sandbox) == {"pushes": [], "total": 0}
    assert await PushCid.all().count() == 1
