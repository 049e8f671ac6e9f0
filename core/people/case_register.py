"""Which cases there are: what lets a member of staff look at a person is looked up, not typed.

A wing that has cases gives a `CaseRegister`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from core.context.app import App
from core.rooms import ExtensionPoint


@dataclass(frozen=True, slots=True)
class CaseRegister:
    """`concerns(app, case_no, person_id, unit)`: whether a case of this number is about the person,
    and the unit works or worked on it."""

    concerns: Callable[[App, str, UUID, str], Awaitable[bool]]


CASE_REGISTERS = ExtensionPoint("people.cases", CaseRegister, key=id)


async def concerns(app: App, case_no: str, person_id: UUID, unit: str) -> bool:
    """Whether any wing has such a case."""
    for register in app.extensions(CASE_REGISTERS):
        if await register.concerns(app, case_no, person_id, unit):
            return True
    return False
