"""What becomes of a pregnancy's plan: it opens, is corrected by a scan, and closes.

It closes with a birth, which opens the children's plans, or without one. Nothing is sent then, and
nobody is reminded of anything any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from core.clock import civil_date
from core.context.call import Call
from core.context.commands import claim_key
from core.database import Transaction, transaction
from core.errors import InvalidInput, NotFound
from core.ids import new_id
from core.refusal_texts import NOT_FOUND
from kinds import owned
from modules.health.programmes import service, store
from modules.health.programmes.infant.growth import Sex
from modules.health.programmes.infant.programme import INFANT, Infant
from modules.health.programmes.infant.service import WEEKS
from modules.health.programmes.maternal import texts
from modules.health.programmes.maternal.gestation import (
    TERM_DAYS,
    DatedBy,
    Gestation,
    from_last_period,
)
from modules.health.programmes.maternal.programme import MATERNAL, facts_of, gestation_of
from modules.health.programmes.models import Enrolment
from modules.health.programmes.service import Care, Joining

FETUSES_MOST = 5
BIRTH, LOSS = "BIRTH", "LOSS"
"""Why a pregnancy's plan is closed."""
_SCAN_WEEKS = (5, 42)


@dataclass(frozen=True, slots=True)
class Newborn:
    """A child that was born."""

    sex: Sex
    label: str = ""


def dates(last_period_on: date | None, due_on: date | None, fetuses: int, today: date) -> Gestation:
    """The dates of a pregnancy as somebody tells them. Raises InvalidInput."""
    if (last_period_on is None) == (due_on is None):
        raise InvalidInput(texts.ONE_DATE, "dueOn")
    if not 1 <= fetuses <= FETUSES_MOST:
        raise InvalidInput(texts.FETUSES_RANGE, "fetuses", most=FETUSES_MOST)
    if last_period_on is not None:
        if last_period_on > today:
            raise InvalidInput(texts.PERIOD_IN_FUTURE, "lastPeriodOn")
        gestation = from_last_period(last_period_on, fetuses)
        if gestation.due_on < today:
            raise InvalidInput(texts.PERIOD_TOO_LONG_AGO, "lastPeriodOn")
        return gestation
    assert due_on is not None
    if due_on < today:
        raise InvalidInput(texts.DUE_IN_PAST, "dueOn")
    if due_on > today + timedelta(days=TERM_DAYS):
        raise InvalidInput(texts.DUE_TOO_FAR, "dueOn")
    return Gestation(due_on, DatedBy.DUE_DATE, fetuses)


async def enrol(
    call: Call, last_period_on: date | None, due_on: date | None, fetuses: int, key: str
) -> Care:
    """Open the viewer's plan. Raises InvalidInput, and as `service.enrol` does."""
    today = civil_date(call.app.clock.now())
    gestation = dates(last_period_on, due_on, fetuses, today)
    row = await service.enrol(call, MATERNAL, Joining(facts_of(gestation)), key)
    return await service.read_one(call, MATERNAL, row.id)


async def correct(
    call: Call, enrolment_id: UUID, scan_on: date, weeks: int, days: int, key: str
) -> Care:
    """Note a scan; it moves the due date and the open visits where both differ too much.

    The same key does it once. Raises InvalidInput, NotFound, Forbidden CONSENT_REQUIRED.
    """
    today = civil_date(call.app.clock.now())
    least, most = _SCAN_WEEKS
    if scan_on > today or not least <= weeks <= most or not 0 <= days <= 6:
        raise InvalidInput(texts.SCAN_INVALID, "scanOn")
    command = {"enrolment": enrolment_id, "scan_on": scan_on, "weeks": weeks, "days": days}
    async with transaction() as tx:
        await service.require_consent(call, tx, MATERNAL)
        claim = await claim_key(call, tx, "correctDueDate", key, command)
        row = await _lock(call, tx, enrolment_id)
        if not claim.replayed:
            gestation = gestation_of(row.facts)
            if gestation.days_on(scan_on) < 0:
                raise InvalidInput(texts.SCAN_INVALID, "scanOn")
            corrected = gestation.corrected(scan_on, weeks * 7 + days)
            if corrected != gestation:
                await service.change_facts(call.app, tx, MATERNAL, row, facts_of(corrected))
    return await service.read_one(call, MATERNAL, enrolment_id)


