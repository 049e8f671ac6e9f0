"""Opening the plan of a small child."""

from datetime import date
from uuid import UUID

from core.clock import civil_date
from core.context.call import Call
from core.errors import InvalidInput
from modules.health.programmes import service
from modules.health.programmes.infant import texts
from modules.health.programmes.infant.programme import INFANT, UNTIL_YEARS, Infant
from modules.health.programmes.service import Joining

WEEKS, LATEST_WEEKS = 22, 44
"""The shortest pregnancy that ends in a birth (ICD-10: 22 full weeks), and the longest taken."""


async def enrol(call: Call, infant: Infant, label: str, key: str) -> UUID:
    """Open a child's plan for the viewer. Raises InvalidInput, and as `service.enrol` does."""
    require_child(infant.born_on, civil_date(call.app.clock.now()))
    row = await service.enrol(call, INFANT, Joining(infant.facts(), label), key)
    return row.id


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
