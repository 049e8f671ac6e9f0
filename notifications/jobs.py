"""Delivering what the door accepted."""

from datetime import timedelta
from uuid import UUID

from core.context.app import App
from core.database import transaction
from core.deadline import Deadline
from core.people.directory import get_person
from core.queue.jobs import Lane, job
from core.upstream.client import UpstreamRejected
from notifications import models, store
from notifications.models import Delivery
from notifications.upstream import send

_DEADLINE_S = 10.0
_BARE_TEXTS_KEPT = timedelta(days=30)


@job("notifications.deliver", lane=Lane.CRITICAL, max_attempts=20, max_delay_s=60)
async def deliver(app: App, delivery_id: UUID) -> None:
    """Hand one delivery to the gateway. Repeat-safe: the gateway knows the delivery's id.

    What the gateway refuses has failed for good; silence is tried again.
    """
    delivery = await store.find_delivery(delivery_id)
    if delivery is None or delivery.state != "queued":
        return
    try:
        receipt = await send(
            app,
            Deadline.after(_DEADLINE_S),
            str(delivery.id),
            await _phone(app, delivery),
            app.vault.decrypt(delivery.body_sealed, models.BODY),
        )
    except UpstreamRejected:
        async with transaction() as tx:
            await store.reject_delivery(tx, delivery)
        return
    async with transaction() as tx:
        await store.settle_delivery(app, tx, delivery, receipt)


@job("notifications.forget_texts", lane=Lane.BULK, every="25 19 * * *")
async def forget_texts(app: App) -> None:
    """Drop texts to bare phones, such as codes, after a month. Repeat-safe."""
    await store.delete_bare_texts(app.clock.now() - _BARE_TEXTS_KEPT)


async def _phone(app: App, delivery: Delivery) -> str:
    if delivery.to_sealed is not None:
        return app.vault.decrypt(delivery.to_sealed, models.PHONE)
    assert delivery.person_id is not None
    return (await get_person(app, delivery.person_id)).phone
