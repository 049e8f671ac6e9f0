"""What the payer is told of autopay."""

from core.clock import SHANGHAI
from core.context.app import App
from core.database import Transaction
from core.money import format_yuan
from core.people.directory import Person
from core.texts import Locale
from modules.bills import domain, texts
from modules.bills.domain import UtilityKind
from modules.bills.models import AutopayCharge, Bill
from notifications import api as notifications

PAYER_IS_PAYING = texts.PAYER_IS_PAYING
_TOLD = frozenset({"announced", "stopped", "failed"})
"""What is paid is told by the payment's own message; what is cancelled needs no word."""


async def tell(
    app: App, tx: Transaction, person: Person, charge: AutopayCharge, bill: Bill
) -> None:
    """Tell what has become of a charge, once for each state."""
    if charge.state not in _TOLD:
        return
    locale = Locale(person.locale)
    reason = texts.AUTOPAY_REASONS.get(charge.reason or "", texts.AUTOPAY_OTHER_REASON)
    await notifications.notify(
        app,
        tx,
        person=person,
        template=f"bills.autopay_{charge.state}",
        values={
            "name": domain.NAME[UtilityKind(bill.kind)].say(locale),
            "period": bill.period,
            "amount": format_yuan(charge.amount_fen),
            "when": f"{charge.pay_at.astimezone(SHANGHAI):%m-%d %H:%M}",
            "reason": reason.say(locale),
        },
        key=f"autopay:{charge.id}:{charge.state}",
        deep_link=f"/bills/{bill.id}",
    )
