"""The jobs of messages: delivering by lane, and housekeeping."""

from datetime import timedelta
from uuid import UUID

from core.context.app import App
from core.database import connection, transaction
from core.people.directory import find_person
from core.queue.jobs import Lane, job
from core.upstream.public_addresses import rule_for
from notifications.channels.jpush import CIDS_KEPT, delete_cids
from notifications.delivery import handover
from notifications.delivery.delivering import deliver_chunk
from notifications.messages import digests, receipts, sending, store
from notifications.operations import tally
from notifications.reach import store as reach_store
from notifications.templates.domain import SendLane
from notifications.templates.template import templates_of
from notifications.webhooks import service as webhooks

_TIMEOUT_S = 120.0
"""Of a chunk, the wait for its turn at a provider included."""
_BARE_TEXTS_KEPT = timedelta(days=30)


@job("notifications.deliver_security", lane=Lane.CRITICAL, timeout_s=_TIMEOUT_S)
async def deliver_security(app: App, ids: list[UUID]) -> None:
    """Deliver codes, and what else concerns an account. Repeat-safe."""
    await deliver_chunk(app, ids, SendLane.SECURITY)


@job("notifications.deliver_critical", lane=Lane.CRITICAL, timeout_s=_TIMEOUT_S)
async def deliver_critical(app: App, ids: list[UUID]) -> None:
    """Deliver what cannot wait. Repeat-safe."""
    await deliver_chunk(app, ids, SendLane.CRITICAL)


@job("notifications.deliver_normal", lane=Lane.NORMAL, timeout_s=_TIMEOUT_S)
async def deliver_normal(app: App, ids: list[UUID]) -> None:
    """Deliver what a service has to say. Repeat-safe."""
    await deliver_chunk(app, ids, SendLane.NORMAL)


@job("notifications.deliver_bulk", lane=Lane.BULK, timeout_s=_TIMEOUT_S)
async def deliver_bulk(app: App, ids: list[UUID]) -> None:
    """Deliver what nobody waits for. Repeat-safe."""
    await deliver_chunk(app, ids, SendLane.BULK)


@job("notifications.deliver_digest", lane=Lane.BULK, timeout_s=_TIMEOUT_S)
async def deliver_digest(app: App, ids: list[UUID]) -> None:
    """Deliver what stands for many messages. Repeat-safe."""
    await deliver_chunk(app, ids, SendLane.DIGEST)


@job("notifications.close_digest", lane=Lane.BULK)
async def close_digest(app: App, digest_id: UUID) -> None:
    """Send the word that a window's messages are waiting. Repeat-safe: a window closes once."""
    person_id = await digests.find_person(digest_id)
    if person_id is None:
        return
    person = await find_person(app, person_id)
    if person is None:
        return
    async with transaction() as tx:
        closed = await digests.close(tx, digest_id, app.clock.now())
        template = templates_of(app).get(closed.template) if closed is not None else None
        if closed is not None and template is not None:
            await sending.send_digest(app, tx, template, person, closed)


@job("notifications.release")
async def release(app: App, ids: list[UUID]) -> None:
    """Send what was scheduled. Repeat-safe."""
    async with transaction() as tx:
        await sending.release(app, tx, ids)


@job("notifications.send_webhook")
async def send_webhook(app: App, event_id: UUID, attempts: int | None = None) -> None:
    """Tell somebody's system of an event. Repeat-safe."""
    rule = rule_for(app.settings.is_production)
    await webhooks.send_event(app, event_id, rule, attempts=attempts)


@job("notifications.match_receipts", every="* * * * *")
async def match_receipts(app: App) -> None:
    """Apply receipts that came too early. Repeat-safe."""
    async with transaction() as tx:
        await receipts.apply_kept(tx, app.clock.now())


@job("notifications.forget_texts", lane=Lane.BULK, every="25 19 * * *")
async def forget_texts(app: App) -> None:
    """Drop messages to bare phones, such as codes, after a month, and what was counted for days
    that are over. Repeat-safe."""
    before = app.clock.now() - _BARE_TEXTS_KEPT
    await store.delete_bare_texts(before)
    async with transaction() as tx:
        await tally.recount_dead(tx)
    await digests.forget(connection(), before)
    await reach_store.forget_counts(connection(), before)
    await webhooks.forget(before)
    await tally.forget(app.clock.now() - tally.KEPT)
    await delete_cids(connection(), app.clock.now() - CIDS_KEPT)
    await handover.forget(connection(), app.clock.now() - CIDS_KEPT)
    await receipts.forget(connection(), app.clock.now() - receipts.KEPT)
