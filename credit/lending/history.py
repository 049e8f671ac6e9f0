"""Loans made before the platform kept them: companies, loans and payments taken over in bulk.

Used by the seeding of the sandbox. What is taken over has no case and no form; its loans are
replayed from their events like all others, and stand in the ledger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction, raw_connection
from core.ids import new_id
from credit.lending.applications.bank_side import write_offer
from credit.lending.applications.domain import Offer
from credit.lending.companies.upstream import Registered
from credit.lending.loans.events import Disbursed, LoanEvent, Repaid
from credit.lending.loans.record import row_values, write_terms
from credit.lending.loans.replay import Loan, replay
from credit.lending.loans.service import movement
from credit.lending.products.domain import Plan, Product, plan
from credit.lending.records.models import CONTRACT, PURPOSE
from payments.api import book_loan

_LATE_EVERY = 45
"""One past loan in so many has not paid what was due."""
_NOTE = b"taken over without its paper"


@dataclass(frozen=True, slots=True)
class PastLoan:
    """A loan as its bank's books have it."""

    number: int
    uscc: str
    bank: str
    product: str
    amount_fen: int
    months: int
    margin_bps: int
    days_ago: int
    case_id: UUID | None = None
    """The owner's case; none where the bank's books alone know the loan."""


async def take_over_companies(app: App, tx: Transaction, found: Sequence[Registered]) -> None:
    """Keep companies that are not known yet."""
    now = app.clock.now()
    await raw_connection(tx).executemany(
        """INSERT INTO lending_company
             (id, uscc, name, district, industry, registered_on, looked_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (uscc) DO NOTHING""",
        [
            (new_id(), c.uscc, c.name_zh, c.district, c.industry, c.registered_on, now)
            for c in found
        ],
    )


async def take_over_loans(
    app: App,
    tx: Transaction,
    loans: Sequence[PastLoan],
    companies: Mapping[str, UUID],
    products: Mapping[str, tuple[int, Product]],
) -> None:
    """Take loans over, in one transaction: applications, contracts, loans, payments, ledger."""
    rows: dict[str, list[tuple[object, ...]]] = {"application": [], "contract": [], "loan": []}
    events: list[tuple[object, ...]] = []
    for past in loans:
        version, product = products[past.product]
        made = _plan(app, past, product)
        loan_id, application_id = new_id(), new_id()
        happened, loan = _played(app, past, made)
        values = _Values(app, past, made, companies[past.uscc], application_id, loan_id)
        rows["application"].append(values.application(version, product))
        rows["contract"].append(values.contract())
        rows["loan"].append(values.loan(loan))
        for event in happened:
            one = row_values(loan_id, event)
            events.append((new_id(), *one.values(), app.clock.now()))
        moved = movement(Loan(made.terms), loan)
        await book_loan(tx, past.bank, f"{loan_id}::taken_over", moved, app.clock.now())
    raw = raw_connection(tx)
    # the state machine begins with RECEIVED: history is walked, not written into its end
    await raw.executemany(_APPLICATION, rows["application"])
    await raw.executemany(_CONTRACT, rows["contract"])
    ids = [row[0] for row in rows["application"]]
    for state in ("OFFERED", "ACCEPTED", "SIGNED", "DISBURSED"):
        await raw.execute(
            "UPDATE lending_application SET state = $2 WHERE id = ANY($1)", ids, state
        )
    await raw.executemany(_LOAN, rows["loan"])
    await raw.executemany(_EVENT, events)


@dataclass(frozen=True, slots=True)
class _Values:
    """The columns of one past loan's rows."""

    app: App
    past: PastLoan
    plan: Plan
    company_id: UUID
    application_id: UUID
    loan_id: UUID

    @property
    def no(self) -> str:
        """Its number, the same on every run."""
        return f"LS{self.past.number:06d}"

    @property
    def person_id(self) -> UUID:
        """Nobody with an account: always the same for one company."""
        return self.company_id

    def application(self, version: int, product: Product) -> tuple[object, ...]:
        past, made, now = self.past, self.plan, self.app.clock.now()
        offer = Offer(
            past.amount_fen, past.months, made.terms.form, product.reference,
            made.terms.rate_ppm // 100 - past.margin_bps, past.margin_bps, made.start_on,
            len(made.rows), made.rows[0].due_fen, made.rows[-1].due_fen, made.sheet,
        )  # fmt: skip
        purpose = self.app.vault.encrypt("经营周转", PURPOSE)
        return (
            self.application_id, self.no, past.case_id or self.loan_id, self.company_id,
            self.person_id, past.bank, past.product, version, past.amount_fen, past.months,
            made.terms.form.value, purpose,
            "RECEIVED", write_offer(offer), made.start_on, now,
        )  # fmt: skip

    def contract(self) -> tuple[object, ...]:
        key_sealed, sealed = self.app.vault.encrypt_file(_NOTE, CONTRACT)
        now, digest = self.app.clock.now(), sha256(_NOTE).hexdigest()
        return self.application_id, key_sealed, sealed, digest, self.person_id, now

    def loan(self, loan: Loan) -> tuple[object, ...]:
        past, made = self.past, self.plan
        return (
            self.loan_id, self.no, self.application_id, self.company_id, self.person_id, past.bank,
            past.product, past.amount_fen, made.start_on, write_terms(made.terms),
            loan.status.value, loan.look_on, self.app.clock.now(),
        )  # fmt: skip


def _plan(app: App, past: PastLoan, product: Product) -> Plan:
    on = civil_date(app.clock.now()) - timedelta(days=past.days_ago)
    rate = app.city.rate_bps(product.reference, on) + past.margin_bps
    amount = max(past.amount_fen, product.least_fen)
    return plan(product, amount, past.months, product.forms[0], rate, on, app.city.calendar)


def _played(app: App, past: PastLoan, made: Plan) -> tuple[list[LoanEvent], Loan]:
    """The events until today: paid out, and each instalment paid on its day by most."""
    today = civil_date(app.clock.now())
    begin = Disbursed(f"past-{past.number}", made.start_on, past.amount_fen)
    loan = replay(made.terms, [begin], today, app.city.calendar)
    events: list[LoanEvent] = [begin]
    if past.number % _LATE_EVERY:
        events += [
            Repaid(f"past-{past.number}-{bill.number}", _paid_on(bill.due_on, today), bill.open_fen)
            for bill in loan.bills
        ]
    return events, replay(made.terms, events, today, app.city.calendar)


def _paid_on(due_on: date, today: date) -> date:
    return min(due_on, today)


_APPLICATION = """
INSERT INTO lending_application
  (id, no, case_id, company_id, person_id, bank, product, product_version, amount_fen, months, form,
   purpose_sealed, state, sequence, offer, valid_until, created_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $15, $16, $16)
"""
_CONTRACT = """
INSERT INTO lending_contract (application_id, key_sealed, content, sha256, signed_by, signed_at)
VALUES ($1, $2, $3, $4, $5, $6)
"""
_LOAN = """
INSERT INTO lending_loan
  (id, no, application_id, company_id, person_id, bank, product, principal_fen, disbursed_on, terms,
   status, look_on, sequence, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $13)
"""
_EVENT = """
INSERT INTO lending_loan_event (id, loan_id, ref, kind, value_on, body, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


def read_history(answer: Mapping[str, Any]) -> tuple[list[Registered], list[PastLoan]]:
    """Companies and loans as the sandbox's control plane lists them."""
    companies = [
        Registered(**{**one, "registered_on": date.fromisoformat(one["registered_on"])})
        for one in answer["companies"]
    ]
    return companies, [PastLoan(**one) for one in answer["loans"]]
