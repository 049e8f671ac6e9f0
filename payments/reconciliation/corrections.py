"""Closing a case by a posting, by four eyes: one member of staff proposes it, another approves it.

What can be posted follows from the kind of difference, and the amount from the two sides' figures.
Nothing is posted and the case stays open until the approval; the database refuses one by the
proposer.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.context.app import App
from core.database import Transaction, idempotency, transaction
from core.errors import Conflict, NotFound
from core.ids import new_id
from core.refusal_texts import NOT_FOUND
from payments import settlement, store
from payments import share_returns as returns
from payments.domain import Side as Teller
from payments.events import Oddity
from payments.ledger import store as ledger
from payments.ledger.accounts import (
    BANK,
    MAIN_ACCOUNT,
    Account,
    bank_account,
    cost_of,
    difference_with,
    payee_claim,
    psp_receivable,
    suspense_of,
)
from payments.ledger.payee_turns import account_to_reverse
from payments.ledger.postings import Leg, Posting, transfer
from payments.models import Intent
from payments.psp.partners import PARTNERS, SHARES
from payments.psp.port import RefundState, RefundView
from payments.reconciliation import cases, claims, texts
from payments.reconciliation.domain import (
    CORRECTION,
    UNSETTLED,
    BreakKind,
    CorrectionKind,
    Resolution,
)
from payments.reconciliation.models import Case, Correction
from payments.reconciliation.service import PAY_OUT
from payments.reconciliation.sources import get_sources

_NOTHING = frozenset({CorrectionKind.NO_POSTING})
POSSIBLE: Mapping[str, frozenset[CorrectionKind]] = {
    BreakKind.MISSING_HERE: frozenset({CorrectionKind.SUSPENSE}),
    BreakKind.MISSING_THERE: frozenset({CorrectionKind.WRITE_OFF, CorrectionKind.TAKE_BACK}),
    BreakKind.AMOUNT: frozenset({CorrectionKind.WRITE_OFF}),
    BreakKind.FEE: frozenset({CorrectionKind.COST}),
    BreakKind.COUPON: frozenset({CorrectionKind.COST}),
    BreakKind.DATE: _NOTHING,
    BreakKind.DUPLICATE: frozenset({CorrectionKind.NO_POSTING, CorrectionKind.SUSPENSE}),
    BreakKind.REFUND: frozenset({CorrectionKind.WRITE_OFF, CorrectionKind.BOOK_REFUND}),
    BreakKind.LINE: _NOTHING,
    Oddity.REFUND_REFUSED: frozenset({CorrectionKind.BANK_REFUND}),
    Oddity.REFUND_OVERDUE: frozenset({CorrectionKind.BANK_REFUND}),
    Oddity.SECOND_CAPTURE: frozenset({CorrectionKind.SUSPENSE}),
    Oddity.FOREIGN_REFUND: frozenset({CorrectionKind.BOOK_REFUND}),
    Oddity.OTHER_AMOUNT: frozenset({CorrectionKind.NO_POSTING, CorrectionKind.SUSPENSE}),
    Oddity.OTHER_CURRENCY: _NOTHING,
    Oddity.OTHER_TIME: _NOTHING,
    Oddity.SETTLEMENT: frozenset({CorrectionKind.NO_POSTING, CorrectionKind.WRITE_OFF}),
    Oddity.BANK_ENTRY: frozenset(
        {CorrectionKind.SUSPENSE, CorrectionKind.COST, CorrectionKind.WRITE_OFF}
    ),
    Oddity.PAYOUT_REFUSED: _NOTHING,
    Oddity.PAYOUT_RETURNED: _NOTHING,
    Oddity.CLAIM_OVERDUE: frozenset({CorrectionKind.WRITE_OFF}),
    Oddity.SHARE_REFUSED: _NOTHING,
    Oddity.SHARE_CLOSED: _NOTHING,
    Oddity.SHARE_OVERDUE: _NOTHING,
    Oddity.RETURN_REFUSED: _NOTHING,
}
"""What a difference with a PSP may be closed by. Those with a payee's statement move none of the
PSPs' money: they are closed without a posting, or the payment is taken back from the payee."""
_OF_PAYEES = frozenset({CorrectionKind.NO_POSTING, CorrectionKind.TAKE_BACK})
_OF_PARTNERS = frozenset(
    {CorrectionKind.NO_POSTING, CorrectionKind.BOOK_REFUND, CorrectionKind.BANK_REFUND}
)
"""Where payees have merchants of their own no difference is of our money; refunds are booked. Nor
is one with the bill of shares closed by a posting: the share itself is asked for."""


