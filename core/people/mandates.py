"""Acting for somebody else: guardians for children, proxies for elders.

The module that owns the accounts gives the `Mandates`. Every use looks the
mandate up in the database, so its end counts from the next call on; what runs longer than a call
listens for the end (`ENDED`).
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from core.bus.streams import ended_by
from core.context.app import App
from core.context.call import Call
from core.errors import NotFound
from core.people import acts
from core.refusal_texts import NOT_FOUND
from core.rooms import ExtensionPoint
from core.security.mandate import Mandate

T = TypeVar("T")

ENDED = "people.mandate_ended"
"""The bus topic that tells the ids of mandates that ended."""


@dataclass(frozen=True, slots=True)
class Mandates:
    """Where mandates are looked up.

    `find(app, actor_id, subject_id)` is one, `of_actor(app, actor_id)` all under which somebody
    acts now, `guardians(app, subject_id)` are the present guardians of a minor.
    """

    find: Callable[[App, UUID, UUID], Awaitable[Mandate | None]]
    of_actor: Callable[[App, UUID], Awaitable[Sequence[Mandate]]]
    guardians: Callable[[App, UUID], Awaitable[Sequence[UUID]]]


MANDATES = ExtensionPoint("people.mandates", Mandates, key=id)


async def find_mandate(app: App, actor_id: UUID, subject_id: UUID) -> Mandate | None:
    """What lets one person act for another at this moment."""
    for mandates in app.extensions(MANDATES):
        mandate = await mandates.find(app, actor_id, subject_id)
        if mandate is not None:
            return mandate
    return None


async def list_mandates(app: App, actor_id: UUID) -> list[Mandate]:
    """Everything under which somebody may act for others at this moment."""
    found = [await each.of_actor(app, actor_id) for each in app.extensions(MANDATES)]
    return [mandate for mandates in found for mandate in mandates]


async def list_guardians(app: App, subject_id: UUID) -> list[UUID]:
    """The present guardians of a minor; nobody for an adult."""
    found = [await each.guardians(app, subject_id) for each in app.extensions(MANDATES)]
    return [guardian for guardians in found for guardian in guardians]


async def act_for(call: Call, subject_id: UUID, *, service: str | None = None) -> Call:
    """The call on behalf of a subject; oneself needs no mandate.

    Raises NotFound where the viewer has no mandate for this: a stranger, somebody missing and
    a service that the mandate does not cover are told in the same words.
    """
    viewer = call.require_viewer()
    if subject_id == viewer.user_id:
        return call
    mandate = await find_mandate(call.app, viewer.user_id, subject_id)
    if mandate is None or not mandate.covers(service):
        raise NotFound(NOT_FOUND)
    acts.representations(call).append(acts.Representation(mandate, service))
    return call.acting(mandate)


async def still_acts(call: Call) -> None:
    """Raise NotFound where the call's mandate has ended since it was opened."""
    mandate = call.mandate
    if mandate is None:
        return
    now = await find_mandate(call.app, mandate.actor_id, mandate.subject_id)
    if now is None or now.id != mandate.id:
        raise NotFound(NOT_FOUND)


async def while_acting(
    call: Call, items: AsyncGenerator[T], check: Callable[[], Awaitable[None]] | None = None
) -> AsyncGenerator[T]:
    """The items of a subscription until the call's mandate ends; then NotFound is raised.

    The end is heard over the bus and looked up before each item, so that none passes after it.
    `check` is looked up with it: whatever else must still be true, such as a consent.
    """

    async def verify() -> None:
        await still_acts(call)
        if check is not None:
            await check()

    topics = [] if call.mandate is None else [(ENDED, str(call.mandate.id))]
    guarded = ended_by(call.app.bus, items, topics, verify)
    async with aclosing(guarded):
        async for item in guarded:
            yield item
