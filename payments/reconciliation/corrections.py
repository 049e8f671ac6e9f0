"""Closing a case by a posting, by four eyes: one member of staff proposes it, another approves it.

What can be posted follows from the kind of difference, and the amount from the two sides' figures.
Nothing is posted and the case stays open until the approval; the database refuses one by the
proposer.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from core.context.app import App
from core.database import Transaction, idempotency, transaction
from core.errors import Conflict, NotFound
from core.ids import new_id
from core.refusal_texts import NOT_FOUND
from payments.domain import Side as Teller
from payments.events import Oddity
from payments.psp.partners import PARTNERS, SHARES
from payments.reconciliation import cases, texts, twins
from payments.reconciliation.closings import Closing, close
from payments.reconciliation.domain import (
    CORRECTION,
    UNSETTLED,
    BreakKind,
    CorrectionKind,
)
from payments.reconciliation.models import Case, Correction
from payments.reconciliation.service import PAY_OUT
from payments.reconciliation.sources import get_sources
from payments.reconciliation.standing import Figures, counted, stand

_NOTHING = frozenset({CorrectionKind.NO_POSTING})
POSSIBLE: Mapping[str, frozenset[CorrectionKind]] = {
    BreakKind.MISSING_HERE: frozenset({CorrectionKind.SUSPENSE}),
    BreakKind.MISSING_THERE: frozenset({CorrectionKind.WRITE_OFF, CorrectionKind.TAKE_BACK}),
    BreakKind.AMOUNT: frozenset({CorrectionKind.WRITE_OFF}),
    BreakKind.FEE: frozenset({CorrectionKind.COST}),
    BreakKind.COUPON: frozenset({CorrectionKind.COST}),
    BreakKind.DATE: _NOTHING,
    BreakKind.DUPLICATE: frozenset(
        {CorrectionKind.NO_POSTING, CorrectionKind.SUSPENSE, CorrectionKind.WRITE_OFF}
    ),
    BreakKind.REFUND: frozenset(
        {CorrectionKind.WRITE_OFF, CorrectionKind.BOOK_REFUND, CorrectionKind.BANK_REFUND}
    ),
    BreakKind.LINE: _NOTHING,
    Oddity.REFUND_REFUSED: frozenset({CorrectionKind.BANK_REFUND}),
    Oddity.REFUND_OVERDUE: frozenset({CorrectionKind.BANK_REFUND}),
    Oddity.SECOND_CAPTURE: frozenset({CorrectionKind.SUSPENSE}),
    Oddity.FOREIGN_REFUND: frozenset(
        {CorrectionKind.BOOK_REFUND, CorrectionKind.WRITE_OFF, CorrectionKind.NO_POSTING}
    ),
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
"""What a difference with a PSP or the bank may be closed by, as far as it fits: see `_fits`."""
_OF_BILLS = frozenset(BreakKind)
_OF_PAYEES = frozenset({CorrectionKind.NO_POSTING, CorrectionKind.TAKE_BACK})
_NOT_BOOKED = (BreakKind.MISSING_THERE, BreakKind.REFUND)
"""Differences with a payee's statement move none of the PSPs' money: they are closed without a
posting. What the payee has not booked, or has reversed, can also go back to the payer."""
_OF_PARTNERS = frozenset(
    {CorrectionKind.NO_POSTING, CorrectionKind.BOOK_REFUND, CorrectionKind.BANK_REFUND}
)
"""Where payees have merchants of their own no difference is of our money; refunds are booked. Nor
is one with the bill of shares closed by a posting: the share itself is asked for."""


async def propose(
    app: App,
    case_id: int,
    kind: CorrectionKind,
    *,
    seen: Figures,
    staff_id: UUID,
    note: str,
    key: str,
) -> Correction:
    """Propose how an open case is closed. Nothing is posted yet. The same key is the same proposal.

    Raises NotFound, and Conflict NOTE_MISSING, FIGURES_CHANGED where the case's are not those
    `seen`, NOT_POSSIBLE for what does not fit the case, PROPOSED_ALREADY or KEY_REUSED.
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
            command={"case": case_id, "kind": kind, "note": note, "seen": list(seen)},
            effect_id=new_id(),
        )
        if claim.replayed:
            return await Correction.get(id=claim.effect_id)
        case = await _lock_case(tx, case_id)
        if Figures.of(case) != seen:
            raise Conflict(texts.FIGURES_CHANGED)
        if kind not in possible(app, case):
            raise Conflict(texts.NOT_POSSIBLE)
        if await Correction.filter(case_id=case_id, state="proposed").using_db(tx).exists():
            raise Conflict(texts.PROPOSED_ALREADY)
        return await Correction.create(
            using_db=tx,
            id=claim.effect_id,
            case_id=case_id,
            kind=kind,
            **seen._asdict(),
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
    if case.source == SHARES:
        return _NOTHING
    if case.source in payees and case.kind != Oddity.CLAIM_OVERDUE:
        return _OF_PAYEES if case.kind in _NOT_BOOKED else _NOTHING
    fitting = frozenset(kind for kind in POSSIBLE[case.kind] if _fits(case, kind))
    if case.source not in PARTNERS:
        return fitting
    is_made_there = CorrectionKind.BOOK_REFUND in fitting
    return fitting & _OF_PARTNERS | (_NOTHING if is_made_there else frozenset()) or _NOTHING


def _fits(case: Case, kind: CorrectionKind) -> bool:
    """Whether a correction fits the side that has more: the other one is not to be corrected."""
    match case.kind, kind:
        case BreakKind.REFUND, CorrectionKind.BOOK_REFUND:
            return case.our_fen is None
        case BreakKind.REFUND, CorrectionKind.BANK_REFUND:
            return case.their_fen is None
        case BreakKind.MISSING_THERE, CorrectionKind.TAKE_BACK:
            return case.their_fen is None
        case BreakKind.DUPLICATE, CorrectionKind.SUSPENSE:
            return not case.is_refund
        case BreakKind.DUPLICATE, CorrectionKind.WRITE_OFF:
            return case.is_refund
        case Oddity.FOREIGN_REFUND, _:  # without an amount the bill has to tell of it first
            return (kind == CorrectionKind.NO_POSTING) == (case.their_fen is None)
    return True


async def approve(app: App, correction_id: UUID, *, staff_id: UUID) -> Correction:
    """Post a proposed correction and close its case; the payee's payout is tried again.

    A posting closes the cases of the same event too. Repeat-safe. Raises NotFound, and Conflict
    SECOND_PERSON for the proposer, FIGURES_CHANGED where the case has other figures than those it
    was proposed on, NOT_POSSIBLE where the books have moved on, IllegalTransition where it is
    decided already; then nothing was done.
    """
    async with transaction() as tx:
        correction = await _lock(tx, correction_id)
        if (correction.state, correction.decided_by) == ("approved", staff_id):
            return correction
        case, *others = await twins.lock_with_twins(tx, correction.case_id)
        if correction.state == "proposed" and Figures.of(case) != Figures.of(correction):
            raise Conflict(texts.FIGURES_CHANGED)
        before = stand([case, *others], await _list_approved(tx, [case, *others]))
        closing = Closing(app, tx, case, correction, before, app.clock.now())
        await _decide(tx, correction, "approve", staff_id, closing.now)
        if correction.kind not in possible(app, case):
            raise Conflict(texts.NOT_POSSIBLE)
        resolution = await close(closing)
        closed = [case, *(other for other in others if _closes(closing, other))]
        for row in closed:
            await cases.step(
                tx,
                row.id,
                "resolve",
                actor=f"{correction.proposed_by.hex[:12]}+{staff_id.hex[:12]}",
                note=correction.note,
                now=closing.now,
                resolution=resolution,
            )
        for other in others:
            if _opens(closing, other):
                note = f"what had closed it does not stand any more, by case {case.id}"
                await cases.step(
                    tx, other.id, "reopen", actor=cases.SYSTEM, note=note, now=closing.now
                )
        await PAY_OUT.enqueue(app, tx, min(row.booked_on for row in closed))
    return correction


def _closes(closing: Closing, other: Case) -> bool:
    """Whether a posting closes another case of its event: a bill's does, a word's if both agree."""
    if closing.made.kind == CorrectionKind.NO_POSTING or other.state not in UNSETTLED:
        return False
    agrees = counted(other, Figures.of(other)) == closing.made.figures
    return agrees or other.kind not in _OF_BILLS


def _opens(closing: Closing, other: Case) -> bool:
    """Whether a closed case of an event is open again, for nothing stands any more of what had
    closed it or, of a bill's, something else does. What was closed without a posting stays so."""
    before, after = closing.before, closing.after
    last, stand_now = after.last.get(other.id), {after.final, after.posted} - {None}
    if stand_now == {before.final, before.posted} - {None} or other.state != "resolved":
        return False
    if last is not None and last.kind == CorrectionKind.NO_POSTING:
        return False
    own = counted(other, Figures.of(other))
    return not stand_now or (
        other.kind in _OF_BILLS and all(one is None or one.figures != own for one in stand_now)
    )


async def _list_approved(tx: Transaction, event: Sequence[Case]) -> Sequence[Correction]:
    """The corrections that closed an event's cases, as they were decided."""
    rows = Correction.filter(case_id__in=[case.id for case in event], state="approved")
    return await rows.using_db(tx).order_by("decided_at", "id")


async def reject(app: App, correction_id: UUID, *, staff_id: UUID) -> Correction:
    """Decline a proposed correction; the case stays open. Raises as `approve` does."""
    async with transaction() as tx:
        correction = await _lock(tx, correction_id)
        if (correction.state, correction.decided_by) == ("rejected", staff_id):
            return correction
        await _decide(tx, correction, "reject", staff_id, app.clock.now())
    return correction


async def reopen(app: App, case_id: int, *, staff_id: UUID, note: str, key: str) -> Case:
    """Open a case that was closed wrongly; what was posted stays, and is corrected by the next.

    Once per key: closed again since then, it stays so. Raises NotFound, Conflict NOTE_MISSING.
    """
    async with transaction() as tx:
        case = await _lock_case(tx, case_id)
        claim = await idempotency.claim(
            app.clock,
            tx,
            subject=staff_id,
            operation="reopenPaymentCase",
            key=key,
            command={"case": case_id, "note": note},
            effect_id=new_id(),
        )
        if claim.replayed or case.state in UNSETTLED:
            return case
        return await cases.step(
            tx, case_id, "reopen", actor=staff_id.hex[:12], note=note, now=app.clock.now()
        )


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