async def report_birth(
    call: Call, enrolment_id: UUID, born_on: date, children: Sequence[Newborn], key: str
) -> tuple[Care, Sequence[Care]]:
    """Close the viewer's plan with a birth and open a plan for each child.

    The same key does it once. Raises InvalidInput for a day to come, before the plan or before 22
    weeks, NotFound for a plan that is closed, Forbidden CONSENT_REQUIRED; then nothing is written.
    """
    now = call.app.clock.now()
    command = {"enrolment": enrolment_id, "born_on": born_on, "children": list(children)}
    async with transaction() as tx:
        await service.require_consent(call, tx, MATERNAL)
        claim = await claim_key(call, tx, "reportBirth", key, command)
        if not claim.replayed:
            row = await _lock(call, tx, enrolment_id)
            gestation_days = _check_birth(row, born_on, children, civil_date(now))
            for number, child in enumerate(children):
                infant = Infant(
                    born_on, child.sex, gestation_days, str(row.id), is_first=number == 0
                )
                await _open_infant(call, tx, infant, child.label)
            await store.close(tx, row, BIRTH, now)
    care = await service.read_one(call, MATERNAL, enrolment_id)
    infants = await store.list_enrolments(call.subject_id, INFANT.service)
    mine = [one for one in infants if one.facts.get("mother") == str(enrolment_id)]
    return care, await service.gather(INFANT, sorted(mine, key=lambda one: one.id), now)


def _check_birth(row: Enrolment, born_on: date, children: Sequence[Newborn], today: date) -> int:
    """The days of gestation at a birth. Raises InvalidInput."""
    if not 1 <= len(children) <= FETUSES_MOST:
        raise InvalidInput(texts.CHILDREN_RANGE, "children", most=FETUSES_MOST)
    if born_on > today:
        raise InvalidInput(texts.BORN_IN_FUTURE, "bornOn")
    if born_on < row.enrolled_on:
        raise InvalidInput(texts.BIRTH_BEFORE_PLAN, "bornOn")
    days = gestation_of(row.facts).days_on(born_on)
    if days < WEEKS * 7:
        raise InvalidInput(texts.TOO_EARLY, "bornOn")
    return days


async def _open_infant(call: Call, tx: Transaction, infant: Infant, label: str) -> None:
    now = call.app.clock.now()
    row = await Enrolment.create(
        using_db=tx,
        id=new_id(),
        citizen_id=call.subject_id,
        programme=INFANT.service,
        label=owned.require_label(label),
        facts=infant.facts(),
        enrolled_on=infant.born_on,
        enrolled_at=now,
    )
    await service.open_plan(tx, INFANT, row, 0, now)


async def close_quietly(call: Call, enrolment_id: UUID, key: str) -> Care:
    """Close the viewer's plan without a birth. Nothing is asked, and nothing is sent.

    The same key does it once. Raises NotFound for a plan that is closed.
    """
    async with transaction() as tx:
        command = {"enrolment": enrolment_id}
        claim = await claim_key(call, tx, "closeMaternalCare", key, command)
        if not claim.replayed:
            row = await _lock(call, tx, enrolment_id)
            await store.close(tx, row, LOSS, call.app.clock.now())
    return await service.read_one(call, MATERNAL, enrolment_id)


async def _lock(call: Call, tx: Transaction, enrolment_id: UUID) -> Enrolment:
    row = await store.lock_open(tx, enrolment_id, citizen_id=call.subject_id)
    if row is None or row.programme != MATERNAL.service:
        raise NotFound(NOT_FOUND)
    return row
