"""Paying, as seen by the payer: start, be shown the cashier, look how it goes."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.database import Transaction, idempotency, transaction
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.ids import new_id
from core.people.freezes import is_frozen
from core.people.merged_accounts import list_accounts
from core.refusal_texts import ACCOUNT_DISPUTED, KEY_REUSED, NOT_FOUND
from payments import cashier, contracts, limits, parts, precedence, settlement, store, texts
from payments.domain import ANYHOW, INTENT, INTENT_LIFE, Wish, next_look
from payments.finance import finance_of
from payments.models import Intent
from payments.payable import get_payable
from payments.precedence import Ask
from payments.psp import routing
from payments.psp.channels import IN_WECHAT, PaymentChannel
from payments.sharing.domain import share_of

_OPENID = re.compile(r"[0-9A-Za-z_-]{1,128}")


async def create_intent(
    call: Call,
    tx: Transaction,
    *,
    kind: str,
    subject_ref: str,
    key: str,
    wish: Wish | None = None,
    contract_id: UUID | None = None,
    is_owner: bool = True,
    amount_fen: int | None = None,
) -> UUID:
    """Begin to pay what the payable of `kind` quotes; part of the caller's transaction.

    With `contract_id`, a contract of the payer, the PSP deducts instead of opening a cashier. With
    `amount_fen` a part of it is paid, where its payee takes parts; all that is open otherwise.
    `is_owner`: whether the payer is known to be whom it concerns, whom nobody else's open cashier
    keeps from paying; services that let others pay too say False of those.
    Returns the intent's id. The same key and subject give the same intent, and so does another key
    while the payer's own cashier for the same amount is open; one that has to give way is closed
    (see payments.precedence). The PSP of `wish` is followed while it is well; for an open cashier
    of another PSP `present` has that one closed first. Raises Conflict PAYMENT_OPEN, ALREADY_PAID,
    KEY_REUSED, LIMIT_REACHED or CHANNEL_NOT_OFFERED, InvalidInput OPENID_NEEDED, Forbidden
    ACCOUNT_DISPUTED, and what `parts.cut` and the quote refuse.
    """
    app, payer_id = call.app, call.require_viewer().user_id
    wish = checked(wish or ANYHOW)
    operation, command = f"pay:{kind}", _command(kind, subject_ref, wish, amount_fen)
    bind = partial(idempotency.claim, app.clock, tx, subject=payer_id, operation=operation)
    claim = await bind(key=key, command=command, effect_id=new_id())
    if claim.replayed:
        return claim.effect_id
    if contract_id is None:  # a contract was agreed before, and can be ended
        await _refuse_frozen(app, payer_id)
    quote = parts.cut(await get_payable(app, kind).quote(call, tx, subject_ref), amount_fen)
    ask = Ask(kind, subject_ref, quote, wish, is_owner, is_deduction=contract_id is not None)
    mine = await precedence.make_room(call, tx, ask)
    if mine is None:
        await limits.take(tx, payer_id, kind, quote, app.clock.now())
        _made(call)[claim.effect_id] = await _insert(call, tx, claim.effect_id, ask, contract_id)
        return claim.effect_id
    if wish.method is not None:
        await cashier.wish(app, tx, mine, wish.method)
    await idempotency.release(tx, payer_id, operation, key)
    await bind(key=key, command=command, effect_id=mine.id)
    return mine.id


async def _refuse_frozen(app: App, payer_id: UUID) -> None:
    """Money of whose account is disputed does not move; whom they pay for is another matter."""
    if await is_frozen(app, payer_id):
        raise Forbidden(ACCOUNT_DISPUTED)


async def _insert(
    call: Call, tx: Transaction, intent_id: UUID, ask: Ask, contract_id: UUID | None
) -> Intent:
    app, now, wait = call.app, call.app.clock.now(), next_look(0)
    quote, wish, finance = ask.quote, ask.wish, finance_of(app)
    merchants = finance.merchants_of(quote.payee)
    psp, parts = _choose(app, wish, merchants, contract_id), quote.parts
    rate_bps = finance.shares.get(quote.payee, 0)
    intent = await Intent.create(
        using_db=tx,
        id=intent_id,
        payer_id=call.require_viewer().user_id,
        kind=ask.kind,
        subject_ref=ask.subject_ref,
        payee=quote.payee,
        title_zh=quote.title_zh,
        title_en=quote.title_en,
        amount_fen=quote.amount_fen,
        owed_fen=None if parts is None else parts.owed_fen,
        owed_at=None if parts is None else parts.owed_at,
        owed_turn=ask.owed_turn,
        psp=psp,
        merchant=merchants.get(psp),
        share_bps=rate_bps if share_of(quote.amount_fen, rate_bps) else 0,
        client_address=call.address or "127.0.0.1",
        channel=wish.channel,
        openid=wish.openid,
        contract_id=contract_id,
        company_id=quote.company_id,
        by_owner=ask.is_owner,
        state="created",
        created_at=now,
        expires_at=now + INTENT_LIFE,
        due_at=now + wait,
    )
    key = settlement.check_key(intent)
    await settlement.CHECK.enqueue(app, tx, intent_id, key=key, after=wait)
    return intent


def _choose(app: App, wish: Wish, merchants: Mapping[str, str], contract_id: UUID | None) -> str:
    """The PSP of a new payment. Raises Conflict CHANNEL_NOT_OFFERED; a contract is one with us, and
    takes nothing for a payee's own merchant."""
    psp = routing.choose(app, wish.method, wish.channel, merchants)
    if contract_id is not None:
        psp = None if merchants else contracts.PSP
    if psp is None:
        raise Conflict(texts.CHANNEL_NOT_OFFERED)
    return psp


