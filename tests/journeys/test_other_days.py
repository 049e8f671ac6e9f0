"""The whole house on other days than today: what knows a year must not end with it.

The journeys of every day walk on a leap day (conftest.py); these begin further off, and one house
lives through midnight into a year whose calendar nobody has published.
"""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from journeys.house import House

from core.clock import SHANGHAI

pytestmark = pytest.mark.soak

NEW_YEAR = datetime(2027, 1, 1, tzinfo=SHANGHAI)
DAYS = [
    datetime(2027, 1, 10, 9, tzinfo=SHANGHAI),
    datetime(2028, 1, 2, 9, tzinfo=SHANGHAI),
]
LAST_SLOT = """
    SELECT max(starts_at) AS at FROM appointments_slot
     WHERE service_id = 'exit-entry-appointment' AND cancelled_at IS NULL"""


def walk(house: House) -> None:
    """Every service and every step of the demo."""
    for command in (("services", "check"), ("demo",)):
        done = house.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("at", DAYS, ids=lambda at: f"{at:%Y-%m-%d}")
def test_everything_works_on_another_day(at: datetime, tmp_path: Path) -> None:
    with House(tmp_path, at=at) as house:
        walk(house)


async def test_a_house_lives_into_a_new_year(tmp_path: Path) -> None:
    with House(tmp_path, at=NEW_YEAR - timedelta(minutes=2)) as house:
        walk(house)
        [before] = await house.query(LAST_SLOT)
        published_at = NEW_YEAR + timedelta(seconds=75)  # by the schedule of 00:01
        await asyncio.sleep(max(0.0, (published_at - house.clock.now()).total_seconds()))
        walk(house)
        [after] = await house.query(LAST_SLOT)
        assert after["at"] > before["at"]
