"""What each correction posts. An event is posted once, however many cases tell of it, and however
often one of them is opened again: the same correction again stands for what is posted, another one,
or the same with other figures, takes its place.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.context.app import App
from core.database import Transaction, fetch_all
from core.errors import Conflict
from payments import settlement, store
from payments import share_returns as returns
from payments.domain import MADE_IN_PORTAL, PAID_BY_BANK
from payments.events import Oddity
from payments.ledger import store as ledger
from payments.ledger.accounts import (
    BANK,
    MAIN_ACCOUNT,
    Account,
    Side,
    bank_account,
    cost_of,
    difference_with,
    payee_claim,
    psp_receivable,
    suspense_of,
)
from payments.ledger.payee_turns import account_to_reverse, is_taken_back
from payments.ledger.postings import Leg, Posting, transfer
from payments.models import Intent, Refund
from payments.psp.partners import PARTNERS
from payments.psp.port import RefundState, RefundView
from payments.reconciliation import cases, claims, texts
from payments.reconciliation.domain import BreakKind, CorrectionKind, Resolution
from payments.reconciliation.models import Case, Correction
from payments.reconciliation.standing import Decision, Figures, Standing, counted, decision

_LEGS = """
SELECT a.code, e.side, e.amount_fen FROM payments_journal j
  JOIN payments_entry e ON e.journal_id = j.id JOIN payments_account a ON a.id = e.account_id
 WHERE j.key = $1 ORDER BY e.position
"""


@dataclass(frozen=True, slots=True)
class Closing:
    """A case that is being closed, and what stands of its event until then."""

    app: App
    tx: Transaction
    case: Case
    correction: Correction
    before: Standing
    now: datetime

    @property
    def made(self) -> Decision:
        """What is decided."""
        return decision(self.case, self.correction)

    @property
    def after(self) -> Standing:
        """What stands then."""
        return self.before.after(self.made)

    @property
    def undone(self) -> Decision | None:
        """What was posted and does not stand any more."""
        posted = self.before.posted
        return None if posted == self.after.posted else posted

    @property
    def is_made_there(self) -> bool:
        """Whether it is of a refund that the PSP has made and we had not asked for."""
        kind, ours = self.case.kind, self.case.our_fen
        return kind == Oddity.FOREIGN_REFUND or (kind == BreakKind.REFUND and ours is None)

    @property
    def difference_fen(self) -> int:
        """What the ledger has above the other side, of a refund below it, beyond what was posted of
        it for good; what one side has not, or has once more, is zero there."""
        is_refund, final = self.case.is_refund, self.before.final
        fen = counted(self.case, Figures.of(self.case)).difference_fen(is_refund=is_refund)
        return fen - (final.figures.difference_fen(is_refund=is_refund) if final else 0)

    async def post(self, legs: Sequence[Leg], step: str = "") -> None:
        """Post under the correction's own key. Nothing is right only where something was undone:
        else raises Conflict NOT_POSSIBLE."""
        if not legs:
            if self.undone is None:
                raise Conflict(texts.NOT_POSSIBLE)
            return
        key, intent_id = f"correct:{self.correction.id}{step}", self.case.intent_id
        await ledger.post(self.tx, Posting("correct", key, legs, intent_id), self.now)

    async def intent(self) -> Intent:
        """The case's payment, locked. Raises Conflict NOT_POSSIBLE without one."""
        found = await self.find_intent()
        if found is None:
            raise Conflict(texts.NOT_POSSIBLE)
        return found

    async def find_intent(self) -> Intent | None:
        """The case's payment, locked; None without one."""
        if self.case.intent_id is None:
            return None
        return await store.lock_intent(self.tx, self.case.intent_id)


async def close(closing: Closing) -> Resolution:
    """Post what closes a case; returns what it is closed as. Raises Conflict NOT_POSSIBLE."""
    made, after = closing.made, closing.after
    if not closing.before.allows(made):
        raise Conflict(texts.NOT_POSSIBLE)
    how = _CLOSINGS[made.kind]
    if closing.undone is not None:
        await _undo(closing, closing.undone)
    if made.kind == CorrectionKind.NO_POSTING or made in (after.final, after.posted):
        await how.post(closing)
    return how.resolution