def checked(wish: Wish) -> Wish:
    """A wish with an openid where its channel needs one, and there alone.

    Raises InvalidInput OPENID_NEEDED.
    """
    if wish.channel not in IN_WECHAT:
        return replace(wish, openid=None)
    if wish.openid is None or not _OPENID.fullmatch(wish.openid):
        raise InvalidInput(texts.OPENID_NEEDED, "channel.openid")
    return wish


def _command(kind: str, subject_ref: str, wish: Wish, amount_fen: int | None) -> dict[str, object]:
    """What the client has said: channel and amount only where they were told."""
    said: dict[str, object] = {"kind": kind, "subject": subject_ref, "method": wish.method}
    if wish.channel is not PaymentChannel.BROWSER:
        said |= {"channel": wish.channel, "openid": wish.openid}
    return said if amount_fen is None else said | {"amount_fen": amount_fen}


async def present(call: Call, intent_id: UUID) -> Intent:
    """Open the cashier of one of the viewer's payments and return the payment.

    Repeat-safe. Where no PSP answers the payment is returned without a cashier: its saga goes on
    asking. Raises NotFound for a payment that is not the viewer's.
    """
    made = _made(call).pop(intent_id, None)
    intent = made or await get_payment(call, intent_id)
    return await cashier.open_cashier(call.app, intent, call.deadline, first=made is not None)


async def cancel_payment(call: Call, intent_id: UUID) -> Intent:
    """End one of the viewer's payments before it is paid. Repeat-safe.

    What the PSP takes all the same goes back. Raises NotFound, and Conflict NOT_CANCELLABLE for one
    that is paid or that a PSP deducts under a contract.
    """
    await get_payment(call, intent_id)
    async with transaction() as tx:
        intent = await store.lock_intent(tx, intent_id)
        assert intent is not None
        if INTENT.allows(intent.state, "cancel") and intent.contract_id is None:
            await settlement.cancel(call.app, tx, intent, "CANCELLED")
        elif intent.state not in ("cancelling", "expired", "rejected"):
            raise Conflict(texts.NOT_CANCELLABLE)
    return intent


async def end_open(app: App, tx: Transaction, kind: str, subject_refs: Collection[str]) -> None:
    """Close the open cashiers of what is not due any more; part of the caller's transaction.

    A deduction under a contract is left alone: its payee refuses it, and it goes back.
    """
    if not subject_refs:
        return
    for intent in await store.lock_open_intents(tx, kind, subject_refs):
        await settlement.cancel(app, tx, intent, "NOT_DUE")


def _made(call: Call) -> dict[UUID, Intent]:
    """The intents that this call has made and not yet ordered: nobody else has, either."""
    return call.once("payments.made", dict)


async def get_payment(call: Call, intent_id: UUID) -> Intent:
    """One of the viewer's payments. Raises NotFound for any other."""
    viewer_id = call.require_viewer().user_id
    intent = await store.find_intent(intent_id)
    if intent is None or not await store.filter_own(viewer_id, [intent]):
        raise NotFound(NOT_FOUND)
    return intent


async def find_payments(call: Call, intent_ids: Collection[UUID]) -> Mapping[UUID, Intent]:
    """Those of these payments that are the viewer's, by id."""
    if not intent_ids:
        return {}
    viewer_id, intents = call.require_viewer().user_id, await store.list_by_ids(intent_ids)
    return {intent.id: intent for intent in await store.filter_own(viewer_id, intents)}


async def list_payments(call: Call, *, first: int, before: UUID | None = None) -> Sequence[Intent]:
    """The viewer's payments, newest first; `before` is the last one already seen."""
    accounts = await list_accounts(call.require_viewer().user_id)
    return await store.list_intents(accounts, first=first, before=before)


async def refund(
    app: App, tx: Transaction, intent_id: UUID, amount_fen: int, *, reason: str, key: str
) -> UUID:
    """Give back a part or all of a payment that its payee had accepted; returns the refund's id.

    Part of the caller's transaction; the PSP is asked by a job. Repeat-safe by `key`, the
    permanent business key ("cancel:<booking id>"). Raises NotFound, Conflict REFUND_TOO_LARGE
    above what is left of the capture, InvalidInput for an amount that is none, IllegalTransition
    for a payment that was not passed on.
    """
    if amount_fen <= 0:
        raise InvalidInput(texts.AMOUNT_OUT_OF_RANGE)
    intent = await store.lock_intent(tx, intent_id)
    if intent is None:
        raise NotFound(NOT_FOUND)
    known = await store.find_refund_by_key(tx, key)
    if known is not None:
        if (known.intent_id, known.amount_fen) != (intent_id, amount_fen):
            raise Conflict(KEY_REUSED)
        return known.id
    return await settlement.request_refund(app, tx, intent, amount_fen, reason=reason, key=key)
