"""What the matrix of access tries the ids of care programmes with."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.ids import new_id
from core.security.authentication import Viewer
from modules.health.programmes.diabetes.programme import DIABETES
from modules.health.programmes.hypertension.programme import HYPERTENSION
from modules.health.programmes.infant.programme import INFANT
from modules.health.programmes.maternal.programme import MATERNAL
from modules.health.programmes.models import FollowUp
from modules.health.programmes.programme import Programme
from tests.modules.health.programmes.world import join


async def objects_of(app: App, who: Viewer) -> Mapping[str, UUID]:
    """One enrolment of each programme, by "field.argument"."""
    call = Call(app, Deadline.after(5), "objects", viewer=who)

    async def enrolment(programme: Programme, facts: Mapping[str, Any] | None = None) -> UUID:
        return (await join(call, programme, f"key-{new_id().hex}", facts)).id

    hypertension, diabetes = await enrolment(HYPERTENSION), await enrolment(DIABETES)
    pregnancy = {"due_on": "2027-03-08", "dated_by": "LAST_PERIOD", "fetuses": 1}
    maternal = await enrolment(MATERNAL, pregnancy)
    infant = await enrolment(INFANT, {"born_on": "2026-01-10", "sex": "MALE"})
    visit = await FollowUp.filter(enrolment_id=hypertension).first()
    assert visit is not None
    return {
        "staffCare.enrolmentId": hypertension,
        "changeCarePlan.enrolmentId": hypertension,
        "bookCareFollowUp.followUpId": visit.id,
        "keepCareFollowUp.followUpId": visit.id,
        "recordBloodPressure.enrolmentId": hypertension,
        "leaveHypertensionCare.enrolmentId": hypertension,
        "recordGlucose.enrolmentId": diabetes,
        **{
            f"{field}.enrolmentId": maternal
            for field in (
                "recordPregnancy",
                "correctDueDate",
                "reportBirth",
                "closeMaternalCare",
                "leaveMaternalCare",
            )
        },
        "recordGrowth.enrolmentId": infant,
        "leaveInfantCare.enrolmentId": infant,
        "giveInfantPlan.enrolmentId": infant,
        "giveInfantPlan.childId": who.user_id,
        "leaveDiabetesCare.enrolmentId": diabetes,
    }
