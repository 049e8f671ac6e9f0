"""E-licences as their system has them, and what is shown of one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from core.ids import OutsideNo
from core.states import Edge, StateMachine
from core.texts import Named

SERVICE = "e-licence"
CODE_LIFE = timedelta(seconds=60)
VERIFIERS = "quancheng-licence-verifiers"
"""The audience of presentation codes."""

PRESENTATION = StateMachine(
    name="licence presentation",
    table="affairs_licence_presentation",
    column="state",
    initial=("issued",),
    edges=(Edge("issued", "show", "shown"), Edge("issued", "cancel", "cancelled")),
)


class LicenceStatus(StrEnum):
    """Whether a licence holds. VALID; EXPIRED; SUSPENDED: for a time. REVOKED: taken back."""

    VALID = "VALID"
    EXPIRED = "EXPIRED"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True)
class LicenceField:
    """Something that stands in a licence."""

    name: Annotated[str, "Under which it is chosen to be shown."]
    title: Annotated[Named, "What it is."]
    value: Annotated[str, "What stands there."]


@dataclass(frozen=True, slots=True)
class Licence:
    """An e-licence."""

    licence_ref: Annotated[OutsideNo, "Its id in the e-licence system."]
    kind: Annotated[str, "Its kind: resident_card, driving_licence, business_licence …"]
    name: Annotated[Named, "What it is called."]
    issuer_zh: Annotated[str, "Who issued it."]
    issued_on: Annotated[date, "When it was issued."]
    valid_until: Annotated[date | None, "Its last day; null: it does not end."]
    status: Annotated[LicenceStatus, "Whether it holds."]
    fields: Annotated[Sequence[LicenceField], "What stands in it."]

    def on(self, day: date) -> "Licence":
        """The licence on a day: after its last it has expired, also where its system has not noted
        that yet."""
        is_over = self.valid_until is not None and self.valid_until < day
        if is_over and self.status is LicenceStatus.VALID:
            return replace(self, status=LicenceStatus.EXPIRED)
        return self

    def may_show(self, names: Collection[str]) -> bool:
        """Whether these are some of its fields, each once; nothing at all is not shown."""
        own = {field.name for field in self.fields}
        return 0 < len(names) == len(set(names)) and set(names) <= own


@dataclass(frozen=True, slots=True)
class Presentation:
    """A licence that is about to be shown, once, to whoever reads its code."""

    id: Annotated[UUID, "Its id, for cancelLicencePresentation."]
    code: Annotated[str, "What the QR code says."]
    expires_at: Annotated[datetime, "When it can be read no more."]
    fields: Annotated[Sequence[str], "The fields that are shown, by name."]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a verifier is told: the licence, and of what stands in it only what was chosen.

    Of a licence that does not hold nothing is shown but that.
    """

    licence: Licence
    fields: Sequence[LicenceField]
    shown_at: datetime


def choose(licence: Licence, names: Collection[str], shown_at: datetime) -> Shown:
    """What is shown of a licence as it stands now."""
    holds = licence.status is LicenceStatus.VALID
    chosen = [field for field in licence.fields if field.name in names] if holds else []
    return Shown(licence, chosen, shown_at)
