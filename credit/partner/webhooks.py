"""The banks' webhook: where news go, what was sent, and sending it again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from core.context.app import App
from core.database import Transaction
from core.errors import NotFound
from core.refusal_texts import NOT_FOUND
from credit.partner.models import Bank
from credit.partner.operation import Body, Operation, PageQuery, View, Visit, page_of
from credit.partner.scopes import PartnerScope
from notifications.api import (
    Delivery,
    add_webhook,
    enable_webhook,
    find_webhook,
    list_webhook_deliveries,
    move_webhook,
    publish_webhook,
    replay_webhook,
    rotate_webhook_secret,
)

TAG = "webhooks"


class WebhookChange(Body):
    """Where news are to go."""

    url: str = Field(
        max_length=512,
        pattern=r"^https?://[A-Za-z0-9.\[:-]",
        description="An https address; http in the sandbox.",
    )


class NoMembers(Body):
    """Nothing needs to be said."""


class WebhookView(View):
    """Where news go, and whether they do."""

    url: str
    disabled_at: datetime | None
    disabled_because: str | None = Field(description="Your 410 Gone disables it; PUT enables it.")
    secret: str | None = Field(
        description="What signs the news (Standard Webhooks), shown once when it is made."
    )


class DeliveryView(View):
    """One event and how its delivery stands."""

    id: UUID
    webhook_id: str = Field(description="The `webhook-id` header, the same at every attempt.")
    type: str
    sequence: int = Field(
        description="The object's own number of the change: the greater is newer."
    )
    data: dict[str, Any]
    state: Literal["created", "sent", "failed"]
    attempts: int
    error: str | None
    created_at: datetime
    due_at: datetime
    ended_at: datetime | None


class DeliveryPage(View):
    """A page of the delivery log, the newest first."""

    items: list[DeliveryView]
    next_cursor: str | None


async def tell(
    app: App,
    tx: Transaction,
    bank_id: str,
    kind: str,
    object_ref: str,
    data: Mapping[str, object],
    sequence: int | None,
    key: str,
) -> None:
    """Tell a bank of something when `tx` commits, where it has a webhook. Repeat-safe by `key`.

    `sequence` is the object's own: workers may come to one change before an earlier one.
    """
    bank = await Bank.get_or_none(id=bank_id, using_db=tx)
    if bank is not None and bank.endpoint_id is not None:
        await publish_webhook(
            *(app, tx, bank.endpoint_id, kind, object_ref, data, key), sequence=sequence
        )


async def _get_webhook(visit: Visit) -> WebhookView:
    return await _view(_endpoint_of(visit.bank), None)


async def _set_webhook(visit: Visit) -> WebhookView:
    bank = await Bank.select_for_update().using_db(visit.tx).get(id=visit.bank.id)
    url, secret = visit.body.url, None
    if bank.endpoint_id is None:
        bank.endpoint_id, secret = await add_webhook(visit.app, visit.tx, url)
        await bank.save(using_db=visit.tx, update_fields=["endpoint_id"])
    else:
        await move_webhook(visit.app, visit.tx, bank.endpoint_id, url)
        await enable_webhook(visit.app, visit.tx, bank.endpoint_id)
    return await _view(bank.endpoint_id, secret)


async def _rotate_secret(visit: Visit) -> WebhookView:
    endpoint_id = _endpoint_of(visit.bank)
    secret = await rotate_webhook_secret(visit.app, visit.tx, endpoint_id)
    return await _view(endpoint_id, secret)


async def _list_deliveries(visit: Visit) -> DeliveryPage:
    limit = visit.query.limit
    rows = await list_webhook_deliveries(
        visit.app, _endpoint_of(visit.bank), first=limit + 1, before=visit.after()
    )
    return DeliveryPage(**page_of(_delivery, rows, limit))


async def _replay(visit: Visit) -> DeliveryView:
    endpoint_id, event_id = _endpoint_of(visit.bank), visit.path_id("delivery_id")
    delivery = await replay_webhook(visit.app, visit.tx, endpoint_id, event_id)
    if delivery is None:
        raise NotFound(NOT_FOUND)
    return _delivery(delivery)


def _endpoint_of(bank: Bank) -> UUID:
    if bank.endpoint_id is None:
        raise NotFound(NOT_FOUND)
    return bank.endpoint_id


async def _view(endpoint_id: UUID, secret: str | None) -> WebhookView:
    endpoint = await find_webhook(endpoint_id)
    assert endpoint is not None
    return WebhookView(
        url=endpoint.url,
        disabled_at=endpoint.disabled_at,
        disabled_because=endpoint.disabled_because,
        secret=secret,
    )


def _delivery(row: Delivery) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        webhook_id=row.webhook_id,
        type=row.kind,
        sequence=row.sequence,
        data=row.data,
        state=row.state,
        attempts=row.attempts,
        error=row.error,
        created_at=row.created_at,
        due_at=row.due_at,
        ended_at=row.ended_at,
    )


_SCOPE = PartnerScope.WEBHOOKS_MANAGE
OPERATIONS = (
    Operation(
        *("getWebhook", "GET", "/webhook", TAG, "Where news go", _SCOPE, WebhookView),
        _get_webhook,
        has_etag=True,
    ),
    Operation(
        *("setWebhook", "PUT", "/webhook", TAG, "Set where news go", _SCOPE, WebhookView),
        _set_webhook,
        body=WebhookChange,
    ),
    Operation(
        *("rotateWebhookSecret", "POST", "/webhook/secret", TAG, "Make a new secret", _SCOPE),
        WebhookView,
        _rotate_secret,
        body=NoMembers,
        description="The old one signs beside it for another day.",
    ),
    Operation(
        *("listDeliveries", "GET", "/deliveries", TAG, "What was sent", _SCOPE, DeliveryPage),
        _list_deliveries,
        query=PageQuery,
    ),
    Operation(
        *("replayDelivery", "POST", "/deliveries/{delivery_id}/replay", TAG),
        *("Send an event again", _SCOPE, DeliveryView),
        _replay,
        body=NoMembers,
        status=202,
        description="At once, with the `webhook-id` that it had.",
    ),
)
