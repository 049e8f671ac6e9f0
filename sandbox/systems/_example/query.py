"""A registry with one record per grown-up."""

from datetime import date

from sandbox.population.people import Person
from sandbox.server.system import City, System
from sandbox.shared.registry import Record, draw_for, not_found, record_operation

GROWN_UP_YEARS = 18


def _record(city: City, person: Person) -> Record | None:
    """The record of a person, valid for this year or the next."""
    today = city.today()
    if person.age_on(today) < GROWN_UP_YEARS:
        return None
    draw = draw_for(city, "example_query", person)
    return {
        "record_no": f"R{draw.randrange(10**9):09d}",
        "status": "VALID",
        "valid_until": date(today.year + draw.randint(0, 1), 12, 31).isoformat(),
    }


_ABSENT = not_found("NO_RECORD", "没有该人员的记录 / no record of this person")

SYSTEMS = (
    System(
        name="example_query",
        title_zh="示例查询",
        title_en="Example query",
        operations=(
            record_operation("find_record", "/example-query/records/query", _record, _ABSENT),
        ),
    ),
)
