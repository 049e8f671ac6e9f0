"""Who works where: the one look-up of members of staff and their units that wings may use.

A unit is a department of the city file, or one of those that `UNITS` adds, such as a bank. The
module that owns the accounts gives the `Staffing`.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
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

    `find_all(app, people)` gives those of some people who are one, `list_in(app, units, scope)` all
    of some units who have a scope.
    """

    find_all: Callable[[App, Collection[UUID]], Awaitable[Sequence[Officer]]]
    list_in: Callable[[App, Collection[str], Scope], Awaitable[Sequence[Officer]]]


@dataclass(frozen=True, slots=True)
class Units:
    """Units of staff beside the departments: `list_all()` gives their names."""

    list_all: Callable[[], Awaitable[Collection[str]]]


STAFFING = ExtensionPoint("people.staffing", Staffing, key=lambda _: "the staffing")
UNITS = ExtensionPoint("people.units", Units, key=id)


async def is_unit(app: App, unit: str) -> bool:
    """Whether members of staff may belong to it."""
    if unit in app.city.departments:
        return True
    return any([unit in await one.list_all() for one in app.extensions(UNITS)])


async def require_officer(call: Call, scope: Scope) -> Officer:
    """The viewer as an officer with a scope. Raises LoginRequired and Forbidden."""
    viewer = call.require_scope(scope)
    found = await find_officers(call.app, [viewer.user_id])
    return officer_in(found, viewer.user_id)


def officer_in(officers: Mapping[UUID, Officer], person_id: UUID) -> Officer:
    """Somebody as an officer, of those who were found. Raises Forbidden."""
    officer = officers.get(person_id)
    if officer is None:
        raise Forbidden(NOT_ALLOWED)
    return officer


async def find_officers(app: App, people: Collection[UUID]) -> Mapping[UUID, Officer]:
    """Those of some people who are officers."""
    (staffing,) = app.extensions(STAFFING)
    return {officer.id: officer for officer in await staffing.find_all(app, people)}


async def list_officers(app: App, units: Collection[str], scope: Scope) -> Sequence[Officer]:
    """The officers of some units who have a scope, in the order of their ids."""
    (staffing,) = app.extensions(STAFFING)
    return await staffing.list_in(app, units, scope)
