"""Endpoints and their events: registered, rotated, published in the caller's transaction, sent.

One dead endpoint holds up no other: each event is a job of its own, and of one that is slow few run
at a time. Events of one object may arrive in another order than they happened; their `sequence`
says which is newer.
"""

import base64
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from yarl import URL

from core.context.app import App
from core.database import Transaction, connection, fetch_one, lock_name, transaction
from core.errors import InvalidInput
from core.ids import new_id
from core.json import to_json
from core.queue.jobs import EARLY_TOLERANCE, JobKind, require_due
from core.standards import webhooks
from core.upstream.public_addresses import AddressRule, is_public
from core.upstream.strangers import Answer, post
from notifications.templates.domain import message_id
from notifications.templates.texts import WEBHOOK_URL
from notifications.webhooks import pace
from notifications.webhooks.domain import next_wait
from notifications.webhooks.models import BODY, SEALED_FOR, Endpoint, Event

SEND = JobKind[UUID, int]("notifications.send_webhook")
"""An event, and how often it was tried before; notifications.jobs, which imports this file."""
ROTATION = timedelta(days=1)
"""How long the old secret signs beside the new one."""
URL_MAX = 512
GONE = 410

log = structlog.get_logger(__name__)


async def add_endpoint(app: App, tx: Transaction, url: str) -> tuple[UUID, str]:
    """Register an address; returns the endpoint's id and its secret, which is shown this once.

    Raises InvalidInput for what is no https address (http only outside production).
    """
    _check_url(app, url)
    endpoint_id, secret = new_id(), _make_secret()
    await Endpoint.create(
        using_db=tx,
        id=endpoint_id,
        url=url,
        secret_sealed=app.vault.encrypt(secret, SEALED_FOR),
        created_at=app.clock.now(),
    )
    return endpoint_id, secret


async def move_endpoint(app: App, tx: Transaction, endpoint_id: UUID, url: str) -> None:
    """Send an endpoint's events to another address from now on. Raises as `add_endpoint` does."""
    _check_url(app, url)
    await Endpoint.filter(id=endpoint_id).using_db(tx).update(url=url)


async def find_endpoint(endpoint_id: UUID) -> Endpoint | None:
    """An endpoint as it stands."""
    return await Endpoint.get_or_none(id=endpoint_id)


async def rotate_secret(app: App, tx: Transaction, endpoint_id: UUID) -> str:
    """A new secret; the old one signs too for another day."""
    endpoint = await Endpoint.select_for_update().using_db(tx).get(id=endpoint_id)
    secret = _make_secret()
    await (
        Endpoint.filter(id=endpoint_id)
        .using_db(tx)
        .update(
            secret_sealed=app.vault.encrypt(secret, SEALED_FOR),
            old_secret_sealed=endpoint.secret_sealed,
            old_until=app.clock.now() + ROTATION,
        )
    )
    return secret


async def publish(
    app: App,
    tx: Transaction,
    endpoint_id: UUID,
    kind: str,
    object_ref: str,
    data: Mapping[str, object],
    key: str,
    *,
    sequence: int | None = None,
) -> UUID:
    """Tell an endpoint of something about an object when `tx` commits; returns the event's id.

    Repeat-safe by `key`. `sequence` in the body orders the events of the object: the publisher's
    own number, or without one how many there were.
    """
    event_id = message_id(key, str(endpoint_id))
    now = app.clock.now()
    await lock_name(tx, f"webhook:{event_id}")
    if await Event.filter(id=event_id).using_db(tx).exists():
        return event_id
    number = await _count(tx, endpoint_id, object_ref) if sequence is None else sequence
    body = {"type": kind, "timestamp": now, "sequence": number, "data": dict(data)}
    await Event.create(
        using_db=tx,
        id=event_id,
        endpoint_id=endpoint_id,
        key=key,
        body_sealed=app.vault.encrypt(to_json(body).decode(), BODY),
        state="created",
        created_at=now,
        due_at=now,
    )
    await SEND.enqueue(app, tx, event_id, 0)
    return event_id


async def _count(tx: Transaction, endpoint_id: UUID, object_ref: str) -> int:
    row = await fetch_one(
        tx,
        """INSERT INTO notifications_webhook_sequence AS s (endpoint_id, object_ref, number)
           VALUES ($1, $2, 1) ON CONFLICT (endpoint_id, object_ref)
           DO UPDATE SET number = s.number + 1 RETURNING number""",
        endpoint_id,
        object_ref,
    )
    assert row is not None
    return int(row["number"])