async def _undo(closing: Closing, standing: Decision) -> None:
    """Post the reverse of what stands."""
    rows = await fetch_all(closing.tx, _LEGS, f"correct:{standing.id}")
    legs = [
        Leg(
            Account(row["code"]),
            Side.CREDIT if row["side"] == Side.DEBIT else Side.DEBIT,
            row["amount_fen"],
        )
        for row in rows
    ]
    await closing.post(legs, ":undo")


def _account_with(source: str) -> Account:
    """The account in which a PSP, or the bank, holds our money."""
    return bank_account(MAIN_ACCOUNT) if source == BANK else psp_receivable(source)


def _moves(debit: Account, credit: Account, amount_fen: int) -> Sequence[Leg]:
    """A transfer; of an amount below zero the other way round, of zero none."""
    if amount_fen < 0:
        debit, credit, amount_fen = credit, debit, -amount_fen
    if amount_fen == 0:
        return ()
    return transfer(debit=debit, credit=credit, amount_fen=amount_fen)


async def _write_off(closing: Closing) -> None:
    """The difference becomes ours. So does what of a claim is not paid by now. A refund that can be
    booked for what it is would leave its payer with a payment that is not returned."""
    source = closing.case.source
    if closing.case.kind == Oddity.CLAIM_OVERDUE:
        left_fen = await claims.left_of(closing.tx, closing.case)
        await closing.post(_moves(difference_with(source), payee_claim(source), left_fen))
        return
    if await _is_bookable(closing):
        raise Conflict(texts.NOT_POSSIBLE)
    account = _account_with(source)
    await closing.post(_moves(difference_with(source), account, closing.difference_fen))


async def _to_cost(closing: Closing) -> None:
    """A PSP has kept more or less than agreed, we have borne a coupon, or the bank has charged."""
    source, case = closing.case.source, closing.case
    fen = closing.difference_fen
    if case.kind == BreakKind.FEE:  # as it stands in the statement's fees, see costs.py
        fen = (case.their_fen or 0) - (case.our_fen or 0)
    await closing.post(_moves(cost_of(source), _account_with(source), fen))


async def _to_suspense(closing: Closing) -> None:
    """A PSP or the bank has money for us that no payment explains; below zero, no more."""
    source, fen = closing.case.source, closing.case.their_fen or 0
    kept = suspense_of(source)
    if fen < 0 and (await ledger.get_balance(kept)).balance_fen + fen < 0:
        raise Conflict(texts.NOT_POSSIBLE)
    await closing.post(_moves(_account_with(source), kept, fen))


async def _take_back(closing: Closing) -> None:
    """A PSP says that the money never came: what its payee was credited, or is to owe us, is taken
    back. A payee says that it has not booked it: the payer gets the money back."""
    intent = await closing.intent()
    if closing.case.source == intent.payee:
        await _return(closing, intent)
        return
    if (
        intent.fulfilment_ref is None
        or intent.refunded_fen
        or intent.refunding_fen
        or intent.psp != closing.case.source
        or await is_taken_back(closing.tx, intent.id, intent.payee)
    ):
        raise Conflict(texts.NOT_POSSIBLE)
    account = await account_to_reverse(closing.tx, intent.id, intent.payee)
    await closing.post(_moves(account, psp_receivable(intent.psp), intent.captured_fen))


