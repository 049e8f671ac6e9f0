"""Taking the bank's statement: each booking is posted for what it is, or becomes a case."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid5

import structlog

from core.context.app import App
from core.database import Transaction, fetch_all, lock_name, transaction
from payments.bank import camt053, transfers
from payments.bank.camt053 import BankDay, Booking
from payments.bank.domain import TRANSFER, EntryKind, end_to_end, transfer_of
from payments.bank.models import BankEntry, BankStatement, Transfer
from payments.events import Oddity, OddityFound
from payments.finance import Finance, finance_of
from payments.ledger import store as ledger
from payments.ledger.accounts import (
    BANK,
    MAIN_ACCOUNT,
    Account,
    bank_account,
    cost_of,
    psp_receivable,
    settled_out,
)
from payments.ledger.postings import Posting, transfer
from payments.reconciliation import cases
from payments.statements import StatementRefused

_STATEMENTS = UUID("5a0a7b1e-6f3c-4c56-9d1e-0b6f0e1d2c3b")
"""The namespace of statements' ids. A statement's id is that of its bookings' ids: a booking is
known by its place in its statement, since banks give one number to several."""

_UNSETTLED = """
SELECT s.booked_on, (s.their_paid_fen - s.their_refunded_fen - s.their_fee_fen)::bigint AS fen
  FROM payments_statement s
 WHERE s.source = $1 AND s.booked_on < $2 AND s.booked_on > coalesce((
   SELECT max(e.through_on) FROM payments_bank_entry e
    WHERE e.kind = 'settlement' AND e.target = $1), '-infinity')
 ORDER BY s.booked_on
"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a booking is for, and the account on the other side of ours."""

    kind: EntryKind
    account: Account | None = None
    target: str = ""
    transfer: Transfer | None = None
    through_on: date | None = None
    expected_fen: int | None = None
    """Of a settlement that is not what its days come to: what they come to."""


async def take(app: App, body: bytes) -> list[BankStatement]:
    """Take the statements of a document; one that was taken before is left as it is.

    Raises StatementRefused malformed, totals, account (another's), gap (one before it is missing);
    then nothing of that statement was taken.
    """
    finance = finance_of(app)
    taken = []
    for day in sorted(camt053.read(body), key=lambda day: day.booked_on):
        if day.account_no != finance.own.number:
            raise StatementRefused(BANK, "account", day.account_no)
        async with transaction() as tx:
            await lock_name(tx, f"payments.bank:{MAIN_ACCOUNT}")
            taken.append(await _take_day(app, tx, finance, day))
    return taken


async def _take_day(app: App, tx: Transaction, finance: Finance, day: BankDay) -> BankStatement:
    known = (
        await BankStatement.filter(account=MAIN_ACCOUNT, statement_ref=day.statement_ref[:64])
        .using_db(tx)
        .first()
    )
    if known is not None:
        return known
    known_days = BankStatement.filter(account=MAIN_ACCOUNT).using_db(tx)
    last = await known_days.order_by("-booked_on").first()
    if last is not None and (
        last.closing_fen != day.opening_fen or day.booked_on <= last.booked_on
    ):
        raise StatementRefused(BANK, "gap", f"the last one is of {last.booked_on}")
    made = await BankStatement.create(
        using_db=tx,
        id=uuid5(_STATEMENTS, f"{MAIN_ACCOUNT}|{day.statement_ref}"),
        account=MAIN_ACCOUNT,
        statement_ref=day.statement_ref[:64],
        booked_on=day.booked_on,
        opening_fen=day.opening_fen,
        closing_fen=day.closing_fen,
        entries=len(day.bookings),
        taken_at=app.clock.now(),
    )
    bookings = list(day.bookings)
    if last is None and day.opening_fen:  # what was there before us is explained by people
        start = Booking(f"opening {day.statement_ref}"[:64], day.booked_on, day.opening_fen)
        bookings.insert(0, start)
    for place, booking in enumerate(bookings):
        await _take_booking(app, tx, finance, made, uuid5(made.id, str(place)), booking)
    log.info("bank statement taken", on=str(day.booked_on), entries=len(bookings))
    return made


async def _take_booking(
    app: App,
    tx: Transaction,
    finance: Finance,
    day: BankStatement,
    entry_id: UUID,
    booking: Booking,
) -> None:
    purpose = await _purpose(tx, finance, booking)
    journal_id = None
    if purpose.account is not None:
        journal_id = await _post(app, tx, entry_id, purpose.account, booking.amount_fen)
    await BankEntry.create(
        using_db=tx,
        id=entry_id,
        statement_id=day.id,
        account=MAIN_ACCOUNT,
        ref=booking.ref,
        booked_on=booking.booked_on,
        amount_fen=booking.amount_fen,
        kind=purpose.kind,
        target=purpose.target,
        through_on=purpose.through_on,
        text=(booking.text or booking.party)[:140],
        journal_id=journal_id,
    )
    await _follow(app, tx, purpose, booking, entry_id)


