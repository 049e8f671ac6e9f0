"""What is shown of records, and to whom: a person's own labels decide what others see."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Protocol, TypeVar

import strawberry

from core.context.call import Call
from core.graphql import view
from core.upstream.readings import Reading, ReadStatus
from modules.health.policy import hospital_name
from modules.health.records.domain import ClinicalDate, Quantity, Report, Source
from modules.health.records.lookup import Records

Restricted = Annotated[
    bool,
    strawberry.argument(
        description="Show what is under a security label (HIV, psychiatric, VIP …) too. Only "
        "people themselves can; it is ignored for whom they let act for them."
    ),
]

view(ClinicalDate, hidden=("before",))
view(Quantity, name="MedicalQuantity")
view(Source, name="MedicalSource", names={"hospital_ref": "code"})


@view
@dataclass(frozen=True, slots=True)
class RecordSource:
    """What one hospital has answered."""

    hospital: Annotated[Source, "The hospital."]
    status: Annotated[ReadStatus, "Whether it has answered now."]
    as_of: Annotated[datetime | None, "When what is shown of it was true."]
    reason: Annotated[str | None, "Why it is not LIVE, a stable code."]
    set_aside: Annotated[
        int, "What it sent that cannot be shown: without the agreed form, or about nobody."
    ]
    is_complete: Annotated[bool, "False where it has more than is read at a time."]


class Labelled(Protocol):
    """What may be under a security label."""

    @property
    def labels(self) -> Sequence[str]:
        """The labels that hide it."""
        ...


L = TypeVar("L", bound=Labelled)


def source_of(call: Call, hospital_ref: str) -> Source:
    """A hospital by its name."""
    return Source(hospital_ref, hospital_name(call.app, hospital_ref))


def sources_of(call: Call, reading: Reading[Records]) -> list[RecordSource]:
    """What each hospital has answered; none where nothing can be shown."""
    shown = []
    for at in reading.value.hospitals if reading.value else ():
        received = at.reading.value
        shown.append(
            RecordSource(
                hospital=source_of(call, at.hospital_ref),
                **at.reading.freshness,
                set_aside=received.set_aside if received else 0,
                is_complete=received is not None and not received.truncated,
            )
        )
    return shown


def sees_restricted(call: Call, requested: bool) -> bool:
    """Whether labelled items are shown: to people themselves, where they ask for it."""
    return requested and call.mandate is None


def unrestricted(items: Sequence[L], *, restricted: bool) -> Sequence[L]:
    """Items without those under a label, or all of them."""
    return items if restricted else [item for item in items if not item.labels]


def unrestricted_report(report: Report, *, restricted: bool) -> Report:
    """A report without the results and files that are under a label of their own."""
    return replace(
        report,
        results=unrestricted(report.results, restricted=restricted),
        files=unrestricted(report.files, restricted=restricted),
    )
