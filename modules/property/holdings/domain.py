"""Real estate as the registry has it, of the owner's own share alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from core.people.file_link import FileLink


class Ownership(StrEnum):
    """How a property is owned. SOLE: by one. JOINT: by several together, without shares. SHARED: by
    several, each with a share.
    """

    SOLE = "SOLE"
    JOINT = "JOINT"
    SHARED = "SHARED"


@dataclass(frozen=True, slots=True)
class RealEstate:
    """A property of the viewer's."""

    certificate_no: Annotated[str, "The number of the ownership certificate."]
    unit_no: Annotated[str, "The property's number, 28 characters."]
    address_zh: Annotated[str, "Where it is."]
    use_zh: Annotated[str, "What it is for."]
    floor_area_m2: Annotated[str, "The floor area in square metres, exactly as registered."]
    ownership: Annotated[Ownership, "How it is owned."]
    owner_count: Annotated[int, "How many own it; who the others are is not told."]
    own_share: Annotated[str | None, 'The viewer\'s own share, "1/2"; null unless SHARED.']
    registered_on: Annotated[date, "When it was registered."]
    mortgaged: Annotated[bool, "Whether it is mortgaged."]
    seized: Annotated[bool, "Whether a court has seized it."]


@dataclass(frozen=True, slots=True)
class RealEstateRecord:
    """What somebody owns."""

    holdings: Annotated[Sequence[RealEstate], "Every property; empty where there is none."]
    unreadable: Annotated[int, "How many came in a form that cannot be read and are not shown."]
    access_id: UUID
    """The access under which it was read, which a certificate rests on."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate of no property says, as its code tells it to anybody."""

    certificate_no: Annotated[str, "Its number."]
    holder: Annotated[str, "The holder's name, all but the last character hidden."]
    holder_id_no: Annotated[str, "The number of the holder's document, its middle hidden."]
    as_of: Annotated[datetime, "When the registry had no property of theirs."]
    valid_until: Annotated[datetime, "Until when it is good."]


@dataclass(frozen=True, slots=True)
class NoPropertyCertificate:
    """A certificate that has just been issued."""

    facts: Annotated[CertificateFacts, "What it says."]
    code: Annotated[str, "The code on it, with which anybody verifies it."]
    pdf: Annotated[FileLink, "The signed PDF."]
