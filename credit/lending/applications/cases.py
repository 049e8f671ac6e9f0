"""An owner's case on the workflow engine, as the banks' answers move it."""

from uuid import UUID

from core.context.app import App
from core.database import Transaction
from core.errors import NotFound
from core.refusal_texts import NOT_FOUND
from credit.lending.applications.domain import ApplicationState
from credit.lending.records import store
from kinds.application import store as case_store
from kinds.application.engine import take_outside
from kinds.application.models import Case

__all__ = ["Case", "end_disbursed", "find", "follow_banks", "lock"]

_OPEN = (ApplicationState.RECEIVED,)


async def find(case_id: UUID) -> Case:
    """A case."""
    case = await case_store.find_case(case_id)
    assert case is not None
    return case


async def lock(tx: Transaction, case_id: UUID) -> Case:
    """A case, locked: whoever moves its applications holds it.

    Raises NotFound for what was taken over from a bank's books and never had one.
    """
    case = await case_store.lock_case(tx, case_id)
    if case is None:
        raise NotFound(NOT_FOUND)
    return case


async def follow_banks(app: App, tx: Transaction, case: Case) -> None:
    """Move a case on as its banks have answered: one offers, or all refuse."""
    if case.state != "with_banks":
        return
    states = [row.state for row in await store.list_of_case(case.id, tx)]
    if ApplicationState.OFFERED in states:
        await take_outside(app, tx, case, "offer_made")
    elif not set(states) & set(_OPEN):
        await take_outside(app, tx, case, "all_refuse")


async def end_disbursed(app: App, tx: Transaction, case: Case) -> None:
    """The loan is paid out: the case has come to its end."""
    await take_outside(app, tx, case, "pay_out")
