"""Repaying a loan through a PSP: the saga is payments', the allocation the loan's replay."""

from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.database import Transaction, transaction
from core.errors import AppError, InvalidInput, NotFound
from core.refusal_texts import NOT_FOUND
from credit.lending.loans.events import Prepayment, Repaid
from credit.lending.loans.service import record, to_record
from credit.lending.records import store, texts
from credit.lending.records.models import LoanRow
from kinds.payment import Ending, Endings, Values, ending_templates
from payments.api import Accepted, Fulfilment, NotYet, Paid, Payable, Quote, Refused

KIND = "loan.repayment"
_DUE = "DUE"


def subject_of(row: LoanRow, amount_fen: int, prepays: Prepayment | None) -> str:
    """What is paid: a loan as it stands, an amount, and what becomes of what is not due."""
    return f"{row.id}:{row.sequence}:{amount_fen}:{prepays or _DUE}"


def _read(subject: str) -> tuple[UUID, int, Prepayment | None]:
    loan_id, _, amount, prepays = subject.split(":")
    return UUID(loan_id), int(amount), None if prepays == _DUE else Prepayment(prepays)


async def quote(call: Call, tx: Transaction, subject: str) -> Quote:
    """The amount, where it is owed; the loan stays locked. Raises NotFound, InvalidInput."""
    loan_id, amount_fen, _ = _read(subject)
    row = await store.lock_loan(tx, loan_id)
    if row is None or row.person_id != call.require_viewer().user_id:
        raise NotFound(NOT_FOUND)
    loan = (await to_record(call.app, row)).loan
    if not 0 < amount_fen <= loan.payoff_fen:
        raise InvalidInput(texts.AMOUNT_WRONG, "amount")
    titles = (f"贷款还款 {row.no}", f"Loan repayment {row.no}")
    return Quote(amount_fen, row.bank, *titles, company_id=row.company_id)


async def fulfil(app: App, paid: Paid) -> Fulfilment:
    """Set a captured payment against its loan, on the day it was paid, which may begin a moment
    later here than by the PSP's clock. Repeat-safe."""
    loan_id, amount_fen, prepays = _read(paid.subject_ref)
    on = civil_date(paid.paid_at)
    if on > civil_date(app.clock.now()):
        return NotYet()
    event = Repaid(paid.payment_ref, on, amount_fen, prepays, by_psp=True)
    try:
        async with transaction() as tx:
            await record(app, tx, loan_id, event)
    except AppError as refused:
        return Refused(refused.code)
    return Accepted(paid.payment_ref)


async def note(_app: App, _tx: Transaction, ending: Ending) -> Values:
    """What messages call the loan."""
    row = await store.find_loan(_read(ending.subject_ref)[0])
    assert row is not None
    return {"no": row.no}


REPAYMENT = Payable(kind=KIND, quote=quote, fulfil=fulfil)
ENDINGS = Endings(kinds=(KIND,), templates="loans.", note=note)
MESSAGES = ending_templates(
    "loans.",
    paid=(texts.PAID_TITLE, texts.PAID_BODY),
    refused=(texts.REFUSED_TITLE, texts.REFUSED_BODY),
    refunded=(texts.REFUNDED_TITLE, texts.REFUNDED_BODY),
)
