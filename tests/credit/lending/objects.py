"""What the matrix of access tries the ids of lending with."""

from collections.abc import Mapping
from datetime import date
from itertools import count
from uuid import UUID

from core.context.app import App
from core.database import transaction
from core.ids import new_id
from core.security.authentication import Viewer
from credit.lending.applications.definition import LOAN, SERVICE
from credit.lending.history import PastLoan, take_over_loans
from credit.lending.products import service as products
from credit.lending.records import store
from credit.lending.records.models import BankApplication, Company, Member
from credit.lending.seed import seed_products
from kinds.application import versions
from kinds.application.engine import SYSTEM
from kinds.application.opening import Opening, open_in
from sandbox.population.companies import uscc_of
from tests.credit.lending.town import FORM

_NUMBERS = count(500_000)


async def objects_of(app: App, who: Viewer) -> Mapping[str, UUID]:
    """One object of each kind that belongs to somebody, by "field.argument"."""
    await seed_products(app)
    number, now = next(_NUMBERS), app.clock.now()
    company_id, uscc = who.user_id, uscc_of(number)
    if await store.find_company(company_id) is None:
        await Company.create(
            id=company_id, uscc=uscc, name="测试", district="370102", industry="F",
            registered_on=date(2020, 1, 1), looked_at=now,
        )  # fmt: skip
        await Member.create(
            id=new_id(), company_id=company_id, person_id=who.user_id, role="REPRESENTATIVE",
            since=now,
        )  # fmt: skip
    definition = versions.complete(LOAN.definition, versions.read_rules(app.settings, SERVICE))
    stored = await versions.store(app, definition)
    opening = Opening(definition, stored, who.user_id, "", FORM)
    case_id = new_id()
    past = PastLoan(number, uscc, "city-bank", "city-bank-credit", 10_000_000, 12, 100, 0, case_id)
    async with transaction() as tx:
        case = await open_in(app, tx, case_id, opening, SYSTEM)
        current = await products.list_current()
        await take_over_loans(app, tx, [past], {uscc: company_id}, current)
    row = await BankApplication.filter(no=f"LS{number:06d}").get()
    loan = await store.find_loan_of(row.id)
    assert loan is not None
    return {
        "loanAnswers.caseId": case.id,
        "giveLoanConsents.companyId": company_id,
        "withdrawLoanConsents.companyId": company_id,
        "acceptLoanOffer.applicationId": row.id,
        "signLoanContract.applicationId": row.id,
        "loanPayoff.loanId": loan.id,
        "repayLoan.loanId": loan.id,
        "decideLoanProduct.id": new_id(),
        "bankLoanApplication.id": row.id,
        "offerLoan.applicationId": row.id,
        "refuseLoan.applicationId": row.id,
        "askLoanDocument.applicationId": row.id,
        "loanReview.caseId": case.id,
        "takeLoanReview.taskId": new_id(),
        "settleLoanReview.taskId": new_id(),
    }
