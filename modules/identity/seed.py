"""The sandbox's members of staff, as its control plane lists them. Production is not seeded."""

from base64 import b32decode
from collections.abc import Mapping
from typing import Any

from core.context.app import App
from core.context.contributions import Seed
from core.database import transaction
from core.deadline import Deadline
from core.queue.jobs import job
from modules.identity import staff

_DEPARTMENTS = {
    "department_officer": "administrative_approval",
    "grid_worker": "grid_office",
    "bank_officer": "city-bank",
    "risk_officer": "finance",
    "finance_officer": "finance",
    "operator": "big_data",
    "family_doctor": "health",
}
_DEADLINE_S = 10.0


async def seed(app: App) -> None:
    """Have the staff seeded as soon as the sandbox runs; it may start after this. Repeat-safe."""
    async with transaction() as tx:
        await seed_staff.enqueue(app, tx, key="seed")


@job("identity.seed_staff", max_delay_s=10)
async def seed_staff(app: App) -> None:
    """Enrol the demo people who are staff, with the secrets that the sandbox tells everybody."""
    if app.settings.is_production:
        return
    sandbox = app.http.upstream("sandbox", app.settings.sandbox_url)
    answer = await sandbox.request(
        "GET", "/_control/people", operation="list_people", deadline=Deadline.after(_DEADLINE_S)
    )
    for person in answer.json():
        if "totp_secret" in person:
            await _enrol(app, person)


async def _enrol(app: App, person: Mapping[str, Any]) -> None:
    role = str(person["role"])
    async with transaction() as tx:
        await staff.enrol(
            app,
            tx,
            phone=person["phone"],
            roles=[role],
            department=_DEPARTMENTS[role],
            secret=b32decode(person["totp_secret"]),
        )


SEED = Seed(seed)
