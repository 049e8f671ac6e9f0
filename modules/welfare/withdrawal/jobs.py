"""From the grant to the money: the centre pays, and the case follows what it says.

An order is numbered by the case and by the place in its timeline at which it began to wait, so a
job that runs twice pays once, and a card that was corrected is paid anew.
"""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import structlog

from core.context.app import App
from core.database import transaction
from core.deadline import Deadline
from core.people.directory import find_person
from core.people.freezes import is_frozen
from core.queue.events import on
from core.queue.jobs import job
from core.texts import Named
from core.upstream.client import UpstreamError, UpstreamRejected
from kinds.application import store
from kinds.application.engine import take_outside
from kinds.application.events import CaseAwaits
from kinds.application.models import Case
from kinds.application.opening import open_form
from modules.welfare.housing_fund.upstream import CENTRE
from modules.welfare.withdrawal import texts
from modules.welfare.withdrawal.lookup import SERVICE
from modules.welfare.withdrawal.upstream import Payout, PayoutOrder, PayoutStatus, pay_out

ASK_AGAIN = timedelta(minutes=10)
REFUSALS: Mapping[str, Named] = {
    "NO_ACCOUNT": Named(texts.NO_ACCOUNT.zh, texts.NO_ACCOUNT.en),
    "AMOUNT_ABOVE_BALANCE": texts.ABOVE_BALANCE,
}
"""The codes with which the centre refuses for good."""
_PAYING = "paying"
_PENDING = Payout(PayoutStatus.PENDING, 0)
_CALL_S = 10.0

log = structlog.get_logger(__name__)


@on("applications.CaseAwaits", kinds=SERVICE)
async def case_awaits(app: App, event: CaseAwaits) -> None:
    """Have a granted withdrawal paid. Repeat-safe."""
    await pay_withdrawal(app, event.case_id, event.sequence)


@job("welfare.pay_withdrawal")
async def pay_withdrawal(app: App, case_id: UUID, sequence: int) -> None:
    """Ask the centre to pay, or how the payment stands, and move the case. Repeat-safe.

    That it is asked is written down before. What it may be paying already comes back by its word
    alone: of who has left meanwhile it cannot be asked, and an officer finds it out.
    """
    case = await store.find_case(case_id)
    if case is None or case.state != _PAYING:
        return
    if await is_frozen(app, case.citizen_id):
        payout = _PENDING
    elif (order := await _order_of(app, case, sequence)) is not None:
        await store.insert_outside_request(case_id, sequence, app.clock.now())
        payout = await _ask(app, order)
    elif await store.was_asked(case_id, sequence):
        payout = _PENDING
    else:
        payout = _returned(texts.NOBODY)
    await _follow(app, case_id, sequence, payout)


async def _order_of(app: App, case: Case, sequence: int) -> PayoutOrder | None:
    """What the centre is to pay; None for who has left or whose document it does not take.

    It is paid out of the account of whose case it is, as they are verified, whatever stands in the
    form.
    """
    person = await find_person(app, case.citizen_id)
    owner = None if person is None else person.members_for(CENTRE.documents)
    if owner is None:
        return None
    form = open_form(app, case)
    return PayoutOrder(
        case_no=f"{case.no}-{sequence}",
        owner=owner,
        purpose=case.item,
        amount_fen=int(form["amount"]) * 100 if "amount" in form else None,
        card_no=form["card_no"],
    )


async def _ask(app: App, order: PayoutOrder) -> Payout:
    """How a payment stands; it is ordered where it was not."""
    try:
        return await pay_out(app, Deadline.after(_CALL_S), order)
    except UpstreamError as error:
        code = error.code if isinstance(error, UpstreamRejected) else ""
        if code in REFUSALS:
            return _returned(REFUSALS[code])
        log.warning("withdrawal not ordered", case_no=order.case_no, reason=error.reason, code=code)
        return _PENDING


def _returned(reason: Named) -> Payout:
    return Payout(PayoutStatus.RETURNED, 0, reason=f"{reason.zh} / {reason.en}")


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
