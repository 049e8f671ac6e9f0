"""From the grant to the money: the centre pays, and the case follows what it says.

An order is numbered by the case and by the place in its timeline at which it began to wait, so a
job that runs twice pays once, and a card that was corrected is paid anew.
"""

from datetime import timedelta
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import transaction
from core.deadline import Deadline
from core.people.freezes import is_frozen
from core.queue.events import on
from core.queue.jobs import job
from kinds.application import store
from kinds.application.engine import take_outside
from kinds.application.events import CaseAwaits
from kinds.application.opening import open_form
from modules.welfare.housing_fund.upstream import CENTRE
from modules.welfare.withdrawal import texts
from modules.welfare.withdrawal.lookup import SERVICE
from modules.welfare.withdrawal.upstream import Payout, PayoutOrder, PayoutStatus, pay_out

ASK_AGAIN = timedelta(minutes=10)
_PAYING = "paying"
_CALL_S = 10.0


@on("applications.CaseAwaits", kinds=SERVICE)
async def case_awaits(app: App, event: CaseAwaits) -> None:
    """Have a granted withdrawal paid. Repeat-safe."""
    await pay_withdrawal(app, event.case_id, event.sequence)


@job("welfare.pay_withdrawal")
async def pay_withdrawal(app: App, case_id: UUID, sequence: int) -> None:
    """Ask the centre to pay, or how the payment stands, and move the case. Repeat-safe.

    While it is disputed whose the account is, nothing is ordered.
    """
    case = await store.find_case(case_id)
    if case is None or case.state != _PAYING:
        return
    if await is_frozen(app, case.citizen_id):
        async with transaction() as tx:
            await pay_withdrawal.enqueue(app, tx, case_id, sequence, after=ASK_AGAIN)
        return
    form = open_form(app, case)
    order = PayoutOrder(
        case_no=f"{case.no}-{sequence}",
        owner=CENTRE.documents.members_of(form["resident_id"], civil_date(app.clock.now())),
        purpose=case.item,
        amount_fen=int(form["amount"]) * 100 if "amount" in form else None,
        card_no=form["card_no"],
    )
    payout = await pay_out(app, Deadline.after(_CALL_S), order)
    await _follow(app, case_id, sequence, payout)


async def _follow(app: App, case_id: UUID, sequence: int, payout: Payout) -> None:
    async with transaction() as tx:
        if payout.status is PayoutStatus.PENDING:
            await pay_withdrawal.enqueue(app, tx, case_id, sequence, after=ASK_AGAIN)
            return
        case = await store.lock_case(tx, case_id)
        if case is None or case.state != _PAYING:
            return
        event, note = "confirm_payment", payout.receipt_no or ""
        if payout.status is PayoutStatus.RETURNED:
            event = "return_payment"
            reason = payout.reason or ""
            note = f"{texts.RETURNED.zh} / {texts.RETURNED.en}".format(reason=reason)
        await take_outside(app, tx, case, event, note)
