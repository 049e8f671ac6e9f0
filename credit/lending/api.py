"""The door of lending, for the banks' API and for whoever serves banks.

Commands run in the caller's transaction, so an idempotency key and its effect commit together.
`bank` is who calls, as authenticated: nothing of another bank's is found. Changes are told by the
events `credit.BankApplicationChanged`, `credit.LoanChanged`, `credit.LoanConsentWithdrawn`, each
with a sequence number per object.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from core.context.app import App
from core.database import Transaction
from core.errors import NotFound
from core.refusal_texts import NOT_FOUND
from credit.lending.applications.bank_side import (
    ask_document,
    confirm_disbursement,
    decide,
)
from credit.lending.applications.bank_side import get_view as get_application
from credit.lending.applications.bank_side import list_views as list_applications
from credit.lending.applications.bank_side import lock_view as lock_application
from credit.lending.applications.bank_side import to_view as to_application
from credit.lending.applications.domain import (
    REASONS,
    ApplicationState,
    ApplicationView,
    Approval,
    Decision,
    Facts,
    Offer,
    Refusal,
    RefusalReason,
)
from credit.lending.loans.events import (
    Charged,
    LoanEvent,
    Prepayment,
    RateChanged,
    Repaid,
    Rescheduled,
    WrittenOff,
)
from credit.lending.loans.record import read_terms
from credit.lending.loans.replay import Loan, LoanStatus
from credit.lending.loans.service import LoanRecord, get_record, record, to_record, undo
from credit.lending.products import service as products
from credit.lending.products.domain import Eligibility, Product, ProductKind
from credit.lending.records import store
from credit.lending.records.events import BankApplicationChanged, LoanChanged, LoanConsentWithdrawn
from credit.lending.records.models import ProductVersion
from credit.lending.terms.cost_sheet import CostItem, CostSheet, Fee, FeeTime
from credit.lending.terms.days import months_later
from credit.lending.terms.money_terms import (
    DEFAULT_ORDER,
    PPM_OF_BP,
    DayCount,
    HolidayRule,
    Part,
    RepaymentForm,
    Terms,
)

__all__ = [
    "DEFAULT_ORDER",
    "REASONS",
    "ApplicationState",
    "ApplicationView",
    "Approval",
    "BankApplicationChanged",
    "Charged",
    "CostItem",
    "CostSheet",
    "DayCount",
    "Decision",
    "Eligibility",
    "Facts",
    "Fee",
    "FeeTime",
    "HolidayRule",
    "Loan",
    "LoanChanged",
    "LoanConsentWithdrawn",
    "LoanEvent",
    "LoanRecord",
    "LoanStatus",
    "Offer",
    "Part",
    "Prepayment",
    "Product",
    "ProductKind",
    "ProductVersion",
    "RateChanged",
    "Refusal",
    "RefusalReason",
    "RepaymentForm",
    "Rescheduled",
    "Terms",
    "WrittenOff",
    "ask_document",
    "confirm_disbursement",
    "decide",
    "get_application",
    "get_loan",
    "list_applications",
    "list_day",
    "list_loans",
    "list_products",
    "lock_application",
    "propose_product",
    "record_event",
    "record_repayment",
    "reschedule",
    "to_application",
    "undo_repayment",
]


async def get_loan(app: App, bank: str, loan_id: UUID, *, on: date | None = None) -> LoanRecord:
    """One of a bank's loans as it stands at the end of a day, today unless given.

    Raises NotFound for every other.
    """
    record = await get_record(app, loan_id, bank=bank)
    return record if on is None else await to_record(app, record.row, on)


async def list_loans(
    app: App, bank: str, *, first: int, after: UUID | None = None
) -> list[LoanRecord]:
    """A bank's loans, oldest first, each as it stands today."""
    rows = await store.list_loans(bank=bank, first=first, after=after)
    return [await to_record(app, row) for row in rows]


async def record_repayment(
    app: App,
    tx: Transaction,
    bank: str,
    loan_id: UUID,
    *,
    ref: str,
    on: date,
    amount_fen: int,
    prepays: Prepayment | None = None,
) -> LoanRecord:
    """A borrower has paid the bank on a day; `ref` is the bank's number of it.

    The same again changes nothing. Raises NotFound, Conflict LOAN_REF_REUSED, InvalidInput
    LOAN_DAY_WRONG, LOAN_AMOUNT_WRONG.
    """
    return await record(app, tx, loan_id, Repaid(ref[:64], on, amount_fen, prepays), bank=bank)


async def record_event(
    app: App, tx: Transaction, bank: str, loan_id: UUID, event: LoanEvent
) -> LoanRecord:
    """A charge, a changed rate, a new schedule or a write-off, on its day.

    The same again changes nothing. Raises as `record_repayment`, and InvalidInput LOAN_RATE_WRONG.
    """
    return await record(app, tx, loan_id, event, bank=bank)


async def reschedule(
    app: App,
    tx: Transaction,
    bank: str,
    loan_id: UUID,
    *,
    ref: str,
    on: date,
    months: int,
    form: RepaymentForm,
    rate_bps: int,
) -> LoanRecord:
    """All principal that is left is repaid anew from a day on, within so many months: the first
    instalment a month later, the other terms as they were. Raises as `record_event`."""
    row = (await get_record(app, loan_id, bank=bank)).row
    is_bullet = form is RepaymentForm.BULLET
    terms = replace(
        read_terms(row.terms),
        form=form,
        rate_ppm=rate_bps * PPM_OF_BP,
        instalments=1 if is_bullet else months,
        first_due_on=months_later(on, months if is_bullet else 1, on.day),
        anchor_day=on.day,
    )
    return await record_event(app, tx, bank, loan_id, Rescheduled(ref, on, terms))


async def undo_repayment(
    app: App, tx: Transaction, bank: str, loan_id: UUID, *, ref: str, reason: str
) -> LoanRecord:
    """A payment that was reported did not happen, or bounced. Raises NotFound."""
    return await undo(app, tx, loan_id, ref, reason, bank=bank)


async def list_products(bank: str) -> list[tuple[ProductVersion, Product]]:
    """All versions of a bank's products, newest first: `state` of the row says which stands."""
    return [(row, products.read_body(row)) for row in await store.list_versions(bank=bank)]


async def propose_product(
    app: App, tx: Transaction, bank: str, product: Product, by: str
) -> ProductVersion:
    """Propose a product, or a next version of one; the platform decides on it.

    Raises InvalidInput, NotFound where the code, or the product, is another bank's.
    """
    if product.bank != bank:
        raise NotFound(NOT_FOUND)
    return await products.propose(app, tx, product, by)


async def list_day(bank: str, start_at: datetime, end_at: datetime) -> Sequence[dict[str, object]]:
    """Every event recorded of a bank's loans from one moment until another, for the daily file."""
    rows = await store.list_events_of_day(bank, start_at, end_at)
    return [dict(row) for row in rows]
