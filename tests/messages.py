"""Sending and delivering in tests: a code to a bare phone, and everything that is due."""

from uuid import UUID

from core.context.app import App
from core.database import Transaction
from notifications import api
from notifications.delivery.delivering import deliver_chunk
from notifications.messages.models import Delivery
from notifications.templates.domain import SendLane


async def send_code(app: App, tx: Transaction, phone: str, code: str, key: str) -> UUID:
    """Send a code to a phone, as a login does."""
    params = {"app": "泉城", "purpose": "登录", "code": code, "minutes": 5}
    return await api.send(app, tx, "identity.login_code", api.Phone(phone), params, key)


async def deliver_due(app: App) -> None:
    """Hand over what is due, as the jobs of all lanes would."""
    for lane in SendLane:
        ids = await Delivery.filter(state="created", lane=lane).values_list("id", flat=True)
        await deliver_chunk(app, list(ids), lane)
