"""Messages in an inbox while clients listen to it."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from core.bus import bus
from core.context.app import App
from core.database import connection, fetch_one, transaction
from core.ids import new_id
from core.security.authentication import Viewer
from notifications import api as notifications
from notifications.messages.models import BODY, TITLE, Message


async def write(app: App, tx: Any, person_id: UUID, title: str) -> UUID:
    """A message in an inbox, as `notify` writes it, visible when `tx` commits."""
    message = await Message.create(
        using_db=tx,
        id=(position := new_id()),
        person_id=person_id,
        key=str(position),
        template="test",
        version=1,
        about="service",
        title_sealed=app.vault.encrypt(title, TITLE),
        body_sealed=app.vault.encrypt("…", BODY),
        position=position,
        created_at=app.clock.now(),
    )
    await bus.publish(tx, notifications.inbox_topic(person_id), str(position))
    return message.id


async def write_now(app: App, person_id: UUID, *titles: str) -> None:
    for title in titles:
        async with transaction() as tx:
            await write(app, tx, person_id, title)
        await asyncio.sleep(0.002)  # ids of one millisecond have no order


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is awaited happens in a server
            await asyncio.sleep(0.01)


async def until_listening(app: App, viewer: Viewer) -> None:
    """A subscription of the viewer has begun: it listens, and has looked what is there already."""
    await until(lambda: notifications.inbox_topic(viewer.user_id) in app.bus._listeners)
    for _ in range(20):  # many times what its own look takes, however busy the machine is
        await fetch_one(connection(), "SELECT 1 AS one")
