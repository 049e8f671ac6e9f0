"""Opening the plan of a small child, and handing it over to the child once it is registered."""

from dataclasses import replace
from datetime import date
from uuid import UUID

from core.clock import civil_date
from core.context.call import Call
from core.context.commands import claim_key
from core.database import lock_name, transaction
from core.errors import Conflict, InvalidInput, NotFound
from core.people.directory import get_person
from core.refusal_texts import NOT_FOUND
from modules.health.programmes import service, store
from modules.health.programmes.infant import texts
from modules.health.programmes.infant.programme import INFANT, SERVICE, UNTIL_YEARS, Infant
from modules.health.programmes.programme import Programme
from modules.health.programmes.service import Joining

WEEKS, LATEST_WEEKS = 22, 44
"""The shortest pregnancy that ends in a birth (ICD-10: 22 full weeks), and the longest taken."""


async def enrol(call: Call, infant: Infant, label: str, key: str) -> UUID:
    """Open a plan for a child of the viewer's, or for the person of the child that they act for.

    Raises InvalidInput, Conflict where that person has one, and as `service.enrol` does.
    """
    require_child(infant.born_on, civil_date(call.app.clock.now()))
    if call.mandate is not None:
        await _require_birth_date(call, infant)
    row = await service.enrol(call, _programme_of(call), Joining(infant.facts(), label), key)
    return row.id


def _programme_of(call: Call) -> Programme:
    """A parent without registered children may have several plans; a child has one."""
    if call.mandate is None:
        return INFANT
    subscription = INFANT.subscription
    rows = replace(subscription.rows, most=1, too_many=texts.HAS_PLAN)
    return replace(INFANT, subscription=replace(subscription, rows=rows))


async def give_plan(call: Call, child: Call, enrolment_id: UUID, key: str) -> None:
    """Make a plan that stands under its mother's or father's account the child's own.

    `child` is the viewer's call for the child that they guard. The same key does it once. Raises
    NotFound for a plan that is closed or not the viewer's, InvalidInput for a child with another
    birth date, Conflict where it has a plan, Forbidden without its consent; then nothing changes.
    """
    async with transaction() as tx:
        await service.require_consent(child, tx, INFANT)
        command = {"enrolment": enrolment_id, "child": child.subject_id}
        claim = await claim_key(call, tx, "giveInfantPlan", key, command)
        if claim.replayed:
            return
        await lock_name(tx, f"health_enrolment:{child.subject_id}")
        row = await store.lock_open(tx, enrolment_id, citizen_id=call.subject_id)
        if row is None or row.programme != SERVICE:
            raise NotFound(NOT_FOUND)
        await _require_birth_date(child, Infant.of(row.facts))
        if await store.has_open(tx, child.subject_id, SERVICE):
            raise Conflict(texts.HAS_PLAN)
        await store.give(tx, row, child.subject_id)


async def _require_birth_date(call: Call, infant: Infant) -> None:
    person = await get_person(call.app, call.subject_id)
    if person.born_on != infant.born_on:
        raise InvalidInput(texts.OTHER_BIRTH_DATE, "bornOn")


def require_child(born_on: date, today: date) -> None:
    """Raise InvalidInput for a birth that is to come, or for a child who is too old."""
    if born_on > today:
        raise InvalidInput(texts.BORN_IN_FUTURE, "bornOn")
    years = today.year - born_on.year - ((today.month, today.day) < (born_on.month, born_on.day))
    if years >= UNTIL_YEARS:
        raise InvalidInput(texts.TOO_OLD, "bornOn", years=UNTIL_YEARS)


def gestation_days(weeks: int | None, days: int) -> int | None:
    """How long a pregnancy was, in days; None where that is not known. Raises InvalidInput."""
    if weeks is None:
        return None
    if not WEEKS <= weeks <= LATEST_WEEKS or not 0 <= days <= 6:
        raise InvalidInput(texts.GESTATION_RANGE, "gestationWeeks")
    return weeks * 7 + days
