"""The police registry: does this name belong to this resident ID, is this their child?

See docs/upstreams/police.md. Both operations change nothing there; IDs stand in bodies alone.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from core.id_documents import Document
from core.people.personal_read import Access
from core.upstream.operation import Request, System, json_of, log_of

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
class Kin:
    """That somebody is a parent of a child.

    `birth_certificate_no` is what the child's household registration rests on; None for those of
    before the registry kept it.
    """

    request_no: str
    birth_certificate_no: str | None = None


@dataclass(frozen=True, slots=True)
class _Family:
    result: Kinship
    request_no: str
    birth_certificate_no: str | None = None


def _kin(family: _Family) -> Kin | None:
    if family.result is not Kinship.CONFIRMED:
        return None
    return Kin(family.request_no, family.birth_certificate_no)


@dataclass(frozen=True, slots=True)
class Birth:
    """A birth as its certificate states it."""

    name: str
    born_on: date
    request_no: str


@dataclass(frozen=True, slots=True)
class _Certified:
    result: Kinship
    request_no: str
    name: str | None = None
    born_on: date | None = None


def _birth(certified: _Certified) -> Birth | None:
    if certified.result is not Kinship.CONFIRMED:
        return None
    if not certified.name or certified.born_on is None:
        raise ValueError("a birth without name or date")
    return Birth(certified.name, certified.born_on, certified.request_no)


@REGISTRY.operation(
    "POST", "/identity/verify", answers=json_of(Match, "result"), safe=True, personal=True
)
def verify(access: Access, name: str, resident_id: str) -> Request:
    """Compare a name with a resident ID."""
    body = {"name": name, "resident_id": resident_id}
    return Request(json=body, headers={"X-Access-Id": str(access.access_id)}, access=access)


@REGISTRY.operation(
    "POST", "/permits/verify", answers=json_of(Match, "result"), safe=True, personal=True
)
def verify_permit(access: Access, name: str, document: Document) -> Request:
    """Compare name, number and birth date with the register of exit and entry documents."""
    body = {
        "kind": document.kind,
        "number": document.number,
        "name": name,
        "born_on": document.born_on.isoformat(),
    }
    return Request(json=body, headers={"X-Access-Id": str(access.access_id)}, access=access)


@REGISTRY.operation(
    "POST",
    "/births/verify",
    answers=json_of(_Certified).then(_birth),
    safe=True,
    personal=True,
)
def verify_birth(access: Access, certificate_no: str) -> Request:
    """The birth that a certificate states, where the access's person is a parent on it, or None."""
    body = {"parent_no": access.person.document_no, "certificate_no": certificate_no}
    return Request(json=body, headers={"X-Access-Id": str(access.access_id)}, access=access)


@dataclass(frozen=True, slots=True)
class DeathRecord:
    """A death that the registry has recorded, or that it records no more.

    `record_no` rises by time; `withdraws` is an earlier record that was a mistake. `kind` is what
    has the number, a `DocumentKind` or one that is not known here: such a record is read over.
    """

    record_no: int
    number: Annotated[str, Field(min_length=1)]
    died_on: date
    withdraws: Annotated[int, Field(gt=0, lt=2**63)] | None
    kind: str


@REGISTRY.operation(
    "POST", "/deaths/changes", answers=log_of(DeathRecord, "deaths", "record_no"), safe=True
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
    answers=json_of(_Family).then(_kin),
    safe=True,
    personal=True,
)
def verify_family(access: Access, child_resident_id: str) -> Request:
    """Whether the access's person is a parent of a child, or None."""
    body = {
        "parent_resident_id": access.person.document_no,
        "child_resident_id": child_resident_id,
    }
    return Request(json=body, headers={"X-Access-Id": str(access.access_id)}, access=access)
