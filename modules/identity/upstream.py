"""The police identity registry: does this name belong to this resident ID?"""

from enum import StrEnum
from typing import Protocol

from core.app import App
from core.deadline import Deadline
from core.http import UpstreamFailed
from core.privacy import Access


class Match(StrEnum):
    """The registry's answer."""

    MATCH = "MATCH"
    MISMATCH = "MISMATCH"
    NOT_FOUND = "NOT_FOUND"


class IdentityRegistry(Protocol):
    """What identity needs from the police."""

    async def verify(
        self, access: Access, name: str, resident_id: str, deadline: Deadline
    ) -> Match:
        """Compare a name with a resident ID. Raises UpstreamError when there is no answer."""
        ...


class PoliceClient:
    """The registry over HTTP; see docs/upstreams/police.md."""

    def __init__(self, app: App, address: str) -> None:
        self._http = app.http.upstream("police", address)

    async def verify(
        self, access: Access, name: str, resident_id: str, deadline: Deadline
    ) -> Match:
        """Compare a name with a resident ID. Safe to repeat: the registry changes nothing."""
        answer = await self._http.request(
            "POST",
            "/identity/verify",
            operation="verify",
            json={"name": name, "resident_id": resident_id},
            headers={"X-Access-Id": str(access.access_id)},
            deadline=deadline,
            safe=True,
        )
        try:
            return Match(answer.json()["result"])
        except (KeyError, TypeError, ValueError):
            raise UpstreamFailed("police", "verify", "unknown result") from None
