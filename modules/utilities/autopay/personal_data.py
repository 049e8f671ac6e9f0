"""What autopay holds about a person beyond what the tables say: the consents of autopay, which end
with the account and are kept where something was deducted under them."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction, transaction
from core.people.data_rights import Hold, PersonalData
from modules.utilities.autopay import service as autopay
from modules.utilities.autopay import texts
from modules.utilities.autopay.domain import AUTOPAY
from modules.utilities.autopay.models import AUTOPAYS, CHARGES, Autopay, AutopayCharge

_KEPT = timedelta(days=3 * 366)


async def _last_deduction(person_id: UUID) -> date | None:
    consents = await Autopay.filter(citizen_id=person_id).values_list("id", flat=True)
    paid = AutopayCharge.filter(autopay_id__in=consents, intent_id__isnull=False)
    last = await paid.order_by("-pay_at").first()
    return None if last is None else civil_date(last.pay_at)


async def _holds(app: App, person_id: UUID) -> Sequence[Hold]:
    last_on = await _last_deduction(person_id)
    if last_on is None or last_on + _KEPT < civil_date(app.clock.now()):
        return ()
    return (Hold("autopay consents", texts.HOLD_AUTOPAY, last_on + _KEPT),)


async def _erase(app: App, tx: Transaction, person_id: UUID) -> None:
    """Live consents end; those under which nothing was deducted go."""
    for consent in await Autopay.filter(citizen_id=person_id).using_db(tx).select_for_update():
        if AUTOPAY.allows(consent.state, "end"):
            await autopay.end_in(app, tx, consent, "ACCOUNT_CLOSED")
        charges = AutopayCharge.filter(autopay_id=consent.id).using_db(tx)
        if not await charges.filter(intent_id__isnull=False).exists():
            await charges.delete()
            await Autopay.filter(id=consent.id).using_db(tx).delete()


async def _settle(app: App, person_id: UUID) -> None:
    """Nothing more is deducted: live consents end, with what they have announced."""
    async with transaction() as tx:
        for consent in await Autopay.filter(citizen_id=person_id).using_db(tx).select_for_update():
            if AUTOPAY.allows(consent.state, "end"):
                await autopay.end_in(app, tx, consent, "ACCOUNT_CLOSED")


PERSONAL = PersonalData("bills", (AUTOPAYS, CHARGES), holds=_holds, erase=_erase, settle=_settle)
