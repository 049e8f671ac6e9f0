"""Emergency shelters as a layer of the one map."""

import random

from sandbox.server.system import City, System
from sandbox.shared.features import feature, items_operation
from sandbox.shared.registry import Record

SHELTER_COUNT = 60
CLOSED_SHELTER = "sh09"
HAZARDS = ("EARTHQUAKE", "FLOOD", "FIRE", "HEAT", "COLD")
_KINDS = (("公园", "Park", "OUTDOOR"), ("学校", "School", "INDOOR"), ("体育馆", "Gym", "INDOOR"))


def shelters(city: City) -> list[Record]:
    """Every shelter."""
    return [_shelter(city, number) for number in range(1, SHELTER_COUNT + 1)]


def _shelter(city: City, number: int) -> Record:
    draw = random.Random(f"{city.settings.seed}:shelter:{number}")
    at, (zh, en, kind) = city.geography.somewhere(draw), draw.choice(_KINDS)
    hazards = sorted(draw.sample(HAZARDS, draw.randint(1, 3)))
    shelter_id = f"sh{number:02d}"
    return feature(
        shelter_id,
        {"type": "Point", "coordinates": [at.lon, at.lat]},
        {
            "name_zh": f"示范{number}号{zh}", "name_en": f"Shifan {en} {number}", "kind": kind,
            "address_zh": f"沙盒市示范路{number}号", "capacity": draw.randrange(200, 20_000, 100),
            "hazards": hazards, "barrier_free": draw.random() < 0.7,
            "contact_phone": f"0531-8{draw.randrange(10**7):07d}",
            "open": shelter_id != CLOSED_SHELTER,
        },
    )  # fmt: skip


SYSTEMS = (
    System(
        name="shelters",
        title_zh="应急避难场所图层",
        title_en="Emergency shelters",
        operations=(items_operation("/shelters", "shelters", shelters),),
    ),
)
