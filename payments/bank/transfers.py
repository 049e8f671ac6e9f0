"""Payouts on their way to the payees' accounts: ordered at the bank, refused, ordered anew."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.errors import NotFound
from core.ids import new_id
from core.queue.jobs import JobKind
from core.refusal_texts import NOT_FOUND
from payments.bank import pain
from payments.bank.domain import TRANSFER, end_to_end
from payments.bank.models import OrderMessage, Transfer
from payments.bank.upstream import send_orders
from payments.events import Oddity, OddityFound
from payments.finance import finance_of
from payments.ledger.accounts import BANK
from payments.reconciliation import cases

_NEW = """
INSERT INTO payments_transfer (id, payee, amount_fen, state, tries, created_at)
SELECT p.id, p.payee, p.amount_fen, 'due', 0, p.instructed_at FROM payments_payout p
 WHERE p.amount_fen > 0 AND NOT EXISTS (SELECT FROM payments_transfer t WHERE t.id = p.id)
    ON CONFLICT (id) DO NOTHING
"""

SEND = JobKind[str]("payments.send_order")
"""payments.bank.jobs, which imports this file."""

SEND_S = 90.0
_AT_ONCE = 500

log = structlog.get_logger(__name__)


async def order_due(app: App, *, by_hand: bool = False) -> str | None:
    """Put what is due into one message; returns its number, None where nothing is due.

    Written and committed before anything is sent: a message whose reply is lost is sent again as
    it was, whatever has become of its parts or of the finance data since. The job that sends it is
    committed with it, unless it is sent `by_hand`. A payee without an account in the city's
    finance data stays due.
    """
    payees = finance_of(app).payees
    order_ref, now = new_id().hex, app.clock.now()
    async with transaction() as tx:
        await tx.execute_query(_NEW)
        rows = (
            await Transfer.filter(state="due", payee__in=list(payees))
            .using_db(tx)
            .order_by("id")
            .limit(_AT_ONCE)
            .select_for_update(skip_locked=True)
        )
        for row in rows:
            row.state = TRANSFER.next_state(row.state, "order")
            row.tries += 1
            row.order_ref, row.ordered_at, row.reason = order_ref, now, None
            await row.save(
                using_db=tx, update_fields=["state", "tries", "order_ref", "ordered_at", "reason"]
            )
        if not rows:
            return None
        await _write(app, tx, order_ref, rows)
        if not by_hand:
            await SEND.enqueue(app, tx, order_ref)
    return order_ref


async def send_again(app: App, order_ref: str) -> None:
    """Have a message sent once more: it was kept to be sent by hand, or its job failed for good.

    Raises NotFound as `read_message`.
    """
    await read_message(order_ref)
    async with transaction() as tx:
        await SEND.enqueue(app, tx, order_ref)


async def read_message(order_ref: str) -> bytes:
    """The message of this number; the same each time. Raises NotFound where there is none, or the
    bank has settled all of it."""
    message = await OrderMessage.get_or_none(order_ref=order_ref)
    if message is None or not await Transfer.filter(order_ref=order_ref, state="ordered").exists():
        raise NotFound(NOT_FOUND)
    return bytes(message.body)


async def _write(app: App, tx: Transaction, order_ref: str, rows: Sequence[Transfer]) -> None:
    """Write the message of payouts that are just ordered, and keep it."""
    finance, now = finance_of(app), app.clock.now()
    orders = [
        pain.Order(
            end_to_end(row.id, row.tries),
            row.amount_fen,
            finance.payees[row.payee],
            f"{row.payee} {civil_date(row.created_at)}",
        )
        for row in rows
    ]
    body = pain.write_orders(order_ref, finance.own, orders, at=now, on=civil_date(now))
    await OrderMessage.create(using_db=tx, order_ref=order_ref, body=body, written_at=now)


async def send(app: App, order_ref: str) -> None:
    """Send a message and note the answer. Repeat-safe: the bank knows the message by its number.

    Nothing is done where the bank has settled all of it. Raises UpstreamError.
    """
    try:
        message = await read_message(order_ref)
    except NotFound:
        return
    await take_answer(app, await send_orders(app, Deadline.after(SEND_S), message))


async def take_answer(app: App, answer: pain.Answer) -> int:
    """Note what the bank refuses; returns how many orders. The rest waits for its statement.

    Repeat-safe: a transfer that is ordered anew meanwhile is not touched by the old answer.
    """
    refused = 0
    async with transaction() as tx:
        rows = (
            await Transfer.filter(order_ref=answer.order_ref, state="ordered")
            .using_db(tx)
            .select_for_update()
        )
        for row in rows:
            number = end_to_end(row.id, row.tries)
            status, reason = answer.orders.get(number, (answer.status, answer.reason))
            if pain.REFUSED in (status, answer.status):
                await _refuse(app, tx, row, reason or answer.reason)
                refused += 1
    log.info("orders answered", order=answer.order_ref, status=answer.status, refused=refused)
    return refused


async def renew(app: App, transfer_id: UUID) -> Transfer:
    """Have a refused or returned payout ordered anew, once its payee's account is put right.

    Raises NotFound, IllegalTransition.
    """
    async with transaction() as tx:
        return await _renew(tx, transfer_id)


async def renew_by_key(call: Call, transfer_id: UUID, key: str) -> Transfer:
    """The same for a clerk, once per key. Raises as `renew`, and Conflict."""
    command = {"transfer": str(transfer_id)}
    async with transaction() as tx:
        claim = await claim_key(call, tx, "renewTransfer", key, command, effect_id=transfer_id)
        if claim.replayed:
            return await Transfer.get(id=transfer_id, using_db=tx)
        return await _renew(tx, transfer_id)


async def _renew(tx: Transaction, transfer_id: UUID) -> Transfer:
    row = await Transfer.filter(id=transfer_id).using_db(tx).select_for_update().first()
    if row is None:
        raise NotFound(NOT_FOUND)
    row.state = TRANSFER.next_state(row.state, "renew")
    row.ended_at = None
    await row.save(using_db=tx, update_fields=["state", "ended_at"])
    return row


async def list_transfers(states: Sequence[str] = (), limit: int = 100) -> Sequence[Transfer]:
    """Payouts to accounts, the newest first; those in some states alone, where any are named."""
    wanted = Transfer.filter(state__in=list(states)) if states else Transfer.all()
    return await wanted.order_by("-created_at", "-id").limit(limit)


async def end(
    app: App, tx: Transaction, row: Transfer, event: str, reason: str | None = None
) -> None:
    """Take a step that the bank has told, and keep its reason."""
    row.state = TRANSFER.next_state(row.state, event)
    row.reason, row.ended_at = reason or row.reason, app.clock.now()
    await row.save(using_db=tx, update_fields=["state", "reason", "ended_at"])


async def _refuse(app: App, tx: Transaction, row: Transfer, reason: str) -> None:
    await end(app, tx, row, "refuse", reason)
    await open_case(app, tx, row, Oddity.PAYOUT_REFUSED)


async def open_case(app: App, tx: Transaction, row: Transfer, oddity: Oddity) -> None:
    """Have people look at a payout that did not reach its payee."""
    now = app.clock.now()
    found = OddityFound(
        oddity=oddity,
        source=BANK,
        intent_id=None,
        payee=row.payee,
        ref=end_to_end(row.id, row.tries),
        their_ref=None,
        our_fen=row.amount_fen,
        their_fen=None,
        found_on=civil_date(now),
    )
    await cases.open_oddity(tx, found, now)
