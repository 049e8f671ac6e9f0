"""Family doctors: what is refused, what answers an alert, who is told, who sees the look."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database.models import AccessLog
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.ids import new_id
from core.people.data_rights import export_person
from core.people.personal_read import withdraw_consent
from core.security.authentication import Viewer
from core.telemetry.call_counts import tallying
from modules.health.programmes.domain import Goal, Quantity
from modules.health.programmes.hypertension.programme import HYPERTENSION
from modules.health.programmes.jobs import remind
from modules.health.programmes.models import Alert, CarePlan, Enrolment, FollowUp
from modules.health.programmes.staff import desk
from modules.health.programmes.staff.desk import PlanChange
from notifications.messages.models import Message
from tests.conftest import NOON
from tests.modules.health.programmes.world import consent, join, measure, pressure, rows

MakeCall = Callable[..., Call]
GOALS = (Goal(Quantity.SYSTOLIC, below=130), Goal(Quantity.DIASTOLIC, below=80))
CHANGE = PlanChange(1, GOALS, 2, "少盐")


@pytest.fixture
async def doctor(call: MakeCall, citizen: Callable[..., Awaitable[Viewer]]) -> Call:
    """A family doctor."""
    return call(user_id=(await citizen()).user_id, level=1, roles=frozenset({"family_doctor"}))


@pytest.fixture
async def me(call: MakeCall, citizen: Callable[..., Awaitable[Viewer]]) -> Call:
    """A citizen."""
    return call(user_id=(await citizen()).user_id, level=2)


@pytest.fixture
async def enrolment(me: Call) -> Enrolment:
    """Their part in a programme, with an urgent alert."""
    row = await join(me, HYPERTENSION, "the-first-key")
    await measure(me, HYPERTENSION, row, pressure(185, 100))
    return row


async def test_a_new_plan_answers_the_alerts_and_is_told_once(
    app: App, me: Call, doctor: Call, enrolment: Enrolment
) -> None:
    ((alert, row),) = await desk.list_open(doctor, first=10, after=None)
    assert (alert.rule, row.id) == ("HYPERTENSION_URGENT", enrolment.id)
    for _ in range(2):
        opened = await desk.change_plan(doctor, enrolment.id, CHANGE, "the-first-key")
        assert (opened.care.plan.version, opened.care.plan.every_days) == (2, 2)
    assert await desk.list_open(doctor, first=10, after=None) == []
    assert await CarePlan.all().count() == 2
    told = await Message.filter(person_id=me.subject_id).order_by("position")
    assert [one.template for one in told] == ["health.care_alert", "health.care_plan"]
    plans = (await export_person(app, me.subject_id))["health"].data["care_plans"]
    assert [plan["note"] for plan in plans] == [None, "少盐"]
    looks = await AccessLog.filter(subject_id=me.subject_id, actor_role="family_doctor")
    assert {look.basis_ref for look in looks} == {f"care:{enrolment.id}"}
    with pytest.raises(Conflict, match="CARE_PLAN_CHANGED"):  # seen before it was changed
        await desk.change_plan(doctor, enrolment.id, CHANGE, "the-second-key")


WRONG = [
    (PlanChange(1, GOALS, 0, ""), "CARE_EVERY_DAYS_RANGE"),
    (PlanChange(1, GOALS, 91, ""), "CARE_EVERY_DAYS_RANGE"),
    (PlanChange(1, GOALS, 1, "少" * 501), "CARE_NOTE_TOO_LONG"),
    (PlanChange(1, (Goal(Quantity.HBA1C, below=7),), 1, ""), "CARE_GOAL_INVALID"),
    (PlanChange(1, (Goal(Quantity.SYSTOLIC),), 1, ""), "CARE_GOAL_INVALID"),
    (PlanChange(1, (Goal(Quantity.SYSTOLIC, 140, 120),), 1, ""), "CARE_GOAL_INVALID"),
]


async def test_a_plan_that_cannot_be_is_refused(doctor: Call, enrolment: Enrolment) -> None:
    before = await rows()
    for change, code in WRONG:
        with pytest.raises(InvalidInput, match=code):
            await desk.change_plan(doctor, enrolment.id, change, "the-first-key")
    assert await rows() == before
    assert await Alert.filter(handled_at=None).count() == 1


async def test_a_visit_is_booked_moved_and_kept_once(
    app: App, me: Call, doctor: Call, enrolment: Enrolment, clock: ManualClock
) -> None:
    visit = await FollowUp.get(code__startswith="recheck")
    for place, at, code in (
        ("", NOON + timedelta(days=1), "CARE_PLACE_INVALID"),
        ("x" * 65, NOON + timedelta(days=1), "CARE_PLACE_INVALID"),
        ("中心", NOON, "CARE_BOOKED_IN_PAST"),
    ):
        with pytest.raises(InvalidInput, match=code):
            await desk.book(doctor, visit.id, at, place, "the-bad-key")
    for days in (2, 3):
        await desk.book(doctor, visit.id, NOON + timedelta(days=days), "中心", f"booking-{days}")
    kept = await FollowUp.get(id=visit.id)
    assert (kept.state, kept.booked_at) == ("BOOKED", NOON + timedelta(days=3))
    await desk.keep(doctor, visit.id, "the-last-key")
    with pytest.raises(Conflict, match="CARE_FOLLOW_UP_CLOSED"):
        await desk.book(doctor, visit.id, NOON + timedelta(days=4), "中心", "the-late-key")
    templates = [one.template for one in await Message.filter(person_id=me.subject_id)]
    assert sorted(templates) == ["health.care_alert", "health.care_booked", "health.care_booked"]
    clock.move(timedelta(days=40))
    await remind(app)  # of a kept visit nobody is reminded; of the silence once
    assert await Message.filter(template="health.care_recall").count() == 0


async def test_a_missed_visit_is_recalled_once(
    app: App, me: Call, enrolment: Enrolment, clock: ManualClock
) -> None:
    clock.move(timedelta(days=22))
    for _ in range(3):
        await remind(app)
        clock.move(timedelta(days=1))
    assert await Message.filter(template="health.care_recall").count() == 1
    assert await Message.filter(template="health.care_measure").count() == 1


async def test_without_consent_no_doctor_sees_or_changes_a_care(
    me: Call, doctor: Call, citizen: Callable[..., Awaitable[Viewer]], call: MakeCall
) -> None:
    gone = await join(me, HYPERTENSION, "the-first-key")
    await measure(me, HYPERTENSION, gone, pressure(185, 100))
    other = call(user_id=(await citizen()).user_id, level=2)
    stays = await join(other, HYPERTENSION, "the-first-key")
    await measure(other, HYPERTENSION, stays, pressure(185, 100))
    visit = await FollowUp.get(enrolment_id=gone.id, code__startswith="recheck")
    assert len(await desk.list_open(doctor, first=10, after=None)) == 2
    await withdraw_consent(me, HYPERTENSION.purpose.id)
    before = await rows()
    for first in (1, 10):  # a page is full though its first alert is left out
        ((_, shown),) = await desk.list_open(doctor, first=first, after=None)
        assert shown.id == stays.id
    for refused in (
        desk.open_care(doctor, gone.id),
        desk.change_plan(doctor, gone.id, CHANGE, "the-first-key"),
        desk.book(doctor, visit.id, NOON + timedelta(days=2), "中心", "the-booking-key"),
        desk.keep(doctor, visit.id, "the-keeping-key"),
    ):
        with pytest.raises(NotFound):
            await refused
    assert (await rows(), (await FollowUp.get(id=visit.id)).state) == (before, visit.state)
    looks = AccessLog.filter(subject_id=me.subject_id, actor_role="family_doctor")
    assert await looks.count() == 0
    await consent(me.app, me.subject_id, HYPERTENSION)
    assert (await desk.open_care(doctor, gone.id)).care.enrolment.id == gone.id


async def test_a_page_of_alerts_costs_no_more_for_those_who_agree_no_more(
    me: Call, doctor: Call, enrolment: Enrolment
) -> None:
    now = me.app.clock.now()
    gone = [
        Enrolment(
            id=new_id(), citizen_id=new_id(), programme=enrolment.programme, label="", facts={},
            enrolled_on=enrolment.enrolled_on, enrolled_at=now,
        )
        for _ in range(50)
    ]  # fmt: skip
    await Enrolment.bulk_create(gone)
    await Alert.bulk_create(
        Alert(id=new_id(), enrolment_id=row.id, citizen_id=row.citizen_id,
              rule="HYPERTENSION_URGENT", severity="URGENT", raised_at=now)
        for row in gone
    )  # fmt: skip
    with tallying() as tally:
        ((_, shown),) = await desk.list_open(doctor, first=2, after=None)
    assert shown.id == enrolment.id
    assert tally.sql <= 3


async def test_who_is_no_doctor_or_is_the_patient_reaches_nothing(
    call: MakeCall, me: Call, doctor: Call, enrolment: Enrolment
) -> None:
    for roles in ("department_officer", "operator"):
        other = call(level=1, roles=frozenset({roles}))
        with pytest.raises(Forbidden):
            await desk.open_care(other, enrolment.id)
        with pytest.raises(Forbidden):
            await desk.list_open(other, first=10, after=None)
    own = call(user_id=me.subject_id, level=2, roles=frozenset({"family_doctor"}))
    with pytest.raises(NotFound):
        await desk.change_plan(own, enrolment.id, CHANGE, "the-first-key")
    assert await CarePlan.all().count() == 1
