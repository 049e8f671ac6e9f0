"""The messages of autopay."""

from core.clock import SHANGHAI
from core.context.app import App
from core.database import Transaction
from core.money import format_yuan
from core.people.directory import Person
from core.texts import Locale
from modules.utilities.accounts.domain import NAME, UtilityKind
from modules.utilities.autopay import texts
from modules.utilities.autopay.models import AutopayCharge
from modules.utilities.bills.models import Bill
from notifications import api as notifications
from notifications.api import MessageClass, Template

_TOLD = frozenset({"announced", "stopped", "failed"})
"""What is paid is told by the payment's own message; what is cancelled needs no word."""


async def tell(
    app: App, tx: Transaction, person: Person | None, charge: AutopayCharge, bill: Bill
) -> None:
    """Tell what has become of a charge, once a state and month; who has left is told nothing."""
    if charge.state not in _TOLD or person is None:
        return
    locale = Locale(person.locale)
    reason = texts.AUTOPAY_REASONS.get(charge.reason or "", texts.AUTOPAY_OTHER_REASON)
    await notifications.notify(
        app,
        tx,
        person=person,
        template=f"bills.autopay_{charge.state}",
        values={
            "name": NAME[UtilityKind(bill.kind)].say(locale),
            "period": bill.period,
            "amount": format_yuan(charge.amount_fen),
            "when": f"{charge.pay_at.astimezone(SHANGHAI):%m-%d %H:%M}",
            "reason": reason.say(locale),
        },
        key=f"autopay:{charge.id}:{charge.state}:{charge.month_on:%Y-%m}",
        deep_link=f"/bills/{bill.id}",
    )


AUTOPAY_ANNOUNCED = Template(
    "bills.autopay_announced",
    texts.AUTOPAY_ANNOUNCED_TITLE,
    texts.AUTOPAY_ANNOUNCED_BODY,
    sms=True,
    about=MessageClass.MONEY,
)
AUTOPAY_STOPPED = Template(
    "bills.autopay_stopped",
    texts.AUTOPAY_STOPPED_TITLE,
    texts.AUTOPAY_STOPPED_BODY,
    sms=True,
    about=MessageClass.MONEY,
)
AUTOPAY_FAILED = Template(
    "bills.autopay_failed",
    texts.AUTOPAY_STOPPED_TITLE,
    texts.AUTOPAY_STOPPED_BODY,
    sms=True,
    about=MessageClass.MONEY,
)