def _account_with(source: str) -> Account:
    """The account in which a PSP, or the bank, holds our money."""
    return bank_account(MAIN_ACCOUNT) if source == BANK else psp_receivable(source)


async def propose(
    app: App, case_id: int, kind: CorrectionKind, *, staff_id: UUID, note: str, key: str
) -> Correction:
    """Propose how an open case is closed. Nothing is posted yet. The same key is the same proposal.

    Raises NotFound, and Conflict NOTE_MISSING, NOT_POSSIBLE for what does not fit the case,
    PROPOSED_ALREADY or KEY_REUSED.
    """
    if not note.strip():
        raise Conflict(texts.NOTE_MISSING)
    async with transaction() as tx:
        claim = await idempotency.claim(
            app.clock,
            tx,
            subject=staff_id,
            operation="propose_correction",
            key=key,
            command={"case": case_id, "kind": kind, "note": note},
            effect_id=new_id(),
        )
        if claim.replayed:
            return await Correction.get(id=claim.effect_id)
        case = await _lock_case(tx, case_id)
        if kind not in possible(app, case):
            raise Conflict(texts.NOT_POSSIBLE)
        if await Correction.filter(case_id=case_id, state="proposed").using_db(tx).exists():
            raise Conflict(texts.PROPOSED_ALREADY)
        return await Correction.create(
            using_db=tx,
            id=claim.effect_id,
            case_id=case_id,
            kind=kind,
            note=note.strip()[:500],
            state="proposed",
            proposed_by=staff_id,
            proposed_at=app.clock.now(),
        )


def possible(app: App, case: Case) -> frozenset[CorrectionKind]:
    """What a case may be closed by; nothing once it is closed."""
    if case.state not in UNSETTLED:
        return frozenset()
    payees = {source.name for source in get_sources(app) if source.side is Teller.PAYEE}
    told_by_payee = case.source in payees and case.kind != Oddity.CLAIM_OVERDUE
    if case.source == SHARES:
        return _NOTHING
    if case.source in PARTNERS:
        return POSSIBLE[case.kind] & _OF_PARTNERS or _NOTHING
    return _OF_PAYEES if told_by_payee else POSSIBLE[case.kind]


async def approve(app: App, correction_id: UUID, *, staff_id: UUID) -> Correction:
    """Post a proposed correction and close its case; the payee's payout is tried again.

    Repeat-safe. Raises NotFound, and Conflict SECOND_PERSON for the proposer, NOT_POSSIBLE where
    the books have moved on, IllegalTransition where it is decided already; then nothing was done.
    """
    async with transaction() as tx:
        correction = await _lock(tx, correction_id)
        if (correction.state, correction.decided_by) == ("approved", staff_id):
            return correction
        case = await _lock_case(tx, correction.case_id)
        now = app.clock.now()
        await _decide(tx, correction, "approve", staff_id, now)
        if correction.kind not in possible(app, case):
            raise Conflict(texts.NOT_POSSIBLE)
        closing = _CLOSINGS[CorrectionKind(correction.kind)]
        await closing.post(_Closing(app, tx, case, correction, now))
        await cases.step(
            tx,
            case.id,
            "resolve",
            actor=f"{correction.proposed_by.hex[:12]}+{staff_id.hex[:12]}",
            note=correction.note,
            now=now,
            resolution=closing.resolution,
        )
        await PAY_OUT.enqueue(app, tx, case.booked_on, key=case.booked_on.isoformat())
    return correction


