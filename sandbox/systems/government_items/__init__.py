"""The registry of government items: what can be applied for, by whom, with what, how fast."""

import random
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.institutions import departments
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import reply
from sandbox.shared.registry import Record
from sandbox.systems.government_items.guides import guide
from sandbox.systems.government_items.matters import Matter, department_uscc, life_events, matters

BASE = "/government-items/items"
WITHDRAWN_ON = "2024-07-01"
VERSION = "2026-11-01"


async def export(request: Request, city: City) -> Response:
    """The whole registry in one answer; 304 to who has this version."""
    tag = f'"{VERSION}:{city.settings.seed}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return reply(registry(city.settings.seed), headers={"ETag": tag})


@lru_cache(maxsize=2)
def registry(seed: int) -> Record:
    """Every department, life event and item, the withdrawn ones last."""
    codes = {matter.name_zh: matter.code for matter in matters()}
    named = departments()
    return {
        "version": VERSION,
        "departments": [
            one | {"uscc": department_uscc(number)} for number, one in enumerate(named, 1)
        ],
        "life_events": [
            {
                "code": event.id,
                "name": {"zh": event.name_zh, "en": event.name_en},
                "item_codes": [codes[name] for name in event.items],
            }
            for event in life_events()
        ],
        "items": [_item(seed, matter, codes, named) for matter in matters()],
    }


def _item(seed: int, matter: Matter, codes: dict[str, str], named: list[Record]) -> Record:
    draw = random.Random(f"{seed}:item:{matter.name_zh}")
    department = named[matter.department_no - 1]
    return {
        "item_code": matter.code,
        "item_no": matter.number,
        "name_zh": matter.name_zh,
        "department_code": department["code"],
        "theme_zh": matter.theme_zh,
        "status": "WITHDRAWN" if matter.is_withdrawn else "IN_FORCE",
        "withdrawn_on": WITHDRAWN_ON if matter.is_withdrawn else None,
        "successor_code": codes[matter.successor_zh] if matter.successor_zh else None,
        **guide(matter, draw, str(department["name_zh"])),
    }


SYSTEMS = (
    System(
        name="government_items",
        title_zh="政务服务事项库",
        title_en="Registry of government items",
        operations=(Operation("export", "GET", BASE, export),),
    ),
)