async def _post(app: App, tx: Transaction, entry_id: UUID, account: Account, fen: int) -> UUID:
    ours = bank_account(MAIN_ACCOUNT)
    debit, credit = (ours, account) if fen > 0 else (account, ours)
    legs = transfer(debit=debit, credit=credit, amount_fen=abs(fen))
    return await ledger.post(tx, Posting("bank", f"bank:{entry_id}", legs), app.clock.now())


async def _purpose(tx: Transaction, finance: Finance, booking: Booking) -> Purpose:
    ours = await _find_transfer(tx, booking)
    if ours is not None:
        kind = EntryKind.TRANSFER if booking.amount_fen < 0 else EntryKind.RETURN
        return Purpose(kind, settled_out(ours.payee), str(ours.id), ours)
    psp = finance.find_psp(booking.party_account)
    if psp is not None:
        through_on, expected_fen = await _settled_through(tx, psp, booking)
        return Purpose(
            EntryKind.SETTLEMENT,
            psp_receivable(psp),
            psp,
            through_on=through_on,
            expected_fen=expected_fen,
        )
    if booking.is_charge:
        return Purpose(EntryKind.CHARGE, cost_of(BANK), BANK)
    return Purpose(EntryKind.UNEXPLAINED)


async def _find_transfer(tx: Transaction, booking: Booking) -> Transfer | None:
    """The transfer that a booking pays or returns: by our number, in full, at the right time."""
    transfer_id = transfer_of(booking.end_to_end)
    if transfer_id is None:
        return None
    row = await Transfer.filter(id=transfer_id).using_db(tx).select_for_update().first()
    event = "book" if booking.amount_fen < 0 else "return"
    if (
        row is None
        or abs(booking.amount_fen) != row.amount_fen
        or booking.end_to_end != end_to_end(row.id, row.tries)
        or not TRANSFER.allows(row.state, event)
    ):
        return None
    return row


async def _settled_through(
    tx: Transaction, psp: str, booking: Booking
) -> tuple[date | None, int | None]:
    """The last day that a PSP's settlement covers: those after the last one, in full.

    Where no run of days comes to its amount it is taken for all of them, and what they come to is
    given too.
    """
    sum_fen, through = 0, None
    for row in await fetch_all(tx, _UNSETTLED, psp, booking.booked_on):
        sum_fen += row["fen"]
        through = row["booked_on"]
        if sum_fen == booking.amount_fen:
            return through, None
    return through, sum_fen


async def _follow(
    app: App, tx: Transaction, purpose: Purpose, booking: Booking, entry_id: UUID
) -> None:
    """The transfer's step, and the case of what is not as it should be."""
    if purpose.transfer is not None and purpose.kind is EntryKind.TRANSFER:
        await transfers.end(app, tx, purpose.transfer, "book")
    elif purpose.transfer is not None:
        await transfers.end(app, tx, purpose.transfer, "return", booking.reason or booking.text)
        await transfers.open_case(app, tx, purpose.transfer, Oddity.PAYOUT_RETURNED)
    elif purpose.kind is EntryKind.UNEXPLAINED:
        await _open_case(app, tx, Oddity.BANK_ENTRY, BANK, booking, entry_id, None)
    elif purpose.expected_fen is not None:
        await _open_case(
            app, tx, Oddity.SETTLEMENT, purpose.target, booking, entry_id, purpose.expected_fen
        )


async def _open_case(
    app: App,
    tx: Transaction,
    oddity: Oddity,
    source: str,
    booking: Booking,
    entry_id: UUID,
    our_fen: int | None,
) -> None:
    found = OddityFound(
        oddity=oddity,
        source=source,
        intent_id=None,
        payee=None,
        ref=entry_id.hex,
        their_ref=booking.ref or None,
        our_fen=our_fen,
        their_fen=booking.amount_fen,
        found_on=booking.booked_on,
    )
    await cases.open_oddity(tx, found, app.clock.now())


async def list_entries(first: date, last: date, limit: int = 10_000) -> Sequence[BankEntry]:
    """The bank's bookings of some days, oldest first."""
    return (
        await BankEntry.filter(booked_on__gte=first, booked_on__lte=last)
        .order_by("booked_on", "ref", "id")
        .limit(limit)
    )
