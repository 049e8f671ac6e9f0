"""What delivering needs of a provider, whatever its wire: hand these over, say what became of each.

Adapters translate between their provider's form and these types; nothing of a form is outside its
own file. A provider is declared in a room and found by its type.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import structlog

from core.context.app import App
from core.deadline import Deadline
from core.rooms import ExtensionPoint
from core.texts import shortened
from core.upstream.client import UpstreamError, UpstreamRejected
from notifications.templates.domain import Channel, SendLane


@dataclass(frozen=True, slots=True, repr=False)
class Outbound:
    """One message to one address. `ref` is the same at every attempt: the provider, which keeps
    it, shows the message once."""

    ref: str
    address: str
    title: str
    body: str
    deep_link: str | None
    lane: SendLane


@dataclass(frozen=True, slots=True)
class Taken:
    """The provider has it. `ref` is its own name for it, under which receipts come."""

    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will never take it. `is_gone`: the address itself is no more."""

    reason: str
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """Not now. `outcome_known`: the provider certainly has not got it, so another may try."""

    reason: str
    outcome_known: bool = False


Outcome: TypeAlias = Taken | Refused | Failed


@dataclass(frozen=True, slots=True)
class Provider:
    """One way through a channel.

    `send(app, deadline, outbounds)` gives an outcome for each, in their order, and raises nothing
    that one of them is to blame for.
    """

    name: str
    channel: Channel
    send: Callable[[App, Deadline, Sequence[Outbound]], Awaitable[Sequence[Outcome]]]
    is_set_up: Callable[[App], bool] = lambda _app: True
    """Whether this installation uses it."""
    is_standby: bool = False
    """Gets messages only while the others of its channel fail."""
    confirms: bool = False
    """Whether receipts follow."""
    own_addresses: bool = False
    """Whether an address is this provider's alone, as a device token is."""
    rate_per_s: int | None = None
    """The most that it takes in one second from all our processes."""
    slow_s: float = 3.0
    """From here on it counts as slow."""


TITLE_MAX, TEXT_MAX = 50, 200
"""Characters of a push that every maker's service takes and shows; the whole text stands in the
inbox. APNs, FCM and Push Kit take 4,096 bytes with all that goes beside it."""

log = structlog.get_logger(__name__)

PROVIDERS = ExtensionPoint("notification provider", Provider, key=lambda provider: provider.name)


def notice(outbound: Outbound) -> tuple[str, str]:
    """Title and text as a push shows them."""
    return shortened(outbound.title, TITLE_MAX), shortened(outbound.body, TEXT_MAX)


async def each(
    outbounds: Sequence[Outbound],
    send: Callable[[Outbound], Awaitable["str | Outcome | None"]],
    *,
    at_once: int | None = None,
) -> Sequence[Outcome]:
    """Send one by one, all at once or so many; `send` answers the provider's own ref, or an
    outcome."""
    gate = asyncio.Semaphore(at_once or max(1, len(outbounds)))

    async def one(outbound: Outbound) -> Outcome:
        async with gate:
            return await judged(send(outbound))

    return await asyncio.gather(*map(one, outbounds))


async def judged(sending: Awaitable[str | Outcome | None]) -> Outcome:
    """What the end of a call means for its message. An answer that an adapter stumbles over is a
    failure of that message alone."""
    try:
        answer = await sending
        return Taken(answer) if answer is None or isinstance(answer, str) else answer
    except UpstreamRejected as refusal:
        # of us or of the moment; a page of whoever stands before it says nothing of the message
        if refusal.status in (401, 403, 408, 425, 429) or not refusal.code:
            return Failed(f"http_{refusal.status}", outcome_known=True)
        return Refused(refusal.code.lower())
    except UpstreamError as error:
        return Failed(error.reason.lower(), error.outcome_known)
    except Exception as error:
        log.error("answer not understood", exc_info=error)
        return Failed("adapter")
