"""Templates: the right words or none, refused where they are declared and where they are sent."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.context.app import App
from core.database import connection, fetch_all, transaction
from core.errors import StartError
from core.people.directory import get_person
from core.security.authentication import Viewer
from core.texts import Locale, Named, Text
from notifications import api
from notifications.templates.domain import Channel, delivery_id, message_id
from notifications.templates.template import TEMPLATES, InvalidParameters, Param, Template

TITLE = Text("T", "标题", "A title")
BODY = Text(
    "B", "{who}:{amount} 元,{on} {at} 第 {count} 次", "{who}: {amount}, {on}, {at}, {count}"
)
TYPES = {
    "amount": Param.FEN,
    "on": Param.DATE,
    "at": Param.MOMENT,
    "count": Param.NUMBER,
}
VALUES = {
    "who": Named("张三", "Zhang San"),
    "amount": 1234,
    "on": date(2026, 11, 28),
    "at": datetime(2026, 11, 28, 16, 30, tzinfo=UTC),
    "count": 2,
}


def test_every_type_is_said_in_each_language() -> None:
    template = Template("t", TITLE, BODY, params=TYPES)
    zh, en = template.render(Locale.ZH, VALUES), template.render(Locale.EN, VALUES)
    assert zh == ("标题", "张三:12.34 元,2026-11-28 11-29 00:30 第 2 次")
    assert en == ("A title", "Zhang San: 12.34, 2026-11-28, 11-29 00:30, 2")


@pytest.mark.parametrize(
    ("body", "params"),
    [
        (Text("B", "{a}", "{b}"), {}),
        (Text("B", "{a}", "nothing"), {}),
        (Text("B", "{a}", "{a}"), {"b": Param.TEXT}),
    ],
)
def test_a_template_that_does_not_fit_itself_does_not_load(
    body: Text, params: dict[str, Param]
) -> None:
    with pytest.raises(StartError, match="template t"):
        Template("t", TITLE, body, params=params)


@given(st.sampled_from(sorted(VALUES)))
def test_no_parameter_may_be_missing(name: str) -> None:
    values = {key: value for key, value in VALUES.items() if key != name}
    with pytest.raises(InvalidParameters, match=f"lacks {name}"):
        Template("t", TITLE, BODY, params=TYPES).render(Locale.ZH, values)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("who", ""),
        ("who", " \n"),
        ("who", None),
        ("who", 7),
        ("who", "长" * 501),
        ("amount", "12.34"),
        ("amount", True),
        ("amount", 12.34),
        ("on", datetime(2026, 11, 28, tzinfo=UTC)),
        ("at", datetime(2026, 11, 28)),
        ("count", "2"),
        ("more", "x"),
    ],
)
def test_no_parameter_is_blank_of_another_type_or_too_many(name: str, value: object) -> None:
    with pytest.raises(InvalidParameters, match=name) as refusal:
        Template("t", TITLE, BODY, params=TYPES).render(Locale.ZH, {**VALUES, name: value})
    assert "12.34" not in str(refusal.value)  # values may be personal


async def test_a_call_that_does_not_fit_sends_nothing(
    app: App, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    person = await get_person(app, (await citizen()).user_id)
    for params in ({}, {"name": "x", "more": "y"}, {"name": ""}):
        with pytest.raises(InvalidParameters):
            async with transaction() as tx:
                await api.send(app, tx, "example.example_subscription", person, params, "key")
    assert await fetch_all(connection(), "SELECT * FROM notifications_message") == []


async def test_the_id_is_a_function_of_key_and_recipient(
    app: App, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    people = [await get_person(app, (await citizen()).user_id) for _ in range(2)]
    parcels = [api.Parcel(person, {"name": "东门"}) for person in people]
    ids = []
    for _ in range(2):
        async with transaction() as tx:
            ids.append(await api.send_many(app, tx, "example.example_subscription", parcels, "key"))
    assert ids[0] == ids[1] == [message_id("key", str(person.id)) for person in people]
    rows = await fetch_all(connection(), "SELECT id FROM notifications_message")
    assert {row["id"] for row in rows} == set(ids[0])


def test_ids_are_uuids_of_version_8() -> None:
    id_ = message_id("key", "a")
    assert (id_.version, id_.variant) == (8, "specified in RFC 4122")
    assert id_ != message_id("key", "b") != message_id("keyb", "")
    assert len({delivery_id(id_, channel) for channel in Channel}) == len(Channel)


def test_all_templates_of_the_services_are_listed(app: App) -> None:
    declared = {template.id for template in app.extensions(TEMPLATES)}
    assert {"identity.login_code", "bills.paid", "appointments.confirmed"} <= declared
    assert all(template.params is not None for template in app.extensions(TEMPLATES))
