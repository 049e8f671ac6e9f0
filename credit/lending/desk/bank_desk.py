"""What an officer of a bank does: the same steps as the bank's own systems take over the API.

The officer's unit is the bank. Applications of another bank do not exist for them, and none for an
officer whose unit is no bank.
"""

from collections.abc import Sequence
from uuid import UUID

from core.context.call import Call
from core.context.commands import claim_key
from core.database import transaction
from core.people.staffing import Units, require_officer
from core.security.authorization import Scope
from credit.lending.applications import bank_side
from credit.lending.applications.domain import ApplicationView, Decision
from credit.lending.records import store

SCOPE = Scope.LOANS_DECIDE
UNITS = Units(store.list_banks)


async def list_applications(
    call: Call, *, first: int, after: UUID | None, state: str | None
) -> Sequence[ApplicationView]:
    """The bank's applications, oldest first."""
    officer = await require_officer(call, SCOPE)
    return await bank_side.list_views(call.app, officer.unit, first=first, after=after, state=state)


async def get_application(call: Call, application_id: UUID) -> ApplicationView:
    """One of the bank's applications. Raises NotFound for every other."""
    officer = await require_officer(call, SCOPE)
    return await bank_side.get_view(call.app, officer.unit, application_id)


async def decide(call: Call, application_id: UUID, decision: Decision, key: str) -> ApplicationView:
    """Offer or refuse, once per key. Raises as `bank_side.decide`."""
    officer, app = await require_officer(call, SCOPE), call.app
    command = {"application": application_id, "decision": decision}
    async with transaction() as tx:
        claim = await claim_key(call, tx, "decideLoan", key, command, effect_id=application_id)
        if not claim.replayed:
            by = f"{officer.unit}:{officer.id}"
            await bank_side.decide(app, tx, officer.unit, application_id, decision, by)
    return await bank_side.get_view(app, officer.unit, application_id)


async def ask_document(
    call: Call, application_id: UUID, document: str, key: str
) -> ApplicationView:
    """Ask the owner for a document, once per key. Raises as `bank_side.ask_document`."""
    officer, app = await require_officer(call, SCOPE), call.app
    command = {"application": application_id, "document": document}
    async with transaction() as tx:
        claim = await claim_key(call, tx, "askLoanDocument", key, command, effect_id=application_id)
        if not claim.replayed:
            await bank_side.ask_document(app, tx, officer.unit, application_id, document)
    return await bank_side.get_view(app, officer.unit, application_id)
