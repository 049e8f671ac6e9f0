"""Who pays where several want to pay the same: what stays under way, and what gives way."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.context.call import Call
from core.database import Transaction
from core.errors import Conflict
from core.texts import Text
from payments import settlement, store, texts
from payments.domain import HELD_FOR, LAPSED_WITHIN, OPEN, TO_ORDER, Wish
from payments.models import Intent
from payments.payable import Quote


@dataclass(frozen=True, slots=True)
class Ask:
    """A payment that somebody asks for, of all that is due or of a part."""

    kind: str
    subject_ref: str
    quote: Quote
    wish: Wish
    is_owner: bool
    is_deduction: bool

    @property
    def owed_fen(self) -> int:
        """All that may be under way together."""
        return self.quote.amount_fen if self.quote.parts is None else self.quote.parts.owed_fen

    @property
    def owed_turn(self) -> int | None:
        """The turn at which the payee was asked; None where it takes no parts."""
        return None if self.quote.parts is None else self.quote.parts.owed_turn


async def make_room(call: Call, tx: Transaction, ask: Ask) -> Intent | None:
    """Close the cashiers that give way to this payment; part of the caller's transaction.

    Returns the payer's own that is open for just this, None where a new payment fits beside what
    stays. The payer's own cashiers are looked at first; those of others only where there is no room
    beside them. Raises Conflict ALREADY_PAID, PAYMENT_OPEN.
    """
    payer_id = call.require_viewer().user_id
    lives = await store.list_live_intents(tx, ask.kind, ask.subject_ref, ask.owed_turn)
    own = {intent.id for intent in await store.filter_own(payer_id, lives)}
    room_fen = ask.owed_fen - sum(intent.amount_fen for intent in lives)
    staying: list[Intent] = []
    for live in sorted(lives, key=lambda intent: intent.id not in own):
        is_own = live.id in own
        if is_own or room_fen < ask.quote.amount_fen:
            reason = await _gives_way(call, tx, live, ask, is_own=is_own)
            if reason is not None:
                await settlement.cancel(call.app, tx, live, reason)
                room_fen += live.amount_fen
                continue
        if is_own and _is_open_for(call, live, ask):
            return live
        staying.append(live)
    if room_fen < ask.quote.amount_fen:
        raise Conflict(_why_not(staying))
    return None


def _why_not(staying: Sequence[Intent]) -> Text:
    whole = (intent for intent in staying if intent.owed_fen is None)
    is_paid = any(intent.state == "fulfilled" for intent in whole)
    return texts.ALREADY_PAID if is_paid else texts.PAYMENT_OPEN


def _is_open_for(call: Call, live: Intent, ask: Ask) -> bool:
    """Whether a cashier of the payer's own takes just this amount."""
    open_ = live.state in TO_ORDER | {"awaiting", "leaving"}
    same = live.amount_fen == ask.quote.amount_fen
    return same and open_ and bool(call.app.clock.now() < live.expires_at)


async def _gives_way(
    call: Call, tx: Transaction, live: Intent, ask: Ask, *, is_own: bool
) -> str | None:
    """Why an unpaid cashier of this subject is closed for the one who asks now; None if it stays.

    The payer's own one of another amount is stale, one of another channel cannot be used, and one
    whose time is over keeps nobody. A deduction comes in no channel, and closes no part that the
    payer has chosen. Against others the one whom it concerns has the first right; among equals it
    holds for a moment, and for nobody who has begun and let it be before.
    """
    now, payer_id = call.app.clock.now(), call.require_viewer().user_id
    if live.state not in OPEN or live.contract_id is not None:
        return None
    if live.state == "closing" or now >= live.expires_at:
        return "EXPIRED"
    if is_own:
        if live.amount_fen != ask.quote.amount_fen:
            return None if ask.is_deduction and live.is_part else "AMOUNT_CHANGED"
        same = (live.channel, live.openid) == (ask.wish.channel, ask.wish.openid)
        return None if same or ask.is_deduction else "CHANNEL_CHANGED"
    if live.by_owner != ask.is_owner:
        return "TAKEN_OVER" if ask.is_owner else None
    subject, since = (live.kind, live.subject_ref), now - LAPSED_WITHIN
    if await store.has_lapsed(tx, payer_id, *subject, since) and not ask.is_owner:
        return None
    lapsed = await store.has_lapsed(tx, live.payer_id, *subject, since)
    return "TAKEN_OVER" if lapsed or now >= live.created_at + HELD_FOR else None
