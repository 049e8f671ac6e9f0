"""Accounts that stand still: while it is disputed whose an account is, no money leaves it, nobody
agrees to anything in it or shows its papers, and its mandates and keys stay as they are.

The module that owns the accounts says which do. A mutation says of itself that it waits
(`core.graphql.mutation(..., waits=True)`); a command calls `refuse_frozen` where only its data say
so, each payment asks for its payer as it begins, and a job that pays somebody asks for them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.errors import Forbidden
from core.refusal_texts import ACCOUNT_DISPUTED
from core.rooms import ExtensionPoint


@dataclass(frozen=True, slots=True)
class Freezes:
    """Whether somebody's account stands still."""

    is_frozen: Callable[[App, UUID], Awaitable[bool]]


FREEZES = ExtensionPoint("people.freezes", Freezes, key=lambda _: "the freezes")


async def is_frozen(app: App, person_id: UUID) -> bool:
    """Whether somebody's account stands still."""
    for freezes in app.extensions(FREEZES):
        if await freezes.is_frozen(app, person_id):
            return True
    return False


async def refuse_frozen(call: Call) -> None:
    """Raise Forbidden ACCOUNT_DISPUTED for the owner of an account that stands still, and for who
    acts for them."""
    people = set() if call.viewer is None else {call.viewer.user_id, call.subject_id}
    for person_id in people:
        if await is_frozen(call.app, person_id):
            raise Forbidden(ACCOUNT_DISPUTED)
