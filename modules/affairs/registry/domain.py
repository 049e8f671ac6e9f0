"""A government item as the city's registry has it: what it asks, promises and costs.

Codes are those of GB/T 39554.1. Names exist in Chinese alone.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from core.texts import Named

ItemCode = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{31}$")]
Days = Annotated[int, Field(ge=0, le=3650)]


class ItemStatus(StrEnum):
    """Whether an item can be applied for. IN_FORCE; WITHDRAWN: it was, see its successor."""

    IN_FORCE = "IN_FORCE"
    WITHDRAWN = "WITHDRAWN"


class ItemType(StrEnum):
    """What an item is in law. PERMIT; CONFIRMATION: of a fact or a right. BENEFIT: money or goods.
    SERVICE: everything else that the administration does for somebody.
    """

    PERMIT = "PERMIT"
    CONFIRMATION = "CONFIRMATION"
    BENEFIT = "BENEFIT"
    SERVICE = "SERVICE"


class ItemAudience(StrEnum):
    """Who may apply. PERSON; ORGANISATION: a company or another body, by who acts for it."""

    PERSON = "PERSON"
    ORGANISATION = "ORGANISATION"


class ItemChannel(StrEnum):
    """How an item is applied for. ONLINE; COUNTER; SELF_SERVICE: at a machine. POST."""

    ONLINE = "ONLINE"
    COUNTER = "COUNTER"
    SELF_SERVICE = "SELF_SERVICE"
    POST = "POST"


class MaterialForm(StrEnum):
    """In which form a material is handed in. ORIGINAL; COPY; FORM: filled in, one of the city's."""

    ORIGINAL = "ORIGINAL"
    COPY = "COPY"
    FORM = "FORM"


class ItemFieldType(StrEnum):
    """How a field of a form is filled in. TEXT: one line. PARAGRAPH: several lines. CHOICE: one of
    its options. DATE: YYYY-MM-DD. NUMBER: a whole number.
    """

    TEXT = "TEXT"
    PARAGRAPH = "PARAGRAPH"
    CHOICE = "CHOICE"
    DATE = "DATE"
    NUMBER = "NUMBER"


@dataclass(frozen=True, slots=True)
class ItemMaterial:
    """Something to hand in."""

    material_no: Annotated[str, "Its number within the item."]
    name_zh: Annotated[str, "What it is."]
    form: Annotated[MaterialForm, "In which form."]
    required: Annotated[bool, "Whether nothing is decided without it."]
    licence_kind: Annotated[
        str | None, "The kind of e-licence that stands for it; the city fetches that itself."
    ]
    media_types: Annotated[Sequence[str], "The media types in which it may be sent."]
    pages_max: Annotated[int, "How many pages at most."]


@dataclass(frozen=True, slots=True)
class ItemFieldOption:
    """One of the options of a field."""

    value: Annotated[str, "What is sent."]
    title: Annotated[Named, "What is shown."]


@dataclass(frozen=True, slots=True)
class ItemField:
    """A field of an item's form."""

    name: Annotated[str, "Under which its value is sent."]
    title: Annotated[Named, "What stands before it."]
    type: Annotated[ItemFieldType, "How it is filled in."]
    required: Annotated[bool, "Whether it may not be left empty."]
    pattern: Annotated[str, "A regular expression for the whole value; empty: any."]
    prefill: Annotated[
        str, "What the city fills in with the applicant's consent: person.name; empty: nothing."
    ]
    options: Annotated[Sequence[ItemFieldOption], "Of a CHOICE what one may choose; else empty."]


@dataclass(frozen=True, slots=True)
class ItemCounter:
    """Where an item is dealt with in person."""

    place_zh: Annotated[str, "The hall and its counter."]
    address_zh: Annotated[str, "The address."]
    opening_hours: Annotated[str, 'Its hours in OpenStreetMap\'s form: "Mo-Fr 09:00-17:00".']
    phone: Annotated[str, "The telephone number."]


@dataclass(frozen=True, slots=True)
class Department:
    """A department, as the registry knows it."""

    code: Annotated[str, "Its code."]
    name_zh: Annotated[str, "Its name."]


@dataclass(frozen=True, slots=True)
class Item:
    """An item that a department decides or provides."""

    item_code: Annotated[ItemCode, "Its 31 characters (GB/T 39554.1)."]
    item_no: Annotated[int, "Its number in the city's list."]
    name_zh: Annotated[str, "Its name."]
    department: Annotated[Department, "Which department decides or provides it."]
    theme_zh: Annotated[str, "Its theme in the national classification."]
    status: Annotated[ItemStatus, "Whether it can be applied for."]
    withdrawn_on: Annotated[date | None, "When it was withdrawn."]
    successor_code: Annotated[str | None, "The item that takes the place of a withdrawn one."]
    item_type: Annotated[ItemType, "What it is in law."]
    audience: Annotated[Sequence[ItemAudience], "Who may apply."]
    legal_days: Annotated[Days, "Working days that the law allows; 0: at once."]
    promised_days: Annotated[Days, "Working days that the department promises; 0: at once."]
    channels: Annotated[Sequence[ItemChannel], "How it is applied for."]
    visits: Annotated[int, "How often one has to come in person at most."]
    fee_fen: Annotated[int, "What it costs; 0: nothing."]
    materials: Annotated[Sequence[ItemMaterial], "What to hand in."]
    form: Annotated[Sequence[ItemField], "What to fill in."]
    result_zh: Annotated[str, "What one is given in the end."]
    exclusive: bool
    """A person may have one open case of it at a time."""
    four_eyes: bool
    """Who decides is somebody else than who examined."""
    stages: Sequence[Sequence[str]]
    """The departments that examine it, stage after stage, those of a stage at the same time."""
    counter: Annotated[ItemCounter, "Where it is dealt with in person."]
    cases_last_year: Annotated[int, "How many cases there were last year."]


@dataclass(frozen=True, slots=True)
class LifeEvent:
    """Something that happens in a life, or to a business."""

    code: Annotated[str, "Its code."]
    name: Annotated[Named, "What happens."]
    item_codes: Annotated[Sequence[ItemCode], "The items that belong to it, in their usual order."]


class Registry:
    """The whole registry at one moment. Never changed; a newer one takes its place."""

    __slots__ = (
        "checked_at",
        "codes",
        "departments",
        "etag",
        "in_force",
        "items",
        "life_events",
        "unreadable",
    )

    def __init__(
        self,
        etag: str,
        checked_at: datetime,
        departments: Sequence[Department],
        life_events: Sequence[LifeEvent],
        items: Sequence[Item],
        unreadable: int = 0,
    ) -> None:
        self.etag = etag
        self.checked_at = checked_at
        self.unreadable = unreadable
        """How many items could not be read."""
        self.departments: Mapping[str, Department] = {one.code: one for one in departments}
        self.life_events: Mapping[str, LifeEvent] = {event.code: event for event in life_events}
        self.items: Mapping[str, Item] = {item.item_code: item for item in items}
        self.codes: Mapping[int, str] = {item.item_no: item.item_code for item in items}
        """The items' codes by their numbers in the city's list."""
        self.in_force: Sequence[Item] = [
            item for item in items if item.status is ItemStatus.IN_FORCE
        ]
        """What can be applied for."""

    def confirmed(self, checked_at: datetime) -> "Registry":
        """The same registry, known to stand at a later moment."""
        newer = copy(self)
        newer.checked_at = checked_at
        return newer
