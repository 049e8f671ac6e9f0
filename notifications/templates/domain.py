"""The rules of messages: their classes and lanes, the life of a delivery, retries, message ids."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from core.states import Edge, StateMachine

ATTEMPTS_MAX = 48
"""As many as GOV.UK Notify makes; ours lie closer at the beginning."""

ATTEMPTS_BEFORE_NEXT = 6
"""After so many, about half a minute, the next channel takes over, where there is one."""

GAP_MAX = timedelta(minutes=5)


class Channel(StrEnum):
    """How a message reaches somebody beyond the inbox, where every message to a person stands:
    PUSH, SMS, EMAIL, MINI_PROGRAMME, a subscription message of WeChat or Alipay, or VOICE, a call
    that reads it out."""

    PUSH = "push"
    SMS = "sms"
    EMAIL = "email"
    MINI_PROGRAMME = "mini_programme"
    VOICE = "voice"


TO_PHONES = frozenset({Channel.SMS, Channel.VOICE})
"""Those that reach whoever has a number, account or not."""


class SendLane(StrEnum):
    """Lanes of messages; a flood in one never delays another. SECURITY is critical too: a code does
    not wait behind a warning to the whole city."""

    SECURITY = "security"
    CRITICAL = "critical"
    NORMAL = "normal"
    BULK = "bulk"
    DIGEST = "digest"

    @property
    def is_urgent(self) -> bool:
        """Whether a phone that sleeps is woken for it."""
        return self not in (SendLane.BULK, SendLane.DIGEST)


class MessageClass(StrEnum):
    """What a message is about, which decides its lane, its channels and what people may refuse:
    SAFETY, somebody's safety; SECURITY, their account; ALARM, what they wished to be rung for at a
    moment; MONEY, payments and bills; SERVICE, what a service does for somebody who asked for it;
    NEWS, what nobody waits for."""

    SAFETY = "safety"
    SECURITY = "security"
    ALARM = "alarm"
    MONEY = "money"
    SERVICE = "service"
    NEWS = "news"


@dataclass(frozen=True, slots=True)
class ClassRule:
    """What holds for all messages of a class."""

    lane: SendLane
    channels: Sequence[Channel]
    """Tried in this order until one takes the message; after the last it stays in the inbox."""
    is_critical: bool = False
    """Passes preferences, quiet hours and caps."""
    daily_cap: int | None = None
    """How many messages of the class leave the inbox for one person on one day."""


CLASSES: Mapping[MessageClass, ClassRule] = {
    MessageClass.SAFETY: ClassRule(
        SendLane.CRITICAL, (Channel.PUSH, Channel.SMS), is_critical=True
    ),
    MessageClass.SECURITY: ClassRule(SendLane.SECURITY, (Channel.SMS,), is_critical=True),
    MessageClass.ALARM: ClassRule(SendLane.CRITICAL, (Channel.PUSH,), is_critical=True),
    MessageClass.MONEY: ClassRule(
        SendLane.NORMAL, (Channel.PUSH, Channel.MINI_PROGRAMME), daily_cap=50
    ),
    MessageClass.SERVICE: ClassRule(
        SendLane.NORMAL, (Channel.PUSH, Channel.MINI_PROGRAMME), daily_cap=30
    ),
    MessageClass.NEWS: ClassRule(SendLane.BULK, (Channel.PUSH,), daily_cap=3),
}


DELIVERY = StateMachine(
    name="delivery",
    table="notifications_delivery",
    column="state",
    initial=("created",),
    edges=(
        Edge("created", "hand over", "sending"),
        Edge("created", "hand over for good", "sent"),
        Edge("created", "refuse", "permanent-failure"),
        Edge("created", "miss", "temporary-failure"),
        Edge("created", "give up", "technical-failure"),
        Edge("created", "cancel", "cancelled"),
        Edge("technical-failure", "run again", "created"),
        Edge("sending", "arrive", "delivered"),
        Edge("sending", "miss", "temporary-failure"),
        Edge("sending", "bounce", "permanent-failure"),
        Edge("sent", "arrive", "delivered"),
        Edge("sent", "miss", "temporary-failure"),
        Edge("sent", "bounce", "permanent-failure"),
        Edge("delivered", "miss", "temporary-failure"),
        Edge("delivered", "bounce", "permanent-failure"),
        Edge("temporary-failure", "bounce", "permanent-failure"),
    ),
)
"""The states of GOV.UK Notify (docs.notifications.service.gov.uk, "Message status"): `sending` is
with a provider that will tell more, `sent` with one that will not. A receipt may come late and
overrides a better one, never a worse one."""

_TEXT_STATES = {
    "created": "queued",
    "sending": "sent",
    "sent": "sent",
    "delivered": "sent",
}


def text_state(state: str) -> str:
    """A delivery's state in three words: "queued", "sent" or "failed"."""
    return _TEXT_STATES.get(state, "failed")


def retry_gap(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 1 s, 2 s, 4 s … up to five minutes."""
    return min(timedelta(seconds=2 ** min(attempts - 1, 16)), GAP_MAX)


def message_id(key: str, recipient: str) -> UUID:
    """The id of the message of a business key to a recipient: the same whoever computes it.

    UUID version 8 (RFC 9562) of the first 122 bits of a SHA-256.
    """
    return _uuid8(f"{key}\x00{recipient}")


def delivery_id(message: UUID, channel: Channel) -> UUID:
    """The id of a message's delivery through a channel; the providers' idempotency key."""
    return _uuid8(f"{message}\x00{channel}")


def _uuid8(name: str) -> UUID:
    digest = hashlib.sha256(name.encode()).digest()
    value = int.from_bytes(digest[:16], "big") & ~(0xF << 76) & ~(0b11 << 62)
    return UUID(int=value | 0x8 << 76 | 0b10 << 62)
