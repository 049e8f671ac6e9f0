"""Looking at a day: fetch a source's statement, compare it, open cases, act on what it tells."""

import asyncio
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from time import monotonic
from typing import BinaryIO
from uuid import UUID

import structlog
from prometheus_client import Counter

from core.clock import SHANGHAI, civil_date
from core.context.app import App
from core.context.sweep import sweep
from core.database import Transaction, lock_name, transaction
from core.deadline import Deadline
from core.errors import Conflict
from core.queue.jobs import JobKind, job
from payments import left_orders, saga, settlement, shares, store
from payments import share_returns as returns
from payments.domain import INTENT, TO_FULFIL, UNPAID, Side
from payments.ledger.payee_turns import is_taken_back
from payments.models import Intent
from payments.reconciliation import cases, costs, matching, payouts
from payments.reconciliation.domain import Resolution
from payments.reconciliation.fees import fees
from payments.reconciliation.models import Case, Payout, Statement
from payments.statements import (
    Announced,
    Line,
    Source,
    StatementNotReady,
    StatementRefused,
    check_digest,
)

FETCH_S = 420.0
KEPT = timedelta(days=90)
"""How long PSPs keep their statements; an older day is not looked at, for all would be missing."""

PAY_OUT = JobKind[date]("payments.pay_out")
"""payments.reconciliation.jobs, which imports this file."""
FAILED = "FAILED"
"""Why a payee got no payout where nothing refused it: the log says more."""

