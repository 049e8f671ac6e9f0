"""A small child's plan is its own: opened for it, handed over to it, told to its guardians."""

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest

from core.context.app import App
from core.context.call import Call
from core.errors import AppError, Conflict, Forbidden, InvalidInput, NotFound
from core.ids import new_id, resident_id_check_digit
from core.people.mandates import act_for
from modules.health.programmes import service
from modules.health.programmes.domain import Quantity
from modules.health.programmes.infant import service as infants
from modules.health.programmes.infant.growth import Sex
from modules.health.programmes.infant.programme import INFANT, Infant
from modules.health.programmes.jobs import remind
from modules.health.programmes.models import Enrolment
from modules.identity.models import Citizen, Mandate
from notifications.messages.models import Message
from tests.modules.health.programmes.world import TABLES, consent, join, make_due, measure
from tests.people import make_citizen

MakeCall = Callable[..., Call]
BORN_ON = date(2026, 8, 10)
KEY = "give-key-1"


def _number(sequence: int) -> str:
    body = f"370102{BORN_ON:%Y%m%d}{sequence:03d}"
    return body + resident_id_check_digit(body)


async def _adult(app: App, call: MakeCall) -> Call:
    viewer = await make_citizen(app, level=2, name="甄示范", locale="zh")
    return call(user_id=viewer.user_id, level=2, session_id=viewer.session_id)


async def _child(app: App, guardians: list[Call], sequence: int = 1) -> UUID:
    """A child without a phone."""
    viewer = await make_citizen(app, level=2, name="甄小宝", locale="zh", number=_number(sequence))
    await Citizen.filter(id=viewer.user_id).update(phone_index=None, phone_sealed=None)
    for guardian in guardians:
        await Mandate.create(
            id=new_id(),
            kind="guardian",
            actor_id=guardian.subject_id,
            subject_id=viewer.user_id,
            state="active",
            proposed_at=app.clock.now(),
            confirmed_at=app.clock.now(),
            ends_at=app.clock.now() + timedelta(days=6000),
        )
    return viewer.user_id


async def _owners() -> set[UUID]:
    return {row.citizen_id for table in TABLES for row in await table.all()}


async def test_a_plan_becomes_the_childs_with_everything_in_it(app: App, call: MakeCall) -> None:
    mother, father = await _adult(app, call), await _adult(app, call)
    plan = await join(mother, INFANT, "join-key-1", Infant(BORN_ON, Sex.MALE).facts())
    await measure(mother, INFANT, plan, {Quantity.WEIGHT: 3.0})
    child_id = await _child(app, [mother, father])
    child = await act_for(mother, child_id)
    with pytest.raises(Forbidden):
        await infants.give_plan(mother, child, plan.id, KEY)
    await consent(app, child_id, INFANT)
    await infants.give_plan(mother, child, plan.id, KEY)
    await infants.give_plan(mother, child, plan.id, KEY)  # once
    assert await _owners() == {child_id}
    (care,) = await service.read_care(child, INFANT)
    assert (care.enrolment.id, len(care.measured), len(care.alerts)) == (plan.id, 1, 1)
    assert await service.read_care(mother, INFANT) == []
    await Message.all().delete()
    await make_due(date(2026, 11, 23))
    await remind(app)
    told = {row.person_id for row in await Message.all()}
    assert told == {mother.subject_id, father.subject_id}


@pytest.mark.parametrize("whose", ["birth", "stranger's", "closed", "second"])
async def test_what_does_not_go_together_is_refused_and_nothing_moves(
    app: App, call: MakeCall, whose: str
) -> None:
    mother, stranger = await _adult(app, call), await _adult(app, call)
    child = await act_for(mother, await _child(app, [mother]))
    await consent(app, child.subject_id, INFANT)
    born_on = BORN_ON - timedelta(days=whose == "birth")
    owner = stranger if whose == "stranger's" else mother
    plan = await join(owner, INFANT, "join-key-1", Infant(born_on, Sex.MALE).facts())
    if whose == "closed":
        await Enrolment.filter(id=plan.id).update(closed_at=app.clock.now(), close_reason="LOSS")
    if whose == "second":
        await infants.enrol(child, Infant(BORN_ON, Sex.MALE), "", "own-plan-1")
    refusal: type[AppError] = {"birth": InvalidInput, "second": Conflict}.get(whose, NotFound)
    before = await _owners()
    with pytest.raises(refusal):
        await infants.give_plan(mother, child, plan.id, KEY)
    assert await _owners() == before
    assert (await Enrolment.get(id=plan.id)).citizen_id == owner.subject_id


async def test_a_guardian_opens_and_ends_a_childs_one_plan(app: App, call: MakeCall) -> None:
    mother = await _adult(app, call)
    child = await act_for(mother, await _child(app, [mother]))
    await consent(app, child.subject_id, INFANT)
    with pytest.raises(InvalidInput):
        await infants.enrol(child, Infant(BORN_ON - timedelta(days=1), Sex.MALE), "", KEY)
    plan_id = await infants.enrol(child, Infant(BORN_ON, Sex.MALE), "", KEY)
    with pytest.raises(Conflict) as refused:
        await infants.enrol(child, Infant(BORN_ON, Sex.MALE), "", "another-key")
    assert refused.value.code == "INFANT_HAS_PLAN"
    with pytest.raises(NotFound):
        await service.leave(mother, INFANT, plan_id, "leave-key-1")
    await service.leave(child, INFANT, plan_id, "leave-key-2")
    assert await _owners() == set()