async def reject(app: App, correction_id: UUID, *, staff_id: UUID) -> Correction:
    """Decline a proposed correction; the case stays open. Raises as `approve` does."""
    async with transaction() as tx:
        correction = await _lock(tx, correction_id)
        if (correction.state, correction.decided_by) == ("rejected", staff_id):
            return correction
        await _decide(tx, correction, "reject", staff_id, app.clock.now())
    return correction


async def reopen(app: App, case_id: int, *, staff_id: UUID, note: str) -> Case:
    """Open a case that was closed wrongly; what was posted stays, and is corrected by the next.

    Repeat-safe. Raises NotFound, and Conflict NOTE_MISSING.
    """
    async with transaction() as tx:
        case = await _lock_case(tx, case_id)
        if case.state in UNSETTLED:
            return case
        return await cases.step(
            tx, case_id, "reopen", actor=staff_id.hex[:12], note=note, now=app.clock.now()
        )


@dataclass(frozen=True, slots=True)
class _Closing:
    """A case that is being closed."""

    app: App
    tx: Transaction
    case: Case
    correction: Correction
    now: datetime

    @property
    def difference_fen(self) -> int:
        """What the ledger has above the other side; what one has not is zero."""
        return (self.case.our_fen or 0) - (self.case.their_fen or 0)

    async def post(self, legs: Sequence[Leg]) -> None:
        """Post under the correction's own key."""
        key, intent_id = f"correct:{self.correction.id}", self.case.intent_id
        await ledger.post(self.tx, Posting("correct", key, legs, intent_id), self.now)

    async def intent(self) -> Intent:
        """The case's payment, locked. Raises Conflict NOT_POSSIBLE without one."""
        found = None
        if self.case.intent_id is not None:
            found = await store.lock_intent(self.tx, self.case.intent_id)
        if found is None:
            raise Conflict(texts.NOT_POSSIBLE)
        return found


def _moves(debit: Account, credit: Account, amount_fen: int) -> Sequence[Leg]:
    """A transfer; of an amount below zero the other way round."""
    if amount_fen < 0:
        debit, credit, amount_fen = credit, debit, -amount_fen
    if amount_fen == 0:
        raise Conflict(texts.NOT_POSSIBLE)
    return transfer(debit=debit, credit=credit, amount_fen=amount_fen)


async def _write_off(closing: _Closing) -> None:
    """The difference becomes ours: of a refund its sign is the other one. So does what of a claim
    is not paid by now."""
    source, fen = closing.case.source, closing.difference_fen
    if closing.case.kind == Oddity.CLAIM_OVERDUE:
        left_fen = await claims.left_of(closing.tx, closing.case)
        await closing.post(_moves(difference_with(source), payee_claim(source), left_fen))
        return
    fen = -fen if closing.case.is_refund else fen
    await closing.post(_moves(difference_with(source), _account_with(source), fen))


async def _to_cost(closing: _Closing) -> None:
    """A PSP has kept more or less than agreed, we have borne a coupon, or the bank has charged."""
    source, fen = closing.case.source, closing.difference_fen
    fen = -fen if closing.case.kind == BreakKind.FEE else fen
    await closing.post(_moves(cost_of(source), _account_with(source), fen))


async def _to_suspense(closing: _Closing) -> None:
    """A PSP or the bank has money for us that no payment explains; below zero, no more."""
    source, fen = closing.case.source, closing.case.their_fen or 0
    await closing.post(_moves(_account_with(source), suspense_of(source), fen))


async def _take_back(closing: _Closing) -> None:
    """The money never came: what its payee was credited, or is to owe us, is taken back."""
    intent = await closing.intent()
    if intent.fulfilment_ref is None or intent.refunded_fen or intent.refunding_fen:
        raise Conflict(texts.NOT_POSSIBLE)
    if intent.merchant is not None:  # the money is not ours to take
        raise Conflict(texts.NOT_POSSIBLE)
    account = await account_to_reverse(closing.tx, intent.id, intent.payee)
    await closing.post(_moves(account, psp_receivable(intent.psp), intent.captured_fen))


