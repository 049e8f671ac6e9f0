"""The police registry: does this name belong to this resident ID, is this their child?"""

from enum import StrEnum
from typing import Protocol

from core.context.app import App
from core.deadline import Deadline
from core.people.personal_read import Access
from core.upstream.client import UpstreamFailed


class Match(StrEnum):
    """The registry's answer."""

    MATCH = "MATCH"
    MISMATCH = "MISMATCH"
    NOT_FOUND = "NOT_FOUND"


class Kinship(StrEnum):
    """The registry's answer about two people."""

    CONFIRMED = "CONFIRMED"
    NOT_CONFIRMED = "NOT_CONFIRMED"


class IdentityRegistry(Protocol):
    """What identity needs from the police."""

    async def verify(
        self, access: Access, name: str, resident_id: str, deadline: Deadline
    ) -> Match:
        """Compare a name with a resident ID. Raises UpstreamError when there is no answer."""
        ...

    async def confirm_parent(
        self, access: Access, child_resident_id: str, deadline: Deadline
    ) -> str | None:
        """The registry's number for it that the access's person is a parent of a child.

        None where they are not. Raises UpstreamError when there is no answer.
        """
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
            access=access,
        )
        try:
            return Match(answer.json()["result"])
        except (KeyError, TypeError, ValueError):
            raise UpstreamFailed("police", "verify", "unknown result") from None

    async def confirm_parent(
        self, access: Access, child_resident_id: str, deadline: Deadline
    ) -> str | None:
        """Ask for parent and child by ID, in the body. Safe to repeat."""
        answer = await self._http.request(
            "POST",
            "/family/verify",
            operation="verify_family",
            json={
                "parent_resident_id": access.person.resident_id,
                "child_resident_id": child_resident_id,
            },
            headers={"X-Access-Id": str(access.access_id)},
            deadline=deadline,
            safe=True,
            access=access,
        )
        try:
            body = answer.json()
            return str(body["request_no"]) if Kinship(body["result"]) is Kinship.CONFIRMED else None
        except (KeyError, TypeError, ValueError):
            raise UpstreamFailed("police", "verify_family", "unknown result") from None
