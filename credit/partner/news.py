"""What lending tells, passed on to the bank it concerns. Ids and states alone leave the house."""

from core.context.app import App
from core.database import transaction
from core.queue.events import on
from credit.lending.api import BankApplicationChanged, LoanChanged, LoanConsentWithdrawn
from credit.partner.webhooks import tell


@on("credit.BankApplicationChanged")
async def tell_of_application(app: App, event: BankApplicationChanged) -> None:
    """Tell a bank that an application moved. Repeat-safe by its sequence number."""
    ref = f"application:{event.application_id}"
    data = {"id": event.application_id, "state": event.state}
    key = f"{ref}:{event.sequence}"
    async with transaction() as tx:
        await tell(app, tx, event.bank, "application.changed", ref, data, event.sequence, key)


@on("credit.LoanChanged")
async def tell_of_loan(app: App, event: LoanChanged) -> None:
    """Tell a bank that a loan changed. Repeat-safe by its sequence number."""
    ref = f"loan:{event.loan_id}"
    data = {"id": event.loan_id, "status": event.status}
    key = f"{ref}:{event.sequence}"
    async with transaction() as tx:
        await tell(app, tx, event.bank, "loan.changed", ref, data, event.sequence, key)


@on("credit.LoanConsentWithdrawn")
async def tell_of_withdrawal(app: App, event: LoanConsentWithdrawn) -> None:
    """Tell a bank that it may read no more of a company. Repeat-safe by the withdrawal's moment."""
    ref = f"company:{event.company_id}"
    data = {"company_id": event.company_id, "sources": event.sources}
    async with transaction() as tx:
        key = f"{ref}:withdrawn:{event.withdrawn_at.isoformat()}"
        await tell(app, tx, event.bank, "consent.withdrawn", ref, data, None, key)
