"""What people set and what operators see, over GraphQL."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import connection, transaction
from core.people.directory import get_person
from core.security.authentication import Viewer
from core.security.authorization import scopes_of
from notifications import api
from notifications.campaigns.models import Campaign
from notifications.channels.port import PROVIDERS
from notifications.reach.graphql import PushService
from notifications.reach.models import Address, Refusal
from notifications.templates.domain import CLASSES
from tests.asgi import Client
from tests.messages import deliver_due
from tests.notifications.probe import audience, messages
from tests.notifications.probe.providers import Recorder
from tests.people import new_key

Citizen = Callable[..., Awaitable[Viewer]]
PREFERENCES = """{ messagePreferences { preferences { id about channel wanted refusable }
  quietHours { starts ends days } } }"""
REFUSE = """mutation R($about: MessageClass!, $wanted: Boolean!, $key: String!) {
  setMessagePreference(about: $about, channel: PUSH, wanted: $wanted, idempotencyKey: $key) {
  __typename ... on MessagePreferenceSet { preference { id about channel wanted refusable } }
  ... on Refusal { code } } }"""
SLEEP = """mutation S($starts: String!, $ends: String!, $days: [Int!]!,
  $key: String!) { setQuietHours(
  starts: $starts, ends: $ends, days: $days, idempotencyKey: $key) {
  __typename ... on QuietHoursSet { quietHours { starts ends days } }
  ... on Refusal { code } } }"""
DEVICE = """mutation D($service: PushService!, $token: String!, $key: String!) { registerDevice(
  pushService: $service, token: $token, idempotencyKey: $key) {
  __typename ... on DeviceRegistered { device { id pushService } }
  ... on Refusal { code } } }"""
FORGET = """mutation D($service: PushService!, $token: String!, $key: String!) { forgetDevice(
  pushService: $service, token: $token, idempotencyKey: $key) {
  __typename ... on DeviceForgotten { deviceId } ... on Refusal { code } } }"""
OVERVIEW = """{ messageOverview { lanes { name paused } providers { name paused setUp } dead } }"""
PREVIEW = """query P($id: String!, $values: [MessageParameter!]!) { messagePreview(
  template: $id, parameters: $values, english: true) { title body } }"""
START = """mutation S($key: String!) { startCampaign(template: "notifications.announcement",
  parameters: [{name: "title", value: "t"}, {name: "text", value: "x"}], audience: "probe",
  idempotencyKey: $key) { __typename ... on CampaignSet { campaign { id size state } } } }"""


async def test_what_comes_late_again_undoes_nothing_that_was_said_since(
    client: Client, citizen: Citizen
) -> None:
    viewer = await citizen()

    async def say(document: str, key: str, values: Mapping[str, Any]) -> Any:
        (answer,) = (await client.data(document, {**values, "key": key}, viewer=viewer)).values()
        return answer

    async def shown() -> Any:
        found = (await client.data(PREFERENCES, viewer=viewer))["messagePreferences"]
        about = {(one["about"], one["channel"]): one["wanted"] for one in found["preferences"]}
        return about["NEWS", "PUSH"], found["quietHours"], await Address.all().count()

    night, day = ({"starts": at, "ends": "12:00", "days": [0]} for at in ("22:00", "08:00"))
    device = {"service": "JPUSH", "token": "191e35f7e0d1c2b3a4f"}
    sent = [
        (REFUSE, new_key(), {"about": "NEWS", "wanted": False}),
        (SLEEP, new_key(), night),
        (DEVICE, new_key(), device),
        (REFUSE, new_key(), {"about": "NEWS", "wanted": True}),
        (SLEEP, new_key(), day),
        (FORGET, new_key(), device),
    ]
    first = [await say(*one) for one in sent]
    assert await shown() == (True, day, 0)
    assert [await say(*one) for one in sent[:3]] == first[:3]
    assert await shown() == (True, day, 0)
    await say(DEVICE, new_key(), device)
    assert await say(*sent[5]) == first[5]
    assert await Address.all().count() == 1


async def test_what_is_refused_is_shown_and_taken_back(client: Client, citizen: Citizen) -> None:
    viewer = await citizen()

    async def shown() -> dict[str, Any]:
        found = await client.data(PREFERENCES, viewer=viewer)
        rows = found["messagePreferences"]["preferences"]
        assert len({row["id"] for row in rows}) == len(rows)
        return {row["about"]: row for row in rows if row["channel"] == "PUSH"}

    assert all(row["wanted"] for row in (await shown()).values())
    for value in (False, False, True):
        answer = await client.data(
            REFUSE, {"about": "NEWS", "wanted": value, "key": new_key()}, viewer=viewer
        )
        assert answer["setMessagePreference"]["preference"] == (await shown())["NEWS"]
        assert (await shown())["NEWS"]["wanted"] is value
    for about in ("SAFETY", "SECURITY"):
        answer = await client.data(
            REFUSE, {"about": about, "wanted": False, "key": new_key()}, viewer=viewer
        )
        assert answer["setMessagePreference"]["code"] == "CRITICAL_NOT_REFUSED"
    assert await Refusal.all().count() == 0


@pytest.mark.parametrize(
    ("starts", "ends", "days", "code"),
    [
        ("22:00", "07:00", [0, 6], None),
        ("08:00", "08:00", [], None),
        ("24:00", "07:00", [0], "TIME_INVALID"),
        ("7:00", "07:00", [0], "TIME_INVALID"),
        ("２２:00", "07:00", [0], "TIME_INVALID"),
        ("22:00", "", [0], "TIME_INVALID"),
        ("22:00", "07:00", [7], "DAYS_INVALID"),
        ("22:00", "07:00", [-1], "DAYS_INVALID"),
    ],
)
async def test_quiet_hours(
    client: Client, citizen: Citizen, starts: str, ends: str, days: list[int], code: str | None
) -> None:
    viewer = await citizen()
    values = {"starts": starts, "ends": ends, "days": days}
    answer = (await client.data(SLEEP, values | {"key": new_key()}, viewer=viewer))["setQuietHours"]
    found = await client.data(PREFERENCES, viewer=viewer)
    shown = found["messagePreferences"]["quietHours"]
    if code is None:
        assert answer["quietHours"] == shown == values
    else:
        assert (answer["code"], shown) == (code, None)


async def test_a_device_is_one_person_s(client: Client, citizen: Citizen) -> None:
    first, second = await citizen(), await citizen()
    device = {"service": "JPUSH", "token": "191e35f7e0d1c2b3a4f"}
    for viewer in (first, first, second):
        answer = await client.data(DEVICE, device | {"key": new_key()}, viewer=viewer)
        row = await Address.get()
        assert row.person_id == viewer.user_id
        shown = {"id": str(row.id), "pushService": "JPUSH"}
        assert answer["registerDevice"]["device"] == shown
    answer = await client.data(FORGET, device | {"key": new_key()}, viewer=first)
    assert (answer["forgetDevice"]["deviceId"], await Address.all().count()) == (None, 1)
    answer = await client.data(FORGET, device | {"key": new_key()}, viewer=second)
    assert (answer["forgetDevice"]["deviceId"], await Address.all().count()) == (shown["id"], 0)
    for token in ("", "a b", "../../x", "a" * 3_000, "设备"):
        answer = await client.data(
            DEVICE, {"service": "APNS", "token": token, "key": new_key()}, viewer=first
        )
        assert answer["registerDevice"]["code"] == "DEVICE_TOKEN_INVALID"


@pytest.mark.parametrize("service", list(PushService))
async def test_every_service_of_tokens_is_a_provider_with_addresses_of_its_own(
    app: App, client: Client, citizen: Citizen, service: PushService
) -> None:
    """What is registered stands in the channel of the provider that will be given it."""
    (provider,) = [one for one in app.extensions(PROVIDERS) if one.name == service.value]
    assert provider.own_addresses
    viewer, token = await citizen(), "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"
    device = {"service": service.name, "token": token}
    answer = await client.data(DEVICE, device | {"key": new_key()}, viewer=viewer)
    if service.value in ("wechat_mini", "alipay_mini"):  # nobody is linked with it
        assert answer["registerDevice"]["code"] == "PLATFORM_USER_NOT_LINKED"
        assert await Address.all().count() == 0
        return
    (row,) = await Address.all()
    assert (row.provider, row.channel) == (provider.name, provider.channel)


async def test_a_person_has_ten_devices_the_one_seen_longest_ago_goes(
    client: Client, citizen: Citizen, clock: ManualClock
) -> None:
    first, second = await citizen(), await citizen()

    async def register(viewer: Viewer, place: int) -> str:
        clock.move(timedelta(seconds=1))
        device = {"service": "JPUSH", "token": f"device-{place}"}
        answer = await client.data(DEVICE, device | {"key": new_key()}, viewer=viewer)
        return str(answer["registerDevice"]["device"]["id"])

    other = await register(second, 99)
    ids = [await register(first, place) for place in range(10)]
    assert await register(first, 0) == ids[0]
    await Address.filter(id=ids[5]).update(gone_at=clock.now())
    ids += [await register(first, place) for place in (10, 11)]
    left = {str(row.id) for row in await Address.filter(person_id=first.user_id)}
    assert left == set(ids) - {ids[1], ids[5]}
    assert str((await Address.get(person_id=second.user_id)).id) == other


async def test_devices_whose_ids_end_alike_are_told_apart(
    app: App, push: Recorder, citizen: Citizen
) -> None:
    person = await get_person(app, (await citizen()).user_id)
    for place in range(3):
        await audience.give_device(app, person.id, f"device-{place}")
    alike = "UPDATE notifications_address SET id = (left(id::text, 32) || 'abcd')::uuid"
    await connection().execute_query(alike)
    async with transaction() as tx:
        await api.send(app, tx, messages.SERVICE, person, {"text": "x"}, "one")
    await deliver_due(app)
    assert len({outbound.ref for _, outbound in push.given}) == len(push.given) == 3


async def _operator(citizen: Citizen) -> Viewer:
    roles = frozenset({"operator"})
    return replace(await citizen(), roles=roles, scopes=scopes_of(roles))


async def test_operators_pause_and_resume(client: Client, citizen: Citizen) -> None:
    viewer = await _operator(citizen)

    async def say(what: str, name: str, key: str = "") -> Any:
        query = f"""mutation P($name: String!, $key: String!) {{ {what}Messages(
          name: $name, idempotencyKey: $key) {{ __typename ... on Refusal {{ code }} }} }}"""
        values = {"name": name, "key": key or new_key()}
        return (await client.data(query, values, viewer=viewer))[f"{what}Messages"]

    async def paused() -> set[str]:
        seen = (await client.data(OVERVIEW, viewer=viewer))["messageOverview"]
        return {row["name"] for row in [*seen["lanes"], *seen["providers"]] if row["paused"]}

    assert await paused() == set()
    await say("pause", "lane:bulk", "pause-001")
    await say("pause", "provider:jpush")
    assert await paused() == {"lane:bulk", "provider:jpush"}
    assert (await say("pause", "lane:none"))["code"] == "SWITCH_UNKNOWN"
    await say("resume", "lane:bulk", "resume-01")
    assert await paused() == {"provider:jpush"}
    await say("pause", "lane:bulk", "pause-001")  # it comes late again
    assert await paused() == {"provider:jpush"}
    await say("pause", "lane:bulk")
    await say("resume", "lane:bulk", "resume-01")
    assert await paused() == {"lane:bulk", "provider:jpush"}


async def test_a_preview_fits_or_is_refused(client: Client, citizen: Citizen) -> None:
    viewer = await _operator(citizen)
    title, text = {"name": "title", "value": "Water"}, {"name": "text", "value": "East Gate"}
    values = [title, text]
    query = {"id": "notifications.announcement", "values": values}
    shown = (await client.data(PREVIEW, query, viewer=viewer))["messagePreview"]
    assert "East Gate" in shown["body"]
    more, empty = {"name": "more", "value": "x"}, {"name": "text", "value": ""}
    for wrong in ([], [title], [*values, more], [title, empty]):
        answer = await client.run(PREVIEW, query | {"values": wrong}, viewer=viewer)
        assert answer.codes == ["PREVIEW_INVALID"]
    answer = await client.run(PREVIEW, query | {"id": "no.such"}, viewer=viewer)
    assert answer.codes == ["PREVIEW_INVALID"]


async def test_a_campaign_is_started_once(client: Client, citizen: Citizen) -> None:
    viewer = await _operator(citizen)
    await audience.make_crowd(client.app, 3)
    ids = set()
    for _ in range(2):
        answer = await client.data(START, {"key": "campaign-1"}, viewer=viewer)
        ids.add(answer["startCampaign"]["campaign"]["id"])
        assert answer["startCampaign"]["campaign"]["size"] == 3
    assert len(ids) == await Campaign.all().count() == 1


async def test_every_way_out_of_the_inbox_is_shown_with_its_preference(
    client: Client, citizen: Citizen
) -> None:
    found = await client.data(PREFERENCES, viewer=await citizen())
    shown = {(row["about"], row["channel"]) for row in found["messagePreferences"]["preferences"]}
    ways = {(about.name, way.name) for about, rule in CLASSES.items() for way in rule.channels}
    assert ways <= shown
