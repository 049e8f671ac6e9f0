"""People with devices and no accounts, for campaigns."""

from collections.abc import Sequence
from uuid import UUID

from core.context.app import App
from core.database import transaction
from core.ids import new_id
from core.texts import Named
from notifications.api import Audience, Member
from notifications.reach import store
from notifications.reach.models import ADDRESS, Address
from notifications.templates.domain import Channel


async def give_device(app: App, person_id: UUID, device: str) -> None:
    """Register a device of the probe's push service."""
    async with transaction() as tx:
        await store.put_address(app, tx, person_id, Channel.PUSH, "probe_push", device)


async def make_crowd(app: App, number: int) -> None:
    """So many people, each with a device."""
    now = app.clock.now()
    await Address.bulk_create(
        Address(
            id=new_id(),
            person_id=new_id(),
            channel="push",
            provider="probe_push",
            address_sealed=app.vault.encrypt(f"device-{place}", ADDRESS),
            address_index=app.vault.blind_index(f"device-{place}", ADDRESS),
            seen_at=now,
        )
        for place in range(number)
    )


async def _page(_app: App, after: UUID, limit: int) -> Sequence[Member]:
    rows = await Address.filter(person_id__gt=after).order_by("person_id").limit(limit)
    return [Member(row.person_id, "zh") for row in rows]


async def _size(_app: App) -> int:
    return await Address.all().count()


CROWD = Audience("probe", Named("试验人群", "The probe's crowd"), _page, _size)
