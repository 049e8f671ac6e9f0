"""Joining a programme for adults."""

from core.clock import civil_date
from core.context.call import Call
from core.errors import InvalidInput
from modules.health.programmes import service, texts
from modules.health.programmes.programme import Programme
from modules.health.programmes.service import Care, Joining

ADULT_FROM = 18
"""国家基层高血压防治管理指南 and 国家基层糖尿病防治管理指南 are for people of 18 years and more."""


async def join_as_adult(call: Call, programme: Programme, key: str) -> Care:
    """Enrol the viewer. Raises InvalidInput below 18 years, and as `service.enrol` does."""
    age = await service.age_of(call, civil_date(call.app.clock.now()))
    if age < ADULT_FROM:
        raise InvalidInput(texts.TOO_YOUNG, age=ADULT_FROM)
    enrolment = await service.enrol(call, programme, Joining({}, age=age), key)
    return await service.read_one(call, programme, enrolment.id)
