"""Telling one person of an occasion: once, in their language, with the service's own record."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from core.context.app import App
from core.database import Transaction, idempotency
from core.ids import new_id
from core.security.authentication import Viewer
from core.texts import Named
from kinds.subscription import Notice, tell
from modules._example.subscription.subscription import SUBSCRIPTION, TEMPLATE
from notifications.messages.models import Message

People = Callable[..., Awaitable[Viewer]]

NOTICE = Notice(TEMPLATE, {"name": Named("东门", "the east gate")})


def _record(app: App) -> Callable[[Transaction], Awaitable[bool]]:
    """Writes a row of its own; False where it is there already."""

    async def note(tx: Transaction) -> bool:
        claim = await idempotency.claim(
            app.clock, tx, subject="test", operation="note", key="one-record", command={},
            effect_id=new_id(),
        )  # fmt: skip
        return not claim.replayed

    return note


async def _messages(app: App) -> list[tuple[str, str | None]]:
    rows = await Message.all().order_by("position")
    return [
        (app.vault.decrypt(bytes(row.body_sealed), "notifications.body"), row.deep_link)
        for row in rows
    ]


async def test_it_is_said_in_the_person_s_language_and_leads_to_the_service(
    app: App, citizen: People
) -> None:
    for locale in ("zh", "en"):
        viewer = await citizen(level=1, locale=locale)
        for _ in range(2):
            await tell(app, SUBSCRIPTION, viewer.user_id, "f-1:2026", NOTICE)
        await tell(app, SUBSCRIPTION, viewer.user_id, "f-2", replace(NOTICE, deep_link="/news/2"))
    page = app.city.deep_link.format(id="example-subscription")
    zh, en = (
        "您订阅的区县有新消息:东门。",
        "News of a district that you named: the east gate.",
    )
    messages = await _messages(app)
    assert [body[: len(zh)] for body, _ in messages[:2]] == [zh, zh]
    assert [body for body, _ in messages[2:]] == [en, en]
    assert [link for _, link in messages] == [page, "/news/2"] * 2


async def test_what_was_recorded_before_is_not_told(app: App, citizen: People) -> None:
    note = _record(app)
    for occasion in ("f-1", "f-2"):
        viewer = await citizen(level=1)
        await tell(app, SUBSCRIPTION, viewer.user_id, occasion, NOTICE, note=note)
    assert len(await _messages(app)) == 1


async def test_a_record_is_written_with_its_message_or_not_at_all(
    app: App, citizen: People
) -> None:
    viewer, note = await citizen(level=1), _record(app)
    undeclared = replace(NOTICE, template=replace(TEMPLATE, id="example.of_nobody"))
    with pytest.raises(KeyError):
        await tell(app, SUBSCRIPTION, viewer.user_id, "f-1", undeclared, note=note)
    assert await _messages(app) == []
    await tell(app, SUBSCRIPTION, viewer.user_id, "f-1", NOTICE, note=note)  # no record kept it off
    assert len(await _messages(app)) == 1


async def test_an_occasion_with_a_long_name_has_a_key_that_fits(app: App, citizen: People) -> None:
    viewer = await citizen(level=1)
    for end in ("a", "b"):
        for _ in range(2):
            await tell(app, SUBSCRIPTION, viewer.user_id, "f" * 300 + end, NOTICE)
    assert len(await _messages(app)) == 2


async def test_nobody_is_told_who_has_no_account(app: App) -> None:
    await tell(app, SUBSCRIPTION, new_id(), "f-1", NOTICE, note=_record(app))
    assert await _messages(app) == []
