"""Books with a past: payments and refunds booked as the saga books them, at any time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from core.clock import SHANGHAI, ManualClock
from core.context.app import App
from core.database import connection, fetch_all, fetch_one, transaction
from core.ids import new_id
from core.money import portion_bps
from payments import settlement, store
from payments.domain import Side
from payments.models import Intent, Refund
from payments.psp.port import OrderState, OrderView, RefundState, RefundView
from payments.reconciliation import corrections
from payments.reconciliation.domain import CorrectionKind
from payments.reconciliation.models import Case, Correction
from payments.reconciliation.service import Outcome, take
from payments.reconciliation.standing import Figures
from payments.statements import Announced, Line, Source

PSP = "wechatpay"
PARTNER = "wechatpay_sp"
"""The PSP at which payees have merchants of their own."""
CLERK, CHIEF = UUID(int=1), UUID(int=2)
FEE_BPS = 60


def at(on: date, text: str) -> datetime:
    """A moment of a civil day: `at(day, "23:59:59")`."""
    return datetime.fromisoformat(f"{on}T{text}").replace(tzinfo=SHANGHAI)


@dataclass
class Books:
    """Books what the test says, with the clock at that moment."""

    app: App
    clock: ManualClock

    def go_to(self, moment: datetime) -> None:
        """Set the clock."""
        self.clock.move(moment - self.clock.now())

    async def paid(
        self,
        paid_at: datetime,
        amount_fen: int = 3360,
        *,
        payee: str = "water",
        fulfilled: bool = True,
        ref: str | None = None,
        merchant: str | None = None,
        share_bps: int = 0,
    ) -> UUID:
        """A payment, captured and (unless told) accepted by its payee; returns the intent's id.

        With a merchant it is the payee's own, at the PSP where payees have some.
        """
        intent = await self.ordered(
            paid_at, amount_fen, payee=payee, merchant=merchant, share_bps=share_bps
        )
        self.go_to(paid_at)
        async with transaction() as tx:
            ref_there = f"42{intent.id.hex}"
            view = OrderView(
                intent.id, OrderState.PAID, ref_there, amount_fen, paid_at, merchant=merchant
            )
            assert await settlement.settle(self.app, tx, intent.psp, view) == "captured"
        if fulfilled:
            async with transaction() as tx:
                locked = await store.lock_intent(tx, intent.id)
                assert locked is not None
                await settlement.fulfilled(self.app, tx, locked, ref or f"WO{intent.id.hex[:12]}")
        return intent.id

    async def ordered(
        self,
        created_at: datetime,
        amount_fen: int = 3360,
        *,
        payee: str = "water",
        merchant: str | None = None,
        share_bps: int = 0,
    ) -> Intent:
        """An order that waits to be paid."""
        intent = await Intent.create(
            id=new_id(), payer_id=new_id(), kind=f"bills.{payee}", subject_ref=new_id().hex,
            payee=payee, title_zh="水费", title_en="Water", amount_fen=amount_fen,
            psp=PARTNER if merchant else PSP, merchant=merchant, share_bps=share_bps,
            client_address="127.0.0.1", state="created", created_at=created_at,
            expires_at=created_at + timedelta(minutes=15),
        )  # fmt: skip
        await connection().execute_query(
            "UPDATE payments_intent SET state = 'awaiting' WHERE id = $1", [intent.id]
        )
        return intent

    async def refunded(
        self, intent_id: UUID, amount_fen: int, asked_at: datetime, done_at: datetime | None = None
    ) -> UUID:
        """A refund of an accepted payment, asked for and made; returns its id."""
        self.go_to(asked_at)
        async with transaction() as tx:
            intent = await store.lock_intent(tx, intent_id)
            assert intent is not None
            refund_id = await settlement.request_refund(
                self.app, tx, intent, amount_fen, reason="TEST", key=new_id().hex
            )
        if done_at is not None:
            self.go_to(done_at)
            async with transaction() as tx:
                view = RefundView(refund_id, RefundState.SUCCEEDED, "50", amount_fen)
                refund = await settlement.apply_refund(self.app, tx, intent.psp, view)
                assert refund is not None and refund.state == "succeeded"
        return refund_id

    async def corrected(self, case_id: int, kind: CorrectionKind, note: str = "checked") -> None:
        """Close a case, by two members of staff."""
        made = await self.proposed(case_id, kind, note)
        await corrections.approve(self.app, made.id, staff_id=CHIEF)

    async def proposed(
        self,
        case_id: int,
        kind: CorrectionKind,
        note: str = "checked",
        *,
        by: UUID = CLERK,
        key: str | None = None,
    ) -> Correction:
        """Propose how a case is closed, on the figures that it has."""
        seen = Figures.of(await Case.get(id=case_id))
        key = key or new_id().hex
        return await corrections.propose(
            self.app, case_id, kind, seen=seen, staff_id=by, note=note, key=key
        )

    async def line(self, intent_id: UUID, *, fee_bps: int = FEE_BPS) -> Line:
        """A payment as a faithful PSP (or with no fee, payee) tells it."""
        intent = await Intent.get(id=intent_id)
        assert intent.paid_at is not None
        return Line(
            False, intent_id.hex, intent_id.hex, f"42{intent_id.hex}", intent.amount_fen,
            portion_bps(intent.amount_fen, fee_bps), intent.paid_at.astimezone(SHANGHAI),
        )  # fmt: skip

    async def refund_line(self, refund_id: UUID) -> Line:
        """A refund as a faithful PSP tells it."""
        refund = await Refund.get(id=refund_id)
        assert refund.ended_at is not None
        return Line(
            True, refund_id.hex, refund.intent_id.hex, f"50{refund_id.hex}", refund.amount_fen,
            portion_bps(refund.amount_fen, FEE_BPS), refund.ended_at.astimezone(SHANGHAI),
        )  # fmt: skip

    async def told(self, on: date, lines: Iterable[Line], source: str = PSP) -> Outcome:
        """Compare a statement."""
        side = Side.PSP if source in (PSP, PARTNER, "alipay") else Side.PAYEE
        return await take(self.app, _source(source, side), on, lines, Announced())


def _source(name: str, side: Side) -> Source:
    async def nothing(*_: object) -> None:
        return None

    return Source(name, side, nothing, lambda file, announced: iter(()))


Found = set[tuple[str, str]]


async def found(source: str = PSP, state: str = "open") -> Found:
    """The cases of a source: (kind, our number)."""
    cases = await Case.filter(source=source, state=state)
    assert len({(c.booked_on, c.kind, c.is_refund, c.ref) for c in cases}) == len(cases)
    return {(case.kind, case.ref) for case in cases}


async def check_ledger() -> None:
    """Entries sum to zero, totals are the sums of entries, nothing guarded is below zero."""
    row = await fetch_one(
        connection(),
        """SELECT coalesce(sum(CASE side WHEN 'D' THEN amount_fen ELSE -amount_fen END), 0)::bigint
                  AS difference FROM payments_entry""",
    )
    assert row == {"difference": 0}
    wrong = await fetch_all(
        connection(),
        """SELECT a.code FROM payments_account a JOIN (
             SELECT account_id, sum(debit_fen) AS d, sum(credit_fen) AS c
               FROM payments_balance GROUP BY 1) b ON b.account_id = a.id
            WHERE (a.guarded AND CASE a.normal WHEN 'D' THEN d - c ELSE c - d END < 0)
               OR (d, c) <> (SELECT coalesce(sum(amount_fen) FILTER (WHERE side = 'D'), 0),
                                    coalesce(sum(amount_fen) FILTER (WHERE side = 'C'), 0)
                               FROM payments_entry e WHERE e.account_id = a.id)""",
    )
    assert wrong == []