async def _return(closing: Closing, intent: Intent) -> None:
    """Ask for the refund of what a payee has not booked, or has reversed, as far as it was not
    asked for. Not while it is open whether the PSP has the money."""
    case = closing.case
    fen = intent.kept_fen if case.kind == BreakKind.MISSING_THERE else case.their_fen or 0
    if (
        intent.fulfilment_ref is None
        or not 0 < fen <= intent.kept_fen
        or await cases.is_missed_by_psp(closing.tx, intent.id)
        or await is_taken_back(closing.tx, intent.id, intent.payee)
    ):
        raise Conflict(texts.NOT_POSSIBLE)
    key = f"correct:{closing.correction.id}"
    await settlement.request_refund(
        closing.app, closing.tx, intent, fen, reason="NOT_BOOKED_BY_PAYEE", key=key
    )


async def _is_bookable(closing: Closing) -> bool:
    """Whether a refund made at the PSP can be booked as a refund of its payment."""
    case, fen = closing.case, closing.case.their_fen or 0
    is_open = closing.is_made_there and closing.before.final is None
    intent = await closing.find_intent() if is_open and fen else None
    if intent is None:
        return False
    if await _find_refused(closing, intent) is not None:
        return True
    return (
        fen <= intent.kept_fen
        and intent.fulfilment_ref is not None
        and intent.psp == case.source
        and not await is_taken_back(closing.tx, intent.id, intent.payee)
    )


async def _find_refused(closing: Closing, intent: Intent) -> Refund | None:
    """A refund of ours that the PSP has refused, and that was made there by hand instead."""
    case = closing.case
    return (
        await Refund.filter(
            intent_id=intent.id, psp=case.source, amount_fen=case.their_fen, state="failed"
        )
        .using_db(closing.tx)
        .order_by("id")
        .first()
    )


async def _book_refund(closing: Closing) -> None:
    """The PSP has returned what we did not ask for, or had asked for in vain: booked as the refund
    that it is."""
    app, tx, case = closing.app, closing.tx, closing.case
    if not await _is_bookable(closing):
        raise Conflict(texts.NOT_POSSIBLE)
    intent, fen = await closing.intent(), case.their_fen or 0
    refused = await _find_refused(closing, intent)
    if refused is not None:
        refund_id = refused.id
    else:
        key = f"correct:{closing.correction.id}"
        refund_id = await settlement.request_refund(
            app, tx, intent, fen, reason="MADE_AT_PSP", key=key
        )
    ref = f"{MADE_IN_PORTAL}{case.their_ref or case.ref}"[:64]
    view = RefundView(refund_id, RefundState.SUCCEEDED, ref, fen)
    await settlement.apply_refund(app, tx, case.source, view)


async def _bank_refund(closing: Closing) -> None:
    """The payer gets the money from our own account, ordered by hand: it is kept for that until the
    bank books it. Of a payee's own merchant the payee pays it.

    The PSP refuses the refund for good, or has not made what it had said it made.
    """
    case = closing.case
    kept = suspense_of(BANK)
    if case.kind == BreakKind.REFUND:
        if case.source not in PARTNERS:
            await closing.post(_moves(psp_receivable(case.source), kept, case.our_fen or 0))
        return
    await closing.find_intent()  # locked before its refund, as everywhere
    refund = await store.lock_refund(closing.tx, UUID(case.ref))
    if refund is None or refund.state != "failed":
        raise Conflict(texts.NOT_POSSIBLE)
    ref = f"{PAID_BY_BANK}{closing.correction.id.hex}"
    view = RefundView(refund.id, RefundState.SUCCEEDED, ref)
    ours = None if refund.psp in PARTNERS else kept
    await settlement.apply_refund(closing.app, closing.tx, refund.psp, view, paid_from=ours)


async def _post_nothing(closing: Closing) -> None:
    """Nothing was wrong with the money, or none of it is ours. A refund whose part of the city's
    share is refused goes its way without it."""
    if closing.case.kind == Oddity.RETURN_REFUSED:
        await returns.waive(closing.app, closing.tx, UUID(closing.case.ref))
    if await _is_bookable(closing):
        raise Conflict(texts.NOT_POSSIBLE)


@dataclass(frozen=True, slots=True)
class _How:
    """What a kind of correction posts, and what the case is closed as."""

    post: Callable[[Closing], Awaitable[None]]
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
