"""What bills holds about a person: accounts, reminders, autopay, invoices, places."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction
from core.people.data_rights import Erasure, Export, Exported, Hold
from modules.bills import texts
from modules.bills.autopay import service as autopay
from modules.bills.autopay.domain import AUTOPAY
from modules.bills.invoices import service as invoices
from modules.bills.models import (
    AccountLink,
    Autopay,
    AutopayCharge,
    BillInvoice,
    OutageNotice,
    OutageWatch,
    Reminded,
    Reminder,
)
from modules.bills.outages.service import spot_of

_KEPT = timedelta(days=3 * 366)


async def _read(app: App, person_id: UUID) -> Exported:
    mine = {"citizen_id": person_id}
    watches = [
        {"label": row.label, "kinds": row.kinds, "at": [spot.lat, spot.lon]}
        for row in await OutageWatch.filter(**mine).order_by("id")
        for spot in (spot_of(app, row),)
    ]
    return Exported(
        {
            "accounts": await _rows(
                AccountLink, mine, "kind account_no label holder_masked address_masked linked_at"
            ),
            "reminders": await _rows(Reminder, mine, "days_before min_amount_fen sms created_at"),
            "reminded": await _rows(Reminded, mine, "bill_id stage amount_fen sent_at"),
            "autopay": await _rows(
                Autopay,
                mine,
                "id bill_ceiling_fen month_ceiling_fen text_version state agreed_at ended_at",
            ),
            "autopay_charges": await _rows(
                AutopayCharge,
                {"autopay_id__in": await _consents(person_id)},
                "autopay_id bill_id amount_fen state reason announced_at pay_at",
            ),
            "invoices": [
                {
                    "payment_id": str(row.intent_id),
                    "title": invoices.buyer_of(app, row).title,
                    "tax_no": invoices.buyer_of(app, row).tax_no,
                    "invoice_no": row.invoice_no,
                    "state": row.state,
                }
                for row in await BillInvoice.filter(**mine).order_by("id")
            ],
            "watched_places": watches,
        }
    )


async def _rows(model: Any, where: dict[str, Any], columns: str) -> list[dict[str, Any]]:
    """Rows ready for JSON."""
    rows: list[dict[str, Any]] = await model.filter(**where).order_by("id").values(*columns.split())
    return [
        {
            name: value if isinstance(value, str | int | bool | None) else str(value)
            for name, value in row.items()
        }
        for row in rows
    ]


async def _consents(person_id: UUID) -> list[UUID]:
    return [row.id for row in await Autopay.filter(citizen_id=person_id)]


async def _last_deduction(person_id: UUID) -> date | None:
    paid = AutopayCharge.filter(
        autopay_id__in=await _consents(person_id), intent_id__isnull=False
    ).order_by("-pay_at")
    last = await paid.first()
    return None if last is None else civil_date(last.pay_at)


async def _holds(app: App, person_id: UUID) -> Sequence[Hold]:
    last_on = await _last_deduction(person_id)
    if last_on is None or last_on + _KEPT < civil_date(app.clock.now()):
        return ()
    return (Hold("autopay consents", texts.HOLD_AUTOPAY, last_on + _KEPT),)


async def _erase(app: App, tx: Transaction, person_id: UUID) -> None:
    """Live consents end; those under which nothing was deducted go, with everything else."""
    for consent in await Autopay.filter(citizen_id=person_id).using_db(tx).select_for_update():
        if AUTOPAY.allows(consent.state, "end"):
            await autopay.end_in(app, tx, consent, "ACCOUNT_CLOSED")
        charges = AutopayCharge.filter(autopay_id=consent.id).using_db(tx)
        if not await charges.filter(intent_id__isnull=False).exists():
            await charges.delete()
            await Autopay.filter(id=consent.id).using_db(tx).delete()
    for model in (AccountLink, Reminder, Reminded, OutageWatch, OutageNotice, BillInvoice):
        await model.filter(citizen_id=person_id).using_db(tx).delete()


EXPORT = Export("bills", _read)
ERASURE = Erasure("bills", _holds, _erase)
