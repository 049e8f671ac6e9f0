"""What the tests of all payables of mobility need: pay at the cashier, read what was sent."""

from collections.abc import Awaitable
from uuid import UUID

import pytest

from core.context.app import App
from core.database import connection, fetch_all
from core.errors import AppError
from payments.api import Payment
from payments.models import Intent
from tests.payments.world import World


async def settle(world: World, payment: Payment) -> Intent:
    """The payer pays, and everything that is due at once is done."""
    assert any(psp.pay(UUID(str(payment.id))) for psp in world.psps)
    assert await world.call_back() == ["captured"]
    await world.queue.run_due()
    return await world.intent(UUID(str(payment.id)))


async def sent() -> list[str]:
    """The templates of all messages, oldest first."""
    sql = "SELECT template FROM notifications_message ORDER BY position"
    rows = await fetch_all(connection(), sql)
    return [row["template"] for row in rows]


async def last_body(app: App) -> str:
    """The newest message's text."""
    rows = await fetch_all(
        connection(), "SELECT body_sealed FROM notifications_message ORDER BY position DESC LIMIT 1"
    )
    return app.vault.decrypt(bytes(rows[0]["body_sealed"]), "notifications.body")


async def refused(kind: type[AppError], doing: Awaitable[object]) -> str:
    """The code of the refusal that must come."""
    with pytest.raises(kind) as refusal:
        await doing
    return refusal.value.code
