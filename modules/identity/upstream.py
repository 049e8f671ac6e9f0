"""The police registry: does this name belong to this resident ID, is this their child?

See docs/upstreams/police.md. Both operations change nothing there; IDs stand in bodies alone.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from core.people.personal_read import Access
from core.upstream.operation import Request, System, json_of

REGISTRY = System("police")


class Match(StrEnum):
    """The registry's answer about a name and an ID."""

    MATCH = "MATCH"
    MISMATCH = "MISMATCH"
    NOT_FOUND = "NOT_FOUND"


class Kinship(StrEnum):
    """The registry's answer about two people."""

    CONFIRMED = "CONFIRMED"
    NOT_CONFIRMED = "NOT_CONFIRMED"


@dataclass(frozen=True, slots=True)
class _Family:
    result: Kinship
    request_no: str


def _confirmation(family: _Family) -> str | None:
    return family.request_no if family.result is Kinship.CONFIRMED else None


@REGISTRY.operation(
    "POST", "/identity/verify", answers=json_of(Match, "result"), safe=True, personal=True
)
def verify(access: Access, name: str, resident_id: str) -> Request:
    """Compare a name with a resident ID."""
    body = {"name": name, "resident_id": resident_id}
    return Request(json=body, headers={"X-Access-Id": str(access.access_id)}, access=access)


@dataclass(frozen=True, slots=True)
class DeathRecord:
    """A death that the registry has recorded, or that it records no more.

    `record_no` rises by time; `withdraws` is an earlier record that was a mistake.
    """

    record_no: int
    resident_id: str
    died_on: date
    withdraws: int | None = None


@REGISTRY.operation(
    "POST", "/deaths/changes", answers=json_of(list[DeathRecord], "deaths"), safe=True
)
def list_deaths(after_no: int) -> Request:
    """The records after a number, oldest first, some at a time.

    Not a personal operation in the sense of a consent: who has died can give none, and the duty to
    close accounts is the city's own.
    """
    return Request(json={"after": after_no})


@REGISTRY.operation(
    "POST",
    "/family/verify",
    answers=json_of(_Family).then(_confirmation),
    safe=True,
    personal=True,
)
def verify_family(access: Access, child_resident_id: str) -> Request:
    """Whether the access's person is a parent of a child: the registry's number for it, or None."""
    body = {
        "parent_resident_id": access.person.resident_id,
        "child_resident_id": child_resident_id,
    }
    return Request(json=body, headers={"X-Access-Id": str(access.access_id)}, access=access)
