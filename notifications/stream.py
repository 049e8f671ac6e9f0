"""New messages of a person as they are written, none lost while the reader was away.

The bus only wakes the reader; what is new stands in the table.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from core.bus.bus import Bus
from core.bus.position import Position, Resume
from notifications.messages import store
from notifications.messages.models import Message

_PAGE = 200


async def new_messages(bus: Bus, person_id: UUID, resume: Resume) -> AsyncGenerator[Message]:
    """Messages after the client's last event, or from now on where it names none.

    Each is given once. `resume.event_id` is the position that includes the message given.
    """
    position = Position.parse(resume.last_event_id) if resume.last_event_id else None
    async with aclosing(bus.wakes(store.inbox_topic(person_id))) as wakes:
        async for _ in wakes:
            if position is None:
                # after the bus listens, so that nothing falls between this reading and the next
                position = await _present(person_id)
                resume.started_id = str(position)
            async for message in _rows_after(person_id, position.floor):
                assert message.position is not None  # only those in the inbox are read
                if position.take(message.position):
                    resume.event_id = str(position)
                    yield message


async def _present(person_id: UUID) -> Position:
    position = Position(await store.find_newest_position(person_id) or UUID(int=0))
    async for message in _rows_after(person_id, position.floor):
        assert message.position is not None
        position.take(message.position)
    return position


async def _rows_after(person_id: UUID, after: UUID) -> AsyncGenerator[Message]:
    while True:
        rows = await store.list_new_messages(person_id, after=after, limit=_PAGE)
        for row in rows:
            yield row
        if len(rows) < _PAGE:
            return
        last = rows[-1].position
        assert last is not None
        after = last
