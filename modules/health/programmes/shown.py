"""Plans in the health record: where their person has agreed, and to nobody else than it is."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from core.context.app import App
from core.database import transaction
from core.id_documents import EVERY_DOCUMENT
from core.people import consents
from core.people.personal_read import Purpose
from modules.health.programmes import service, store, texts
from modules.health.programmes.fhir import Plan, plan_resources
from modules.health.programmes.graphql import NAME
from modules.health.programmes.models import NOTE

PURPOSE = Purpose(
    id="health.care-plans-in-record",
    upstream=texts.REGISTER,
    fields=("care_plan", "measurements", "follow_ups"),
    text=texts.SHOWN_CONSENT,
    text_version="2026-11",
    documents=EVERY_DOCUMENT,
)
_NAMES = {quantity: f"{name.zh} / {name.en}" for quantity, name in NAME.items()}


async def plans_of(app: App, citizen_id: UUID) -> Sequence[Plan]:
    """The plans of a person's open enrolments, each under its programme's consent; none without
    the consent to show them."""
    now = app.clock.now()
    async with transaction() as tx:
        if not await consents.find_live(tx, citizen_id, PURPOSE.id, PURPOSE.text_version, now):
            return []
    plans: list[Plan] = []
    for programme in service.programmes_of(app).values():
        rows = await store.list_enrolments(citizen_id, programme.service)
        live = [row for row in rows if row.closed_at is None]
        if not live or not await service.has_consent(app, citizen_id, programme):
            continue
        for care in await service.gather(programme, live, now):
            sealed = care.plan.note_sealed
            note = app.vault.decrypt(bytes(sealed), NOTE) if sealed else None
            plans.append(partial(plan_resources, programme, care, note, _NAMES))
    return plans
