"""The inbox in GraphQL."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

import strawberry

from core.bus.position import Resume
from core.context.app import App
from core.errors import NotFound
from core.graphql import (
    After,
    Connection,
    First,
    IdempotencyKey,
    Info,
    Refused,
    connection,
    mutation,
    page_size,
    parse_id,
    query,
    signed_in,
    subscription,
)
from core.refusal_texts import NOT_FOUND
from notifications import stream
from notifications.messages import models, store


@strawberry.type(description="A message to the viewer.")
class Message:
    id: strawberry.ID = strawberry.field(description="The message's id.")
    template: str = strawberry.field(description="What kind of message this is.")
    title: str = strawberry.field(description="The title, in the person's language.")
    body: str = strawberry.field(description="The text.")
    deep_link: str | None = strawberry.field(description="Where in the app it leads.")
    thread: str | None = strawberry.field(description="The thread that it belongs to.")
    created_at: datetime = strawberry.field(description="When it was written.")
    read_at: datetime | None = strawberry.field(description="When it was read.")


@strawberry.type(description="The viewer's messages.")
class Inbox:
    thread: strawberry.Private[str | None]

    @strawberry.field(description="How many messages are unread, in all threads.")
    async def unread(self, info: Info) -> int:
        """Counted only where it is asked for."""
        return await store.count_unread(info.context.require_viewer().user_id)

    @strawberry.field(description="Newest first.")
    async def messages(
        self, info: Info, first: First, after: After = None
    ) -> Connection[Message] | None:
        """A page of the viewer's messages."""
        person_id = info.context.require_viewer().user_id
        first = page_size(first)
        before = parse_id(after) if after else None
        rows = await store.list_messages(
            person_id, first=first + 1, before=before, thread=self.thread
        )
        app = info.context.app
        return connection(
            rows,
            first,
            lambda row: str(row.position),
            lambda row: _message(app, row),
            after=after,
        )


@strawberry.type(description="The message is marked as read.")
class MessageRead:
    read_message: Message = strawberry.field(description="The message.")


MessageId = Annotated[strawberry.ID, strawberry.argument(description="The message's id.")]
MarkMessageReadResult = Annotated[MessageRead | Refused, strawberry.union("MarkMessageReadResult")]


@strawberry.type
class Query:
    """The query fields of notifications."""

    @query(signed_in(), description="The viewer's messages.")
    async def inbox(
        self,
        info: Info,
        thread: Annotated[
            str | None, strawberry.argument(description="Only this thread; null for all.")
        ] = None,
    ) -> Inbox:
        """The inbox of whoever is signed in."""
        return Inbox(thread=thread)


@strawberry.type
class Mutation:
    """The mutation fields of notifications."""

    @mutation(signed_in(), description="Mark a message as read.")
    async def mark_message_read(
        self, info: Info, message_id: MessageId, idempotency_key: IdempotencyKey
    ) -> MarkMessageReadResult:
        """Reading twice is reading once."""
        person_id = info.context.require_viewer().user_id
        row = await store.mark_read(info.context.app, person_id, parse_id(message_id))
        if row is None:
            raise NotFound(NOT_FOUND)
        return MessageRead(read_message=_message(info.context.app, row))


@strawberry.type
class Subscription:
    """The subscription fields of notifications."""

    @subscription(
        signed_in(),
        description="Each new message to the viewer, as it arrives. Who comes back with the id of "
        "the last event also gets what arrived in between.",
    )
    async def message_received(self, info: Info) -> AsyncIterator[Message]:
        """New messages, whichever process wrote them."""
        call = info.context
        person_id = call.require_viewer().user_id
        resume = call.once(Resume, Resume)
        async with aclosing(stream.new_messages(call.app.bus, person_id, resume)) as rows:
            async for row in rows:
                yield _message(call.app, row)


def _message(app: App, row: models.Message) -> Message:
    return Message(
        id=strawberry.ID(str(row.id)),
        template=row.template,
        title=app.vault.decrypt(row.title_sealed, models.TITLE),
        body=app.vault.decrypt(row.body_sealed, models.BODY),
        deep_link=row.deep_link,
        thread=row.thread,
        created_at=row.created_at,
        read_at=row.read_at,
    )
