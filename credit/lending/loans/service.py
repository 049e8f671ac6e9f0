"""Loans in service: what is recorded of one, and how it stands.

An event is added under the lock of its loan. What the ledger has of the loan moves by the
difference between the loan as it was booked last and as it is now, so one that is told late, or
undone, needs no posting of its own kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.json import to_json
from core.refusal_texts import NOT_FOUND
from credit.lending.loans.events import (
    Disbursed,
    LoanEvent,
    RateChanged,
    Repaid,
    Rescheduled,
    WrittenOff,
)
from credit.lending.loans.record import (
    UNDO,
    read_events,
    read_terms,
    row_values,
    write_terms,
)
from credit.lending.loans.replay import Loan, replay
from credit.lending.records import store, texts
from credit.lending.records.events import LoanChanged
from credit.lending.records.models import BankApplication, LoanEventRow, LoanRow
from credit.lending.terms.cost_sheet import CEILING_PPM
from credit.lending.terms.money_terms import Part, Terms
from payments.api import LoanMovement, book_loan


@dataclass(frozen=True, slots=True)
class LoanRecord:
    """A loan: its row, its events that stand, and its state on a day."""

    row: LoanRow
    events: Sequence[LoanEvent]
    loan: Loan


async def open_loan(
    app: App, tx: Transaction, application: BankApplication, terms: Terms, event: Disbursed, no: str
) -> LoanRow:
    """Begin a loan with its disbursement, in the ledger too."""
    loan = replay(terms, [event], event.on, app.city.calendar)
    now = app.clock.now()
    loan_id = new_id()
    await store.insert(
        tx,
        LoanRow,
        id=loan_id,
        no=no,
        application_id=application.id,
        company_id=application.company_id,
        person_id=application.person_id,
        bank=application.bank,
        product=application.product,
        principal_fen=event.amount_fen,
        disbursed_on=event.on,
        terms=write_terms(terms),
        status=loan.status.value,
        look_on=loan.look_on,
        created_at=now,
    )
    values = row_values(loan_id, event)
    await store.insert(tx, LoanEventRow, id=new_id(), **values, recorded_at=now)
    key = f"{loan_id}:{event.ref}"
    await book_loan(tx, application.bank, key, LoanMovement(principal_fen=event.amount_fen), now)
    await app.events.publish(tx, LoanChanged(loan_id, application.bank, loan.status.value, 1))
    row = await store.lock_loan(tx, loan_id)
    assert row is not None
    return row


async def record(
    app: App, tx: Transaction, loan_id: UUID, event: LoanEvent, *, bank: str | None = None
) -> LoanRecord:
    """Add an event to a loan, of one bank where it is given. The same event again changes nothing.

    Raises NotFound, Conflict LOAN_REF_REUSED for another event, or one that was taken back;
    InvalidInput LOAN_DAY_WRONG, LOAN_AMOUNT_WRONG: not above zero, or more than is owed;
    LOAN_RATE_WRONG above the ceiling.
    """
    row, kept = await _locked(tx, loan_id, bank)
    events, today = read_events(kept), civil_date(app.clock.now())
    if any(event.ref == one.ref for one in kept):
        if event not in events:
            raise Conflict(texts.REF_REUSED)
        return LoanRecord(row, events, _state(app, row, events, today))
    _refuse_wrong(app, row, events, event, today)
    values = row_values(loan_id, event)
    await store.insert(tx, LoanEventRow, id=new_id(), **values, recorded_at=app.clock.now())
    return await _moved(app, tx, row, kept, [*events, event], event.ref)


async def undo(
    app: App, tx: Transaction, loan_id: UUID, ref: str, reason: str, *, bank: str | None = None
) -> LoanRecord:
    """Take an event back, as if it had never been; the rows stay.

    Raises NotFound, Conflict LOAN_PAID_THROUGH_CITY where a bank takes back what a PSP has
    collected: the bank did not report it, and nobody would give the money back.
    """
    row, kept = await _locked(tx, loan_id, bank)
    events = read_events(kept)
    event = next((e for e in events if e.ref == ref and not isinstance(e, Disbursed)), None)
    if event is None:
        raise NotFound(NOT_FOUND)
    if bank is not None and isinstance(event, Repaid) and event.by_psp:
        raise Conflict(texts.PAID_THROUGH_CITY)
    undo_ref = f":{UNDO}:{ref}"  # no bank's reference begins so
    await store.insert(
        tx,
        LoanEventRow,
        id=new_id(),
        loan_id=loan_id,
        ref=undo_ref,
        kind=UNDO,
        value_on=event.on,
        body=to_json({"reason": reason}).decode(),
        undoes=ref,
        recorded_at=app.clock.now(),
    )
    rest = [e for e in events if e is not event]
    return await _moved(app, tx, row, kept, rest, undo_ref)


async def get_record(
    app: App, loan_id: UUID, *, bank: str | None = None, person_id: UUID | None = None
) -> LoanRecord:
    """A loan as it stands today. Raises NotFound for another bank's, or another person's."""
    row = await store.find_loan(loan_id)
    if row is None or bank not in (None, row.bank) or person_id not in (None, row.person_id):
        raise NotFound(NOT_FOUND)
    return await to_record(app, row)


async def to_record(app: App, row: LoanRow, on: date | None = None) -> LoanRecord:
    """A row with its events, and its state at the end of a day, today unless given."""
    events = read_events(await store.list_loan_events(row.id))
    day = civil_date(app.clock.now()) if on is None else on
    return LoanRecord(row, events, _state(app, row, events, day))


async def _locked(
    tx: Transaction, loan_id: UUID, bank: str | None
) -> tuple[LoanRow, Sequence[LoanEventRow]]:
    """A loan with all that was recorded of it."""
    row = await store.lock_loan(tx, loan_id)
    if row is None or bank not in (None, row.bank):
        raise NotFound(NOT_FOUND)
    return row, await store.list_loan_events(loan_id, tx)


def _refuse_wrong(
    app: App, row: LoanRow, events: Sequence[LoanEvent], event: LoanEvent, today: date
) -> None:
    if not row.disbursed_on <= event.on <= today:
        raise InvalidInput(texts.DAY_WRONG, "on")
    amount = getattr(event, "amount_fen", 1)
    if not 0 < amount <= 10**12 or isinstance(event, Disbursed):
        raise InvalidInput(texts.AMOUNT_WRONG, "amount_fen")
    if isinstance(event, Repaid):
        owed = _state(app, row, [one for one in events if one.on <= event.on], event.on)
        after = _state(app, row, [*events, event], today)
        if amount > owed.payoff_fen or after.surplus_fen:
            raise InvalidInput(texts.AMOUNT_WRONG, "amount_fen")
    rate = event.terms.rate_ppm if isinstance(event, Rescheduled) else 0
    rate = event.rate_ppm if isinstance(event, RateChanged) else rate
    if not 0 <= rate <= CEILING_PPM:
        raise InvalidInput(texts.RATE_WRONG, "rate_ppm")
    if isinstance(event, WrittenOff) and _state(app, row, events, event.on).written_off_on:
        raise Conflict(texts.APPLICATION_STATE)


async def _moved(
    app: App,
    tx: Transaction,
    row: LoanRow,
    kept: Sequence[LoanEventRow],
    after: Sequence[LoanEvent],
    key: str,
) -> LoanRecord:
    """Keep a loan's new state, and move the ledger from the day it was booked last: what waits
    becomes interest and principal as bills come, without an event. The ledger's day never goes back
    where clocks of machines differ at midnight."""
    booked_on = civil_date(max(one.recorded_at for one in kept))
    today = max(civil_date(app.clock.now()), booked_on)
    old, new = _state(app, row, read_events(kept), booked_on), _state(app, row, after, today)
    await book_loan(tx, row.bank, f"{row.id}:{key}", movement(old, new), app.clock.now())
    row = await store.update_loan(tx, row.id, new.status.value, new.look_on)
    await app.events.publish(tx, LoanChanged(row.id, row.bank, new.status.value, row.sequence))
    return LoanRecord(row, after, new)


def _state(app: App, row: LoanRow, events: Sequence[LoanEvent], on: date) -> Loan:
    return replay(read_terms(row.terms), events, on, app.city.calendar)


def movement(old: Loan, new: Loan) -> LoanMovement:
    """By how much what the ledger has of a loan differs between two of its states."""
    pairs = zip(_booked(old), _booked(new), strict=True)
    return LoanMovement(*(after - before for before, after in pairs))


def _booked(loan: Loan) -> tuple[int, int, int]:
    """What is lent, received and lost. Principal that what waits will cover is not lent; what waits
    beyond all principal can only be for interest. Of a loan given up, what is still lent is lost.
    """
    lent = max(loan.principal_fen - loan.ahead_fen, 0)
    beyond = max(loan.ahead_fen - loan.principal_fen, 0)
    income = sum(fen for part, fen in loan.paid.items() if part is not Part.PRINCIPAL)
    return lent, income + beyond, 0 if loan.written_off_on is None else lent
