"""Asking that an invoice be issued anew in another name, and following it to its end.

Two steps at the biller, each under a reference of its own and as often as need be: the red-letter
invoice that cancels the old one, then the new one. What the first came to is committed with the
job of the second, so no crash between them loses either or does either twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key, recall_key
from core.database import Transaction, rate_limit, transaction
from core.deadline import Deadline
from core.errors import Conflict
from core.ids import new_id
from core.people.directory import Person, find_person
from core.queue.jobs import job
from core.upstream.client import UpstreamRejected
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.invoices import service as invoices
from modules.utilities.invoices.domain import REFUSED_FOR_GOOD as BLUE_REFUSED
from modules.utilities.invoices.domain import BillerInvoice, Buyer
from modules.utilities.invoices.models import BillInvoice
from modules.utilities.invoices.texts import NOT_INVOICEABLE
from modules.utilities.invoices.upstream import apply_invoice
from modules.utilities.reissues import domain, messages, texts
from modules.utilities.reissues.domain import REISSUE, RedInvoice
from modules.utilities.reissues.models import InvoiceReissue
from modules.utilities.reissues.upstream import apply_red
from payments import api as payments

_DEADLINE_S = 8.0
_SHOWN = 20
_REISSUE = "reissueBillInvoice"
_TO_REDDEN = ("requested", "confirming")


@dataclass(frozen=True, slots=True)
class _Found:
    """A locked re-issue, its invoice, and whom to tell."""

    row: InvoiceReissue
    invoice: BillInvoice
    person: Person | None


async def request_reissue(call: Call, payment_id: UUID, buyer: Buyer, key: str) -> InvoiceReissue:
    """Ask that the invoice of one of the viewer's bill payments be issued anew for another buyer.

    Asking again for the same buyer is the same request; after the new name was refused, another
    one goes on where that stopped. Raises InvalidInput, NotFound, RateLimited, Conflict
    NOT_INVOICEABLE, INVOICE_NOT_ISSUED, SAME_BUYER, REISSUE_OPEN, REISSUES_USED_UP, KEY_REUSED.
    """
    call.require_viewer(1)
    buyer = invoices.checked(buyer)
    intent = await payments.get_payment(call, payment_id)
    invoice = await BillInvoice.get_or_none(intent_id=payment_id)
    if invoice is None:
        raise Conflict(texts.INVOICE_NOT_ISSUED)
    if intent.state not in invoices.BOOKED:
        raise Conflict(NOT_INVOICEABLE)
    command = {"payment": payment_id, "title": buyer.title, "tax_no": buyer.tax_no}
    if await recall_key(call, _REISSUE, key, command) is None:
        await rate_limit.require(
            call.app.clock,
            f"invoice-reissue:{payment_id}",
            limit=domain.ASKS_PER_DAY,
            window=timedelta(days=1),
            refusal=texts.TOO_MANY_ASKS,
        )
    async with transaction() as tx:
        await invoices.lock(tx, payment_id)
        live = await _find_live(tx, invoice.id)
        effect_id = new_id() if live is None else live.id
        claim = await claim_key(call, tx, _REISSUE, key, command, effect_id=effect_id)
        if claim.replayed:
            return await InvoiceReissue.get(id=claim.effect_id, using_db=tx)
        if live is not None:
            return await _go_on(call.app, tx, live, buyer)
        return await _begin(call, tx, claim.effect_id, invoice.id, buyer)


async def _begin(
    call: Call, tx: Transaction, reissue_id: UUID, invoice_id: UUID, buyer: Buyer
) -> InvoiceReissue:
    app, invoice = call.app, await BillInvoice.get(id=invoice_id, using_db=tx)
    if invoice.state != "issued" or invoice.invoice_no is None:
        raise Conflict(texts.INVOICE_NOT_ISSUED)
    if invoices.buyer_of(app, invoice) == buyer:
        raise Conflict(texts.SAME_BUYER)
    done = InvoiceReissue.filter(invoice_id=invoice_id, no__isnull=False)
    count = await done.using_db(tx).count()
    if count >= domain.MOST:
        raise Conflict(texts.REISSUES_USED_UP, most=domain.MOST)
    row = await InvoiceReissue.create(
        using_db=tx,
        id=reissue_id,
        citizen_id=call.require_viewer().user_id,
        invoice_id=invoice_id,
        no=count + 1,
        buyer_sealed=invoices.sealed_of(app, buyer),
        old_buyer_sealed=invoice.buyer_sealed,
        old_invoice_no=invoice.invoice_no,
        old_invoice_url=invoice.invoice_url or "",
        old_issued_at=invoice.issued_at,
        state="requested",
        requested_at=app.clock.now(),
    )
    await carry_on.enqueue(app, tx, row.id)
    return row


async def _go_on(app: App, tx: Transaction, live: InvoiceReissue, buyer: Buyer) -> InvoiceReissue:
    """The request under way, where it is the same; of one whose name was refused the next name."""
    if live.state == "unissued":
        sealed, names = invoices.sealed_of(app, buyer), live.names + 1
        await _move(tx, live, "retry", buyer_sealed=sealed, names=names, reason=None)
        await carry_on.enqueue(app, tx, live.id)
    elif invoices.opened(app, live.buyer_sealed) != buyer:
        raise Conflict(texts.REISSUE_OPEN)
    return live


async def list_reissues(call: Call, payment_id: UUID) -> Sequence[InvoiceReissue]:
    """The re-issues of the invoice of one of the viewer's payments, newest first: its history.

    Raises NotFound for anybody else's payment.
    """
    invoice = await invoices.find_invoice(call, payment_id)
    if invoice is None:
        return []
    return await InvoiceReissue.filter(invoice_id=invoice.id).order_by("-id").limit(_SHOWN)


@job("bills.reissue_invoice", max_attempts=50)
async def carry_on(app: App, reissue_id: UUID) -> None:
    """Take the step that is due at the biller, and again later until its end. Repeat-safe.

    Raises UpstreamError without an answer: the queue runs this again.
    """
    row = await InvoiceReissue.get_or_none(id=reissue_id)
    if row is None:
        return
    invoice = await BillInvoice.get(id=row.invoice_id)
    if row.state in _TO_REDDEN:
        await _redden(app, row, UtilityKind(invoice.kind))
    elif row.state == "red":
        await _issue(app, row, invoice)


async def _redden(app: App, row: InvoiceReissue, kind: UtilityKind) -> None:
    """Have the old invoice cancelled."""
    deadline = Deadline.after(_DEADLINE_S)
    reply: RedInvoice | None = None
    reason: str | None = None
    try:
        reply = await apply_red(app, deadline, kind, row.red_ref, row.old_invoice_no)
        reason = reply.void_reason
    except UpstreamRejected as refusal:
        if refusal.code not in domain.REFUSED_FOR_GOOD:
            raise
        reason = refusal.code
    person = await find_person(app, row.citizen_id)
    async with transaction() as tx:
        found = await _lock(tx, row.id, person)
        if found.row.state not in _TO_REDDEN:
            return
        if reason is not None:
            now = app.clock.now()
            await _move(tx, found.row, "refuse", reason=reason[:32], no=None, ended_at=now)
            await messages.tell(app, tx, person, found.row, found.invoice)
        elif reply is not None and reply.is_issued:
            await _note_red(app, tx, found, reply)
        elif reply is not None:
            await _wait_for_red(app, tx, found, reply, row.attempts)


async def _note_red(app: App, tx: Transaction, found: _Found, reply: RedInvoice) -> None:
    """The old invoice is cancelled: the new one is due."""
    await _move(
        tx,
        found.row,
        "redden",
        red_invoice_no=(reply.red_invoice_no or "")[:64],
        red_invoice_url=reply.red_invoice_url,
        red_issued_at=reply.issued_at or app.clock.now(),
    )
    await invoices.move(tx, found.invoice, "cancel")
    await carry_on.enqueue(app, tx, found.row.id)


async def _wait_for_red(
    app: App, tx: Transaction, found: _Found, reply: RedInvoice, seen: int
) -> None:
    row = found.row
    if reply.awaits_buyer and row.state == "requested":
        confirm_by = reply.confirm_by or app.clock.now() + domain.CONFIRM_WITHIN
        await _move(tx, row, "await", confirm_by=confirm_by)
        await messages.tell(app, tx, found.person, row, found.invoice)
    await _look_again(app, tx, row, seen)


async def _issue(app: App, row: InvoiceReissue, invoice: BillInvoice) -> None:
    """Have the new invoice issued."""
    buyer, kind = invoices.opened(app, row.buyer_sealed), UtilityKind(invoice.kind)
    deadline, payment_ref = Deadline.after(_DEADLINE_S), invoice.intent_id.hex
    reply: BillerInvoice | None = None
    reason: str | None = None
    try:
        reply = await apply_invoice(app, deadline, kind, payment_ref, buyer, row.request_ref)
    except UpstreamRejected as refusal:
        if refusal.code not in BLUE_REFUSED:
            raise
        reason = refusal.code
    person = await find_person(app, row.citizen_id)
    async with transaction() as tx:
        found = await _lock(tx, row.id, person)
        if found.row.state != "red" or found.row.names != row.names:
            return
        if reply is None:
            await _move(tx, found.row, "fail", reason=(reason or "")[:32])
        elif reply.is_issued:
            await _note_issued(app, tx, found, reply)
        else:
            await _look_again(app, tx, found.row, row.attempts)
        await messages.tell(app, tx, person, found.row, found.invoice)


async def _note_issued(app: App, tx: Transaction, found: _Found, reply: BillerInvoice) -> None:
    await invoices.move(
        tx,
        found.invoice,
        "reissue",
        buyer_sealed=found.row.buyer_sealed,
        request_no=reply.request_no[:64],
        invoice_no=(reply.invoice_no or "")[:64],
        invoice_url=reply.invoice_url,
        issued_at=reply.issued_at,
    )
    await _move(tx, found.row, "issue", ended_at=app.clock.now())


async def _look_again(app: App, tx: Transaction, row: InvoiceReissue, seen: int) -> None:
    """Queue the next look, once: `seen` is how many there had been before this one."""
    if row.attempts != seen:
        return
    row.attempts += 1
    await row.save(using_db=tx, update_fields=["attempts"])
    wait = domain.next_look(row.attempts - 1, app.clock.now() - row.requested_at)
    await carry_on.enqueue(app, tx, row.id, key=f"{row.id}:{row.attempts}", after=wait)


async def _find_live(tx: Transaction, invoice_id: UUID) -> InvoiceReissue | None:
    live = InvoiceReissue.filter(invoice_id=invoice_id, state__in=list(domain.UNDER_WAY))
    return await live.using_db(tx).select_for_update().first()


async def _lock(tx: Transaction, reissue_id: UUID, person: Person | None) -> _Found:
    rows = InvoiceReissue.filter(id=reissue_id).using_db(tx)
    row = await rows.select_for_update().get()
    held = BillInvoice.filter(id=row.invoice_id).using_db(tx)
    return _Found(row, await held.select_for_update().get(), person)


async def _move(tx: Transaction, row: InvoiceReissue, event: str, **changes: object) -> None:
    row.state = REISSUE.next_state(row.state, event)
    row.update_from_dict(changes)
    await row.save(using_db=tx, update_fields=["state", *changes])