async def send_event(
    app: App, event_id: UUID, rule: AddressRule = is_public, *, attempts: int | None = None
) -> None:
    """Try an event, only where it was tried `attempts` times before if that is given. Repeat-safe:
    the receiver knows the event's id.

    Of a disabled endpoint the events wait; what is still to be sent goes when it is enabled.
    Raises Early before its time, and where the receiver is slow and has enough in hand.
    """
    event = await Event.get_or_none(id=event_id)
    if event is None or event.state != "created":
        return
    if attempts is not None and attempts != event.attempts:
        return  # whoever tried it meanwhile has enqueued the next attempt
    require_due(app.clock, event.due_at, EARLY_TOLERANCE)
    endpoint = await Endpoint.get(id=event.endpoint_id)
    if endpoint.disabled_at is not None and not await _is_enabled_now(endpoint.id):
        return
    now, body = app.clock.now(), app.vault.decrypt(event.body_sealed, BODY)
    headers = webhooks.sign(_secrets_of(app, endpoint, now), f"msg_{event.id.hex}", now, body)
    headers["content-type"] = "application/json"
    async with pace.turn(app, endpoint.id):
        answer = await post(endpoint.url, body.encode(), headers, rule)
    async with transaction() as tx:
        await _note(app, tx, event, answer)


async def enable(app: App, tx: Transaction, endpoint_id: UUID) -> None:
    """Let an endpoint have its events again, those that waited first."""
    enabled = await (
        Endpoint.filter(id=endpoint_id, disabled_at__not_isnull=True)
        .using_db(tx)
        .update(disabled_at=None, disabled_because=None)
    )
    if not enabled:
        return
    waiting = Event.filter(endpoint_id=endpoint_id, state="created").using_db(tx)
    events = await waiting.order_by("created_at")
    await waiting.update(due_at=app.clock.now())
    await app.queue.enqueue(tx, [SEND.later(event.id, event.attempts) for event in events])


async def _is_enabled_now(endpoint_id: UUID) -> bool:
    """Whether a disabled endpoint is enabled, once whoever is at it is done: an enabling under way
    may have read which events wait before this one was published."""
    async with transaction() as tx:
        endpoint = await Endpoint.select_for_update().using_db(tx).get(id=endpoint_id)
    return endpoint.disabled_at is None


async def forget(before: datetime) -> None:
    """Drop events that ended before a moment."""
    await Event.filter(ended_at__lt=before).using_db(connection()).delete()


async def _note(app: App, tx: Transaction, event: Event, answer: Answer) -> None:
    now, attempts = app.clock.now(), event.attempts + 1
    this = Event.filter(id=event.id, state="created", attempts=event.attempts).using_db(tx)
    if answer.status is not None and 200 <= answer.status < 300:
        await this.update(state="sent", attempts=attempts, error=None, ended_at=now)
        return
    error = answer.error or f"http_{answer.status}"
    wait = next_wait(attempts)
    log.info("webhook failed", event_id=str(event.id), error=error, attempt=attempts)
    if answer.status == GONE:
        await (
            Endpoint.filter(id=event.endpoint_id, disabled_at=None)
            .using_db(tx)
            .update(disabled_at=now, disabled_because="410 Gone")
        )
        await this.update(attempts=attempts, error=error)
    elif wait is None:
        await this.update(state="failed", attempts=attempts, error=error, ended_at=now)
    else:
        # of two workers with one attempt the first has the next one enqueued
        if await this.update(attempts=attempts, error=error, due_at=now + wait):
            await app.queue.enqueue(tx, [SEND.later(event.id, attempts, after=wait)])


def _check_url(app: App, url: str) -> None:
    try:
        parsed = URL(url) if len(url) <= URL_MAX else URL()
    except ValueError:
        parsed = URL()
    schemes = {"https"} if app.settings.is_production else {"http", "https"}
    if parsed.scheme not in schemes or not parsed.host or parsed.user or parsed.fragment:
        raise InvalidInput(WEBHOOK_URL, "url")


def _secrets_of(app: App, endpoint: Endpoint, now: datetime) -> list[str]:
    sealed = [endpoint.secret_sealed]
    if endpoint.old_secret_sealed and endpoint.old_until and now < endpoint.old_until:
        sealed.append(endpoint.old_secret_sealed)
    return [app.vault.decrypt(each, SEALED_FOR) for each in sealed]


def _make_secret() -> str:
    """A secret as the specification has it: 24 to 64 random bytes, base64 after "whsec_"."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