_MADE_AT = time(10)
"""When a day's statements are made, the day after: before that, "there is none" tells nothing."""
_MEMORY_MAX = 1 << 20

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What looking at one statement came to."""

    statement: Statement
    change: cases.Change
    confirmed: int
    """Payments that were only deemed booked and are booked."""


async def reconcile(app: App, source: Source, on: date) -> Outcome:
    """Fetch a source's statement of a day and compare it with the ledger. Repeat-safe.

    Raises StatementNotReady, UpstreamError, StatementRefused; each leaves everything as it was.
    """
    outcome = "failed"
    try:
        with tempfile.SpooledTemporaryFile(max_size=_MEMORY_MAX) as spooled:
            file: BinaryIO = spooled  # type: ignore[assignment]
            done = await _fetch_and_take(app, source, on, file)
        if source.side is Side.PSP:
            await costs.post_fees(app, source.name, on)
        outcome = "done"
        return done
    except StatementNotReady:
        outcome = "not_ready"
        raise
    except StatementRefused as refused:
        outcome = refused.reason
        log.error("statement refused", source=source.name, on=str(on), reason=refused.reason)
        raise
    finally:
        _counter(app).labels(source.name, outcome).inc()


async def _fetch_and_take(app: App, source: Source, on: date, file: BinaryIO) -> Outcome:
    today = civil_date(app.clock.now())
    if on > today:
        raise StatementRefused(source.name, "out_of_reach", "that day has not come")
    if today - on > KEPT:
        raise StatementRefused(source.name, "out_of_reach", "days are kept for three months")
    announced = await source.fetch(app, on, file, Deadline.after(FETCH_S))
    if announced is None and app.clock.now() < datetime.combine(
        on + timedelta(days=1), _MADE_AT, SHANGHAI
    ):
        raise StatementNotReady(source.name)
    if announced is None:
        return await take(app, source, on, [], Announced(), must_be_empty=True)
    await asyncio.to_thread(check_digest, source.name, file, announced)
    return await take(app, source, on, source.read(file, announced), announced)


async def take(
    app: App,
    source: Source,
    on: date,
    lines: Iterable[Line],
    announced: Announced,
    *,
    must_be_empty: bool = False,
) -> Outcome:
    """Compare a statement's lines with the ledger, in one transaction.

    `must_be_empty`: there is no statement because nothing happened; where the ledger knows better,
    that is a fault of the source and not a case for every payment of the day.
    """
    started_s, now = monotonic(), app.clock.now()
    fee_bps = fees().psp_bps(source.name, on) if source.side is Side.PSP else 0
    async with transaction() as tx:
        await lock_name(tx, f"payments.reconcile:{source.name}")
        figures = await matching.compare(
            tx, source=source.name, side=source.side, on=on, lines=lines, fee_bps=fee_bps
        )
        if must_be_empty and (figures.our_paid_fen or figures.our_refunded_fen):
            raise StatementRefused(source.name, "absent", "but the ledger has payments that day")
        change = await cases.take_over(tx, source=source.name, side=source.side, on=on, now=now)
        confirmed = await _act(app, tx, source, on)
        values = asdict(figures) | {
            "digest": announced.digest,
            "reconciled_at": now,
            "duration_ms": int((monotonic() - started_s) * 1000),
        }
        statement = await _keep(tx, source.name, on, values)
    tell = log.error if change.opened else log.info
    tell("reconciled", source=source.name, on=str(on), lines=figures.lines, opened=change.opened)
    return Outcome(statement, change, confirmed)


async def _keep(tx: Transaction, source: str, on: date, values: Mapping[str, object]) -> Statement:
    """The row of a source's day, made or written anew; the caller holds the source's lock."""
    known = await Statement.filter(source=source, booked_on=on).using_db(tx).first()
    if known is None:
        return await Statement.create(using_db=tx, source=source, booked_on=on, **values)
    known.update_from_dict(dict(values))
    await known.save(using_db=tx, update_fields=list(values))
    return known


async def _act(app: App, tx: Transaction, source: Source, on: date) -> int:
    """Ask about what the other side knows and we do not; confirm or refute what was deemed."""
    if source.side is not Side.SHARING:
        for intent_id in await cases.list_unheard(tx):
            await _ask_about(app, tx, source, intent_id)
    if source.side is Side.PSP:
        for refund_id in await cases.list_unheard_refunds(tx):
            await saga.refund.enqueue(app, tx, refund_id, key=f"{refund_id}:reconcile")
        return 0
    if source.side is Side.SHARING:
        await _hear_of_shares(app, tx)
        return 0
    for case_id in await cases.list_refuted(tx, source.name):
        await refute.enqueue(app, tx, case_id, key=str(case_id))
    return await cases.confirm_deemed(tx)


async def _hear_of_shares(app: App, tx: Transaction) -> None:
    """Have what the PSP has made of shares and returns, and we have not heard of, be asked for."""
    for is_return, ref in await cases.list_unheard_shares(tx):
        step = returns.step if is_return else shares.step
        await step.enqueue(app, tx, UUID(ref), key=f"{UUID(ref)}:reconcile")


async def _ask_about(app: App, tx: Transaction, source: Source, intent_id: UUID) -> None:
    """Have the saga look, now, at a payment which the other side has booked."""
    intent = await store.lock_intent(tx, intent_id)
    assert intent is not None
    if source.side is Side.PSP and intent.psp != source.name:
        await left_orders.look_now(app, tx, intent_id, source.name)
        return
    is_psp = source.side is Side.PSP
    step, states = (saga.check, UNPAID | {"expired"}) if is_psp else (saga.fulfil, TO_FULFIL)
    if intent.state in states:
        await settlement.save_intent(tx, intent, due_at=app.clock.now())
        await step.enqueue(app, tx, intent_id, key=f"{intent_id}:reconcile")


@job("payments.refute")
async def refute(app: App, case_id: int) -> None:
    """Give back a payment that was deemed booked and is not in the payee's books; the day's payout,
    which its case kept back, is tried again. Repeat-safe."""
    case = await Case.get_or_none(id=case_id)
    if case is None or case.intent_id is None:
        return
    async with transaction() as tx:
        intent = await store.lock_intent(tx, case.intent_id)
        if intent is None or not _may_refute(intent):
            return
        if await is_taken_back(tx, intent.id, intent.payee):
            return  # nobody has the money: people close the case
        await settlement.request_refund(
            app, tx, intent, intent.kept_fen, reason="DEEMED_REFUTED", key=f"refute:{intent.id}"
        )
        await cases.step(
            tx,
            case_id,
            "resolve",
            actor=cases.SYSTEM,
            note="deemed booked, and not in the payee's books: the payer gets the money back",
            now=app.clock.now(),
            resolution=Resolution.REFUNDED,
        )
        await PAY_OUT.enqueue(app, tx, case.booked_on)


def _may_refute(intent: Intent) -> bool:
    return (
        (intent.fulfilment_ref or "").startswith("DEEMED-")
        and INTENT.allows(intent.state, "request_refund")
        and intent.kept_fen > 0
    )


async def take_up(app: App, case_id: int, *, actor: str, note: str) -> Case:
    """Tell that somebody looks into a case."""
    async with transaction() as tx:
        return await cases.step(tx, case_id, "take", actor=actor, note=note, now=app.clock.now())


async def pay_out_all(app: App, on: date) -> tuple[list[Payout], dict[str, str]]:
    """Pay out every payee of a day; returns the payouts, and why others got none by payee.

    What failed unexpectedly is among them as FAILED.
    """
    done: list[Payout] = []
    refused: dict[str, str] = {}

    async def pay(payee: str) -> None:
        refused[payee] = FAILED
        try:
            done.append(await payouts.pay_out(app, payee, on))
            del refused[payee]
        except Conflict as conflict:
            refused[payee] = conflict.code
            log.warning("no payout", payee=payee, on=str(on), reason=conflict.code)

    await sweep(app, "payments.payouts", await payouts.list_payees(on), pay)
    return done, refused


def _counter(app: App) -> Counter:
    return app.once(
        "payments.statements",
        lambda: Counter(
            "quancheng_payments_statements",
            "Statements of PSPs and payees by what became of them.",
            ("source", "outcome"),
            registry=app.metrics.registry,
        ),
    )
