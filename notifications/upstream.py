"""The SMS gateway."""

from typing import Protocol

from core.context.app import App
from core.deadline import Deadline
from core.upstream.breaker import BreakerPolicy
from core.upstream.client import UpstreamFailed

BREAKER = BreakerPolicy(open_s=0.5, probes_max=20)
"""Somebody waits for a code: a gateway that is well again is used within a second. A worker's
whole lane may probe at once, or the code that is asked for now would wait behind older ones."""


class SmsGateway(Protocol):
    """What notifications needs from a gateway."""

    async def send(self, message_ref: str, phone: str, text: str, deadline: Deadline) -> str:
        """Hand a text over; returns the gateway's receipt. The same `message_ref` sends once.

        Raises UpstreamError.
        """
        ...


class HttpSmsGateway:
    """The gateway over HTTP; see docs/upstreams/sms.md."""

    def __init__(self, app: App, address: str) -> None:
        self._http = app.http.upstream("sms", address, breaker=BREAKER)

    async def send(self, message_ref: str, phone: str, text: str, deadline: Deadline) -> str:
        """Hand a text over. Safe to repeat: the gateway knows the reference."""
        answer = await self._http.request(
            "POST",
            "/messages",
            operation="send",
            json={"message_ref": message_ref, "phone": phone, "text": text},
            deadline=deadline,
            safe=True,
        )
        try:
            return str(answer.json()["receipt_no"])
        except (KeyError, TypeError, ValueError):
            raise UpstreamFailed("sms", "send", "no receipt") from None
