"""People who take part in programmes, made without walking through consents."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.database import IntegrityError
from core.database.models import Consent
from core.ids import new_id
from core.people.personal_read import Purpose
from modules.health.programmes import service, store
from modules.health.programmes.domain import Quantity, Values
from modules.health.programmes.models import (
    Alert,
    CarePlan,
    Enrolment,
    FollowUp,
    Measurement,
)
from modules.health.programmes.programme import Programme
from modules.health.programmes.service import Joining, Recorded

TABLES = (Enrolment, CarePlan, Measurement, FollowUp, Alert)


async def consent(app: App, citizen_id: UUID, programme: Programme) -> None:
    """A live consent to a programme, once."""
    await agree(app, citizen_id, programme.purpose)


async def agree(app: App, citizen_id: UUID, purpose: Purpose) -> None:
    """A live consent, once."""
    columns = {"subject_id": citizen_id, "purpose": purpose.id, "withdrawn_at": None}
    rest = {
        "id": new_id(),
        "text_version": purpose.text_version,
        "source": purpose.upstream,
        "recipient": purpose.recipient,
        "fields_agreed": list(purpose.fields),
        "granted_by": citizen_id,
        "granted_at": app.clock.now(),
    }
    if not await Consent.filter(**columns).exists():
        with suppress(IntegrityError):  # made at the same time
            await Consent.create(**columns, **rest)


async def join(
    call: Call,
    programme: Programme,
    key: str,
    facts: Mapping[str, Any] | None = None,
    *,
    label: str = "",
    age: int = 40,
) -> Enrolment:
    """Take part, with consent."""
    await consent(call.app, call.subject_id, programme)
    return await service.enrol(call, programme, Joining(facts or {}, label, age), key)


async def measure(
    call: Call,
    programme: Programme,
    enrolment: Enrolment,
    values: Values,
    *,
    at: datetime | None = None,
    key: str | None = None,
) -> Recorded:
    """Note a measurement."""
    key = key or f"key-{new_id().hex}"
    return await service.record(call, programme, enrolment.id, values, at, key)


def pressure(systolic: float, diastolic: float) -> Values:
    """A blood pressure."""
    return {Quantity.SYSTOLIC: systolic, Quantity.DIASTOLIC: diastolic}


async def make_due(today: date, *, n: int | None = None) -> None:
    """A visit due from a day on, for every open enrolment or for those of the n-th thing."""
    for row in await Enrolment.filter(closed_at=None):
        if n is None or row.label == f"n{n}":
            await FollowUp.create(
                id=new_id(),
                enrolment_id=row.id,
                citizen_id=row.citizen_id,
                code="extra",
                name_zh="复查",
                name_en="Re-check",
                from_on=today,
                until_on=today + timedelta(days=14),
                state=store.DUE,
            )


async def rows() -> Mapping[str, int]:
    """How many rows each table of programmes has."""
    return {model.__name__: await model.all().count() for model in TABLES}
