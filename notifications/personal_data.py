"""What notifications hold about a person: messages and texts."""

from collections.abc import Sequence
from uuid import UUID

from core.context.app import App
from core.database import Transaction
from core.people.data_rights import Erasure, Export, Exported, Hold, SealedColumn
from notifications import store
from notifications.models import Delivery, Message

COLUMNS = (
    SealedColumn("notifications_message", "title_sealed", store.TITLE),
    SealedColumn("notifications_message", "body_sealed", store.BODY),
    SealedColumn("notifications_delivery", "body_sealed", store.BODY),
    SealedColumn("notifications_delivery", "to_sealed", store.PHONE),
)


async def _read(app: App, person_id: UUID) -> Exported:
    messages = await Message.filter(person_id=person_id).order_by("-id")
    return Exported(
        {
            "messages": [
                {
                    "title": app.vault.decrypt(row.title_sealed, store.TITLE),
                    "body": app.vault.decrypt(row.body_sealed, store.BODY),
                    "created_at": row.created_at.isoformat(),
                    "read_at": row.read_at.isoformat() if row.read_at else None,
                }
                for row in messages
            ]
        }
    )


async def _holds(_app: App, _person_id: UUID) -> Sequence[Hold]:
    return ()


async def _erase(_app: App, tx: Transaction, person_id: UUID) -> None:
    await Message.filter(person_id=person_id).using_db(tx).delete()
    await Delivery.filter(person_id=person_id).using_db(tx).delete()


EXPORT = Export("notifications", _read)
ERASURE = Erasure("notifications", _holds, _erase)
