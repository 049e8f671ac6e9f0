"""A bank's answer in the decision log: it settles what the engine advised, or overrides it."""

from core.context.app import App
from core.database import Transaction
from credit.api import Outcome, Subject, add_entry, find_decision, override_entry, review_entry
from credit.lending.applications.domain import Approval, Decision
from credit.lending.records.models import BankApplication

OFFERED = "OFFERED"


async def log_answer(
    app: App, tx: Transaction, row: BankApplication, decision: Decision, by: str
) -> None:
    """Add the entry beside the bank's own row; nothing where no model has looked at it."""
    found = await find_decision(tx, app.vault, row.bank, f"{row.case_id}:")
    if found is None:
        return
    advised, _ = found
    now, payload = app.clock.now(), advised.payload
    outcome = Outcome.APPROVE if isinstance(decision, Approval) else Outcome.DECLINE
    note = OFFERED if isinstance(decision, Approval) else decision.reason
    subject = Subject(
        payload["application_id"], f"answer:{row.id}:{row.sequence}", row.bank, row.product
    )
    is_against = payload["outcome"] not in (outcome, Outcome.REFER)
    entry = override_entry if is_against else review_entry
    draft = entry(subject, advised.hash, outcome, by, note, now)
    await add_entry(tx, app.vault, draft, now, person_id=row.person_id)
