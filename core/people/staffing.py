"""Who works where: the one look-up of members of staff and their units that wings may use.

A unit is a department of the city file. The module that owns the accounts gives the `Staffing`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.errors import Forbidden
from core.refusal_texts import NOT_ALLOWED
from core.rooms import ExtensionPoint
from core.security.authorization import Scope


@dataclass(frozen=True, slots=True)
class Officer:
    """A member of staff at work and the unit they belong to."""

    id: UUID
    unit: str


@dataclass(frozen=True, slots=True)
class Staffing:
    """Where officers are looked up; nobody who is suspended is among them.

    `find(app, person_id)` gives one, `list_in(app, unit, scope)` all of a unit who have a scope.
    """

    find: Callable[[App, UUID], Awaitable[Officer | None]]
    list_in: Callable[[App, str, Scope], Awaitable[Sequence[Officer]]]


STAFFING = ExtensionPoint("people.staffing", Staffing, key=lambda _: "the staffing")


async def require_officer(call: Call, scope: Scope) -> Officer:
    """The viewer as an officer with a scope. Raises LoginRequired and Forbidden."""
    viewer = call.require_scope(scope)
    (staffing,) = call.app.extensions(STAFFING)
    officer = await staffing.find(call.app, viewer.user_id)
    if officer is None:
        raise Forbidden(NOT_ALLOWED)
    return officer


async def list_officers(app: App, unit: str, scope: Scope) -> Sequence[Officer]:
    """The officers of a unit who have a scope, in the order of their ids."""
    (staffing,) = app.extensions(STAFFING)
    return await staffing.list_in(app, unit, scope)
