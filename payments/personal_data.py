"""What payments hold about a person: what they paid. The law keeps it beyond an erasure."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction
from core.people.data_rights import Erasure, Export, Exported, Hold
from core.texts import Text
from payments.models import Intent

KEPT_YEARS = 30
"""Vouchers and ledgers, from the end of their year (会计档案管理办法, 2015)."""

HOLD_VOUCHERS = Text(
    "HOLD_VOUCHERS",
    "支付凭证属会计档案,依法自次年起保存三十年",
    "Vouchers of payments are accounting records, kept for thirty years from the next year on",
)


async def _read(_app: App, person_id: UUID) -> Exported:
    intents = await Intent.filter(payer_id=person_id).order_by("id")
    return Exported(
        {
            "payments": [
                {
                    "id": str(row.id),
                    "title": row.title_zh,
                    "amount_fen": row.amount_fen,
                    "refunded_fen": row.refunded_fen,
                    "state": row.state,
                    "created_at": row.created_at.isoformat(),
                    "paid_at": row.paid_at.isoformat() if row.paid_at else None,
                    "receipt_ref": row.fulfilment_ref,
                }
                for row in intents
            ]
        }
    )


async def _holds(_app: App, person_id: UUID) -> Sequence[Hold]:
    last = await Intent.filter(payer_id=person_id).order_by("-created_at").first()
    if last is None:
        return ()
    until_on = date(civil_date(last.created_at).year + KEPT_YEARS, 12, 31)
    return (Hold("payments", HOLD_VOUCHERS, until_on),)


async def _erase(_app: App, _tx: Transaction, _person_id: UUID) -> None:
    """Nothing here may go before its time."""


EXPORT = Export("payments", _read)
ERASURE = Erasure("payments", _holds, _erase)
