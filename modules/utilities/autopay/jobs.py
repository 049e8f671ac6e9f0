"""The autopay run: look for bills, announce them, pay them a day later, see how it went.

Every step may run at any time and any number of times: a bill has one charge for each consent, and
a charge one payment.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.context.sweep import sweep_pages
from core.database import IntegrityError, transaction
from core.deadline import Deadline
from core.errors import AppError, Conflict, NotFound, Unavailable
from core.people.directory import Person, find_person
from core.queue.jobs import job
from core.security.authentication import Viewer
from core.upstream.client import UpstreamError
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.accounts.models import AccountLink
from modules.utilities.autopay import domain, messages, service, store, texts
from modules.utilities.autopay.models import Autopay, AutopayCharge
from modules.utilities.bills import store as bill_store
from modules.utilities.bills.domain import BillerBill, payable_kind
from modules.utilities.bills.models import Bill
from modules.utilities.bills.service import begin_enquiry, fetch_bills, note
from modules.utilities.bills.upstream import get_bill
from payments import api as payments

TIMEOUT_S = 300
_CALL_S = 5.0
_ENDED_WELL = frozenset({"fulfilled", "partly_refunded"})
_ENDED_BADLY = frozenset({"rejected", "expired", "refunding", "refunded"})
_NOT_MINE = frozenset({"PAYMENT_OPEN", "ALREADY_PAID", "BILL_PAID", "BILL_WITHDRAWN"})

T = TypeVar("T", Autopay, AutopayCharge)


@job("bills.autopay", timeout_s=TIMEOUT_S, every="5/10 1-12 * * *")
async def run(app: App) -> None:
    """Every ten minutes of the day: contracts, new bills, due charges, payments under way.

    What one cannot do now is tried at the next run: a biller or the PSP is silent, an account is
    closed, or two payers' consents meet at one bill.
    """
    now = app.clock.now()
    unlooked, due = partial(store.list_unlooked, civil_date(now)), partial(store.list_due, now)
    await _step(app, "contracts", store.list_signing, _look_at_contract)
    await _step(app, "bills", unlooked, _announce)
    await _step(app, "charges", due, _pay)
    await _step(app, "payments", store.list_paying, _see)


async def _step(
    app: App,
    name: str,
    list_page: Callable[[UUID, int], Awaitable[Sequence[T]]],
    each: Callable[[App, T], Awaitable[None]],
) -> None:
    await sweep_pages(
        app,
        f"autopay.{name}",
        list_page,
        partial(each, app),
        key=lambda row: row.id,
        within_s=TIMEOUT_S * 0.2,
        waits=(UpstreamError, NotFound, IntegrityError),
    )


async def _look_at_contract(app: App, autopay: Autopay) -> None:
    found = await service.refresh(app, autopay, Deadline.after(_CALL_S))
    too_old = app.clock.now() - found.agreed_at > domain.SIGNING_LIFE
    if found.state == "signing" and too_old:
        async with transaction() as tx:
            locked = await store.lock(tx, autopay.id)
            if locked.state == "signing":
                await service.end_in(app, tx, locked, "NOT_SIGNED")


async def _announce(app: App, autopay: Autopay) -> None:
    """Decide on every open bill of an account that is not decided on for good yet."""
    autopay = await service.refresh(app, autopay, Deadline.after(_CALL_S))
    link = await AccountLink.get_or_none(id=autopay.link_id)
    if autopay.state != "active" or link is None:
        return
    kind, deadline = UtilityKind(link.kind), Deadline.after(_CALL_S)
    bills = await fetch_bills(app, deadline, kind, link.account_no, only_open=True)
    person = await find_person(app, autopay.citizen_id)
    async with transaction() as tx:
        locked = await store.lock(tx, autopay.id)
        if locked.state != "active" or person is None:
            return
        for listed in sorted(bills, key=lambda listed: listed.bill.due_on):
            known = await store.find_charge(tx, autopay.id, listed.id)
            if not await store.is_taken(tx, listed.id):
                await _decide(app, tx, locked, person, listed.bill, listed.id, known)
        locked.looked_on = civil_date(app.clock.now())
        await locked.save(using_db=tx, update_fields=["looked_on"])


async def _decide(
    app: App,
    tx: Any,
    autopay: Autopay,
    person: Person | None,
    bill: BillerBill,
    bill_id: UUID,
    known: AutopayCharge | None,
) -> None:
    """Announce a bill or pass it over; of one that was passed over for a month's ceiling, announce
    it in a month that has room."""
    now = app.clock.now()
    pay_at = now + domain.ANNOUNCED_BEFORE
    month = domain.month_of(pay_at)
    reason = domain.stop_reason(
        bill.total_fen,
        await store.spent_fen(tx, autopay.id, month),
        bill_ceiling_fen=autopay.bill_ceiling_fen,
        month_ceiling_fen=autopay.month_ceiling_fen,
    )
    if known is None:
        charge = await store.insert_charge(
            tx, autopay, bill_id, amount_fen=bill.total_fen, month=month, now=now, pay_at=pay_at,
            reason=reason,
        )  # fmt: skip
    elif reason is None and domain.is_tried_again(known.reason, known.month_on, month):
        changes = {"amount_fen": bill.total_fen, "month_on": month, "announced_at": now}
        await store.move_charge(tx, known, "announce", **changes, pay_at=pay_at, reason=None)
        charge = known
    else:
        return
    await messages.tell(app, tx, person, charge, await _bill(bill_id))


async def _pay(app: App, charge: AutopayCharge) -> None:
    """Begin to pay a charge whose announcement has stood for a day."""
    bill = await _bill(charge.bill_id)
    autopay = await Autopay.get(id=charge.autopay_id)
    person = await find_person(app, autopay.citizen_id)
    reply = await _ask(app, bill, charge)
    call = _call_of(app, autopay)
    intent_id = await _begin(call, autopay, charge, person, bill, reply)
    if intent_id is not None:
        await payments.present(call, intent_id)


async def _ask(app: App, bill: Bill, charge: AutopayCharge) -> BillerBill | None:
    """What is due now; None where the biller has not told for days. Raises UpstreamError."""
    kind, enquiry = UtilityKind(bill.kind), await begin_enquiry(app)
    try:
        reply = await get_bill(app, Deadline.after(_CALL_S), kind, bill.bill_no)
    except UpstreamError:
        if app.clock.now() - charge.pay_at > domain.TRIES_LIFE:
            return None
        raise
    await note(app, kind, [reply], enquiry)
    return reply


async def _begin(
    call: Call,
    autopay: Autopay,
    charge: AutopayCharge,
    person: Person | None,
    bill: Bill,
    reply: BillerBill | None,
) -> UUID | None:
    """Make the payment of a charge, once; None where it is stopped or cancelled instead."""
    try:
        async with transaction() as tx:
            consent = await store.lock(tx, autopay.id)
            locked = await store.lock_charge(tx, charge.id)
            if locked.state != "announced":
                return None
            event, reason = await _judge(tx, consent, locked, reply)
            if event is not None:
                await store.move_charge(tx, locked, event, reason=reason)
                await messages.tell(call.app, tx, person, locked, bill)
                return None
            assert reply is not None
            intent_id = await payments.create_intent(
                call,
                tx,
                kind=payable_kind(UtilityKind(bill.kind)),
                subject_ref=str(bill.id),
                key=f"autopay-{charge.id}",
                contract_id=consent.contract_id,
            )
            intent = await payments.get_payment(call, intent_id)
            judged = consent.contract_id, reply.total_fen
            if (intent.contract_id, intent.amount_fen) != judged:
                # the payer's own, or of a newer answer: rolls back, and the next run looks again
                raise Conflict(texts.PAYER_IS_PAYING)
            changes = {"intent_id": intent_id, "amount_fen": reply.total_fen}
            await store.move_charge(tx, locked, "pay", **changes)
            return intent_id
    except Unavailable:
        return None
    except AppError as refused:
        await _refused(call, charge, person, bill, refused)
        return None


async def _judge(
    tx: Any, consent: Autopay, charge: AutopayCharge, reply: BillerBill | None
) -> tuple[str | None, str | None]:
    """The event that ends a charge without a payment, and why; (None, None) to pay it."""
    if consent.state != "active":
        return "cancel", "AUTOPAY_ENDED"
    if reply is None:
        return "stop", "BILLER_SILENT"
    settled = domain.cancel_reason(reply)
    if settled is not None:
        return "cancel", settled
    spent_fen = await store.spent_fen(tx, consent.id, charge.month_on) - charge.amount_fen
    reason = domain.stop_reason(
        reply.total_fen,
        spent_fen,
        bill_ceiling_fen=consent.bill_ceiling_fen,
        month_ceiling_fen=consent.month_ceiling_fen,
    )
    return ("stop", reason) if reason else (None, None)


async def _refused(
    call: Call, charge: AutopayCharge, person: Person | None, bill: Bill, refused: AppError
) -> None:
    """The payment cannot be begun: somebody pays the bill already, or a limit is reached."""
    if refused.code == texts.PAYER_IS_PAYING.code or refused.code == "PAYMENT_OPEN":
        return  # perhaps it comes to nothing: the next run looks again
    event = "cancel" if refused.code in _NOT_MINE else "stop"
    async with transaction() as tx:
        locked = await store.lock_charge(tx, charge.id)
        if locked.state == "announced":
            await store.move_charge(tx, locked, event, reason=refused.code[:32])
            await messages.tell(call.app, tx, person, locked, bill)


async def _see(app: App, charge: AutopayCharge) -> None:
    """Note how a payment ended; one that came to nothing is told to the payer."""
    autopay = await Autopay.get(id=charge.autopay_id)
    assert charge.intent_id is not None
    intent = await payments.get_payment(_call_of(app, autopay), charge.intent_id)
    if intent.state not in _ENDED_WELL | _ENDED_BADLY:
        return
    person = await find_person(app, autopay.citizen_id)
    bill = await _bill(charge.bill_id)
    async with transaction() as tx:
        locked = await store.lock_charge(tx, charge.id)
        if locked.state != "paying":
            return
        if intent.state in _ENDED_WELL:
            await store.move_charge(tx, locked, "succeed")
            return
        await store.move_charge(tx, locked, "fail", reason=intent.refusal or intent.state.upper())
        if not intent.captured_fen:  # else the payer is told of the refund
            await messages.tell(app, tx, person, locked, bill)


def _call_of(app: App, autopay: Autopay) -> Call:
    """The payer's call: the consent stands where a session would, and reaches to payments alone."""
    viewer = Viewer(autopay.citizen_id, autopay.id, 1, frozenset(), autopay.agreed_at)
    return Call(app, Deadline.after(_CALL_S), f"autopay-{autopay.id.hex}", viewer)


async def _bill(bill_id: UUID) -> Bill:
    bill = await bill_store.find_bill(bill_id)
    assert bill is not None
    return bill