async def _book_refund(closing: _Closing) -> None:
    """The PSP has returned what we did not ask for: booked as the refund that it is."""
    intent, fen = await closing.intent(), closing.case.their_fen or 0
    if (
        not 0 < fen <= intent.kept_fen
        or intent.fulfilment_ref is None
        or intent.psp != closing.case.source
    ):
        raise Conflict(texts.NOT_POSSIBLE)
    app, tx = closing.app, closing.tx
    key = f"correct:{closing.correction.id}"
    refund_id = await settlement.request_refund(app, tx, intent, fen, reason="MADE_AT_PSP", key=key)
    ref = closing.case.their_ref or closing.case.ref
    view = RefundView(refund_id, RefundState.SUCCEEDED, ref, fen)
    await settlement.apply_refund(app, tx, intent.psp, view)


async def _bank_refund(closing: _Closing) -> None:
    """The PSP refuses for good: the payer gets the money from our own account; of a payee's own
    merchant, from that payee."""
    refund = await store.lock_refund(closing.tx, UUID(closing.case.ref))
    if refund is None or refund.state != "failed":
        raise Conflict(texts.NOT_POSSIBLE)
    view = RefundView(refund.id, RefundState.SUCCEEDED, f"bank:{closing.correction.id.hex}")
    ours = None if refund.psp in PARTNERS else bank_account(MAIN_ACCOUNT)
    await settlement.apply_refund(closing.app, closing.tx, refund.psp, view, paid_from=ours)


async def _post_nothing(closing: _Closing) -> None:
    """Nothing was wrong with the money. A refund whose part of the city's share is refused goes its
    way without it."""
    if closing.case.kind == Oddity.RETURN_REFUSED:
        await returns.waive(closing.app, closing.tx, UUID(closing.case.ref))


@dataclass(frozen=True, slots=True)
class _How:
    """What a kind of correction posts, and what the case is closed as."""

    post: Callable[[_Closing], Awaitable[None]]
    resolution: Resolution


_CLOSINGS: Mapping[CorrectionKind, _How] = {
    CorrectionKind.WRITE_OFF: _How(_write_off, Resolution.WRITTEN_OFF),
    CorrectionKind.COST: _How(_to_cost, Resolution.CORRECTED_HERE),
    CorrectionKind.SUSPENSE: _How(_to_suspense, Resolution.CORRECTED_HERE),
    CorrectionKind.TAKE_BACK: _How(_take_back, Resolution.CORRECTED_HERE),
    CorrectionKind.BOOK_REFUND: _How(_book_refund, Resolution.REFUNDED),
    CorrectionKind.BANK_REFUND: _How(_bank_refund, Resolution.REFUNDED),
    CorrectionKind.NO_POSTING: _How(_post_nothing, Resolution.NO_ERROR),
}


async def _decide(
    tx: Transaction, correction: Correction, event: str, staff_id: UUID, now: datetime
) -> None:
    if correction.proposed_by == staff_id:
        raise Conflict(texts.SECOND_PERSON)
    correction.state = CORRECTION.next_state(correction.state, event)
    correction.decided_by, correction.decided_at = staff_id, now
    await correction.save(using_db=tx, update_fields=["state", "decided_by", "decided_at"])


async def _lock(tx: Transaction, correction_id: UUID) -> Correction:
    found = await Correction.filter(id=correction_id).using_db(tx).select_for_update().first()
    if found is None:
        raise NotFound(NOT_FOUND)
    return found


async def _lock_case(tx: Transaction, case_id: int) -> Case:
    found = await Case.filter(id=case_id).using_db(tx).select_for_update().first()
    if found is None:
        raise NotFound(NOT_FOUND)
    return found
