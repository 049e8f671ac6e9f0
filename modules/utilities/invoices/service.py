"""Asking a biller for the invoice of a payment, and following it until it is there."""

from datetime import timedelta
from uuid import UUID

import orjson

from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key
from core.database import Transaction, lock_name, transaction
from core.deadline import Deadline
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.queue.jobs import job
from core.refusal_texts import NOT_FOUND
from core.upstream.client import UpstreamRejected
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.invoices import domain, texts
from modules.utilities.invoices.domain import INVOICE, BillerInvoice, Buyer
from modules.utilities.invoices.models import BUYER, BillInvoice
from modules.utilities.invoices.upstream import apply_invoice
from payments import api as payments

_DEADLINE_S = 8.0
_PREFIX = "bills."
BOOKED = frozenset({"fulfilled"})
"""The states of a payment whose invoice can be issued."""


async def request_invoice(call: Call, payment_id: UUID, buyer: Buyer, key: str) -> BillInvoice:
    """Ask for the invoice of one of the viewer's bill payments; the biller issues it.

    Asking again for the same buyer is the same request. Raises InvalidInput, NotFound,
    Conflict NOT_INVOICEABLE before the biller has booked the payment and once money went back,
    INVOICE_REQUESTED for another buyer, KEY_REUSED.
    """
    citizen_id, buyer = call.require_viewer(1).user_id, checked(buyer)
    intent = await payments.get_payment(call, payment_id)
    if not intent.kind.startswith(_PREFIX):
        raise NotFound(NOT_FOUND)
    if intent.state not in BOOKED:
        raise Conflict(texts.NOT_INVOICEABLE)
    async with transaction() as tx:
        command = {"payment": payment_id, "title": buyer.title, "tax_no": buyer.tax_no}
        await claim_key(call, tx, "requestBillInvoice", key, command, effect_id=payment_id)
        kind = intent.kind.removeprefix(_PREFIX)
        return await _ensure(call.app, tx, citizen_id, payment_id, kind, buyer)


def checked(buyer: Buyer) -> Buyer:
    """A buyer that can stand on an invoice. Raises InvalidInput BUYER_INVALID."""
    buyer = Buyer(buyer.title.strip(), buyer.tax_no)
    if not buyer.is_sound:
        raise InvalidInput(texts.BUYER_INVALID, "title" if buyer.tax_no is None else "taxNo")
    return buyer


async def _ensure(
    app: App, tx: Transaction, citizen_id: UUID, payment_id: UUID, kind: str, buyer: Buyer
) -> BillInvoice:
    await lock(tx, payment_id)
    known = await BillInvoice.get_or_none(intent_id=payment_id, using_db=tx)
    if known is not None and known.state != "refused":
        if buyer_of(app, known) != buyer:
            raise Conflict(texts.INVOICE_REQUESTED)
        return known
    sealed = sealed_of(app, buyer)
    if known is None:
        known = await BillInvoice.create(
            using_db=tx,
            id=new_id(),
            citizen_id=citizen_id,
            intent_id=payment_id,
            kind=kind,
            buyer_sealed=sealed,
            state="requested",
            requested_at=app.clock.now(),
        )
    else:
        await move(tx, known, "retry", buyer_sealed=sealed, reason=None, attempts=0)
    await ask.enqueue(app, tx, known.id)
    return known


async def lock(tx: Transaction, payment_id: UUID) -> None:
    """One request at a time of a payment's invoice is decided."""
    await lock_name(tx, f"invoice:{payment_id}")


async def find_invoice(call: Call, payment_id: UUID) -> BillInvoice | None:
    """The invoice of one of the viewer's payments, however far it is. Raises NotFound."""
    await payments.get_payment(call, payment_id)
    return await BillInvoice.get_or_none(intent_id=payment_id)


def sealed_of(app: App, buyer: Buyer) -> bytes:
    """A buyer as it is kept."""
    return app.vault.encrypt(orjson.dumps([buyer.title, buyer.tax_no]).decode(), BUYER)


def opened(app: App, sealed: bytes) -> Buyer:
    """The same, to be read."""
    title, tax_no = orjson.loads(app.vault.decrypt(bytes(sealed), BUYER))
    return Buyer(title, tax_no)


def buyer_of(app: App, row: BillInvoice) -> Buyer:
    """To whom an invoice is made out."""
    return opened(app, row.buyer_sealed)


@job("bills.ask_invoice", max_attempts=50)
async def ask(app: App, invoice_id: UUID) -> None:
    """Ask the biller, and again later until the invoice is there. Repeat-safe.

    Raises UpstreamError without an answer: the queue runs this again.
    """
    row = await BillInvoice.get_or_none(id=invoice_id)
    if row is None or row.state not in ("requested", "issuing"):
        return
    reply: BillerInvoice | None = None
    reason: str | None = None
    try:
        reply = await apply_invoice(
            app,
            Deadline.after(_DEADLINE_S),
            UtilityKind(row.kind),
            row.intent_id.hex,
            buyer_of(app, row),
        )
    except UpstreamRejected as refusal:
        reason = refusal.code
        if reason not in domain.REFUSED_FOR_GOOD and not _is_old(app, row):
            raise
    async with transaction() as tx:
        locked = await BillInvoice.filter(id=row.id).using_db(tx).select_for_update().get()
        await _note(app, tx, locked, reply, reason)


async def _note(
    app: App, tx: Transaction, row: BillInvoice, reply: BillerInvoice | None, reason: str | None
) -> None:
    if row.state not in ("requested", "issuing"):
        return
    if reply is None or (not reply.is_issued and _is_old(app, row)):
        await move(tx, row, "refuse", reason=(reason or "NOT_ISSUED")[:32])
    elif reply.is_issued:
        await move(
            tx,
            row,
            "issue",
            request_no=reply.request_no[:64],
            invoice_no=(reply.invoice_no or "")[:64],
            invoice_url=reply.invoice_url,
            issued_at=reply.issued_at,
        )
    else:
        if INVOICE.allows(row.state, "accept"):
            await move(tx, row, "accept", request_no=reply.request_no[:64])
        row.attempts += 1
        await row.save(using_db=tx, update_fields=["attempts"])
        wait: timedelta = domain.next_look(row.attempts - 1)
        await ask.enqueue(app, tx, row.id, key=f"{row.id}:{row.attempts}", after=wait)


def _is_old(app: App, row: BillInvoice) -> bool:
    return bool(app.clock.now() - row.requested_at > domain.GIVE_UP_AFTER)


async def move(tx: Transaction, row: BillInvoice, event: str, **changes: object) -> None:
    """Take an edge of a locked request's machine. Raises IllegalTransition."""
    row.state = INVOICE.next_state(row.state, event)
    row.update_from_dict(changes)
    await row.save(using_db=tx, update_fields=["state", *changes])
