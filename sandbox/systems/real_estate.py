"""The real-estate registry: what a person owns, whether it is mortgaged or seized."""

import random
from datetime import date, timedelta

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.households import address_zh
from sandbox.population.people import DemoPerson, Person
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, read_body, reply
from sandbox.shared.documents import REAL_ESTATE
from sandbox.shared.registry import Record, draw_for, record_operation

SCHEMA = """
CREATE TABLE real_estate_sold (resident_id TEXT PRIMARY KEY);
"""
BUSINESSES = (
    ("FIRST_REGISTRATION", "新建商品房首次转移登记", "First transfer of a new home",
     ("身份证", "商品房买卖合同", "购房发票", "契税完税凭证")),
    ("TRANSFER", "二手房转移登记", "Transfer of an existing home",
     ("买卖双方身份证", "不动产权证书", "买卖合同", "完税凭证")),
    ("MORTGAGE", "抵押登记", "Registration of a mortgage",
     ("身份证", "不动产权证书", "主债权合同", "抵押合同")),
    ("MORTGAGE_RELEASE", "抵押注销登记", "Release of a mortgage",
     ("身份证", "不动产登记证明", "债权消灭证明")),
)  # fmt: skip
"""Code, Chinese and English name, what to bring."""


class Seller(Body):
    """Who sells."""

    resident_id: str = Field(min_length=8, max_length=18)


async def list_businesses(request: Request, city: City) -> Response:
    """What can be registered at the hall, and what to bring for it."""
    return reply(
        {
            "businesses": [
                {"code": code, "name_zh": zh, "name_en": en, "materials_zh": list(materials)}
                for code, zh, en, materials in BUSINESSES
            ]
        }
    )


def _holdings(city: City, person: Person) -> Record | None:
    """One home for a demo adult, for others none, one or two; parents' mortgage included."""
    if person.age_on(city.today()) < 18:
        return None
    if city.state.one(
        "SELECT 1 FROM real_estate_sold WHERE resident_id = ?", (person.resident_id,)
    ):
        return None
    draw = draw_for(city, "real-estate", person)
    count = 1 if isinstance(person, DemoPerson) else draw.choice((0, 0, 1, 1, 2))
    holdings = [_holding(city, person, draw, number) for number in range(count)]
    return _nothing(city) | {"holdings": holdings}


async def sell(request: Request, city: City) -> Response:
    """Somebody sells all that they own."""
    seller = await read_body(request, Seller)
    city.state.run(
        "INSERT INTO real_estate_sold VALUES (?) ON CONFLICT DO NOTHING", (seller.resident_id,)
    )
    return reply({})


def _nothing(city: City) -> Record:
    return {"holdings": [], "as_of": city.today().isoformat()}


def _holding(city: City, person: Person, draw: random.Random, number: int) -> Record:
    registered_on = date(2016, 1, 1) + timedelta(days=draw.randrange(3500))
    serial = draw.randrange(10**7)
    where = person.household_no if number == 0 else 500_000 + draw.randrange(100_000)
    mortgaged = draw.random() < 0.4
    if isinstance(person, DemoPerson):
        mortgaged = person.key == "parent"
    ownership = "SOLE" if draw.random() < 0.5 else draw.choice(("JOINT", "SHARED"))
    owners = 1 if ownership == "SOLE" else 2
    return {
        "certificate_no": f"沙({registered_on.year})沙盒市不动产权第{serial:07d}号",
        "unit_no": f"990099{draw.randrange(10**13):013d}F{draw.randrange(10**8):08d}",
        "address_zh": address_zh(city.settings.seed, where),
        "use_zh": "住宅",
        "floor_area_m2": f"{draw.randint(5_000, 18_000) / 100:.2f}",
        "ownership": ownership,
        "owner_count": owners,
        "own_share": "1/2" if ownership == "SHARED" else None,
        "registered_on": registered_on.isoformat(),
        "mortgaged": mortgaged,
        "seized": not isinstance(person, DemoPerson) and draw.random() < 0.02,
    }


SYSTEMS = (
    System(
        name="real_estate",
        title_zh="不动产登记系统",
        title_en="Real-estate registry",
        schema=SCHEMA,
        operations=(
            record_operation(
                "query", "/real-estate/holdings/query", _holdings, _nothing, REAL_ESTATE
            ),
            Operation("list_businesses", "GET", "/real-estate/businesses", list_businesses),
        ),
        controls=(Operation("sell", "POST", "/_control/real-estate/sales", sell),),
    ),
)
