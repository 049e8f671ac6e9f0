"""What `quancheng new service` refuses, in one line; making one is tests/test_service_64.py."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bff.commands.new_service import refuse, tile_of
from bff.commands.service_files import Wanted, plan
from core.catalogue import Service, ServiceKind, Theme
from core.errors import StartError
from core.manifest import Manifest, discover
from tests.conftest import ROOT

GOOD = Wanted("pool-hours", "query", "community", "泳池开放时间", "Pool hours")
CATALOGUE = Path("modules/services.csv")
A_NAME = "a name is at most 40 plain characters"


@pytest.fixture(scope="module")
def product() -> Sequence[Manifest]:
    """Every manifest."""
    return discover(examples=True)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"id": "Pool-Hours"}, "Pool-Hours: an id is kebab-case, at most 28 characters"),
        ({"id": "pool--hours"}, "pool--hours: an id is kebab-case, at most 28 characters"),
        ({"id": "import"}, "import: an id is kebab-case, at most 28 characters"),
        ({"id": "p" * 29}, f"{'p' * 29}: an id is kebab-case, at most 28 characters"),
        ({"id": "housing-fund-query"}, "housing-fund-query is in the catalogue already"),
        ({"kind": "booking"}, "booking: a kind is query, subscription, payment"),
        ({"module": "_example"}, "_example: a module is snake_case"),
        ({"name_en": 'Pool "hours"'}, f'Pool "hours": {A_NAME}'),
        ({"name_zh": ""}, f": {A_NAME}"),
        ({"id": "pension", "module": "welfare"}, "modules/welfare/pension is there already"),
        ({"id": "parking"}, "sandbox/systems/parking.py is there already"),
    ],
)
def test_what_cannot_be_made_is_refused(
    product: Sequence[Manifest], changed: dict[str, str], line: str
) -> None:
    refuse(ROOT, product, GOOD)
    with pytest.raises(StartError) as refused:
        refuse(ROOT, product, replace(GOOD, **changed))
    assert str(refused.value) == line


def test_a_planned_service_takes_its_own_line_and_is_living_then(
    product: Sequence[Manifest],
) -> None:
    tile = Service(
        *(63, "pool-hours", "泳池", "Pool", Theme.SAFETY, ServiceKind.QUERY, "water", 2),
        for_others=True,
    )
    planned = [
        replace(one, services=(*one.services, tile)) if one.name == GOOD.module else one
        for one in product
    ]
    refuse(ROOT, planned, GOOD)
    made = plan(ROOT, planned, GOOD, tile_of(planned, GOOD, None, None))[CATALOGUE]
    before = (ROOT / CATALOGUE).read_text("utf-8").splitlines()
    changed = set(made.splitlines()) - set(before)
    assert changed == {"63,pool-hours,泳池,Pool,SAFETY,QUERY,water,2,LIVE,,,yes,community"}
    assert len(made.splitlines()) == len(before)
    with pytest.raises(StartError) as refused:
        refuse(ROOT, planned, replace(GOOD, kind="payment"))
    line = "planned as QUERY of level 2 in community, not as PAYMENT of level 2 in community"
    assert str(refused.value) == f"pool-hours is {line}"


def test_a_name_of_the_schema_is_refused(product: Sequence[Manifest]) -> None:
    taken = replace(GOOD, id="viewer")
    with pytest.raises(StartError) as refused:
        plan(ROOT, product, taken, tile_of(product, taken, None, None))
    assert str(refused.value) == "viewer: the schema has Viewer already"


def test_theme_and_department_are_the_modules_unless_given(product: Sequence[Manifest]) -> None:
    welfare = tile_of(product, replace(GOOD, module="welfare"), None, None)
    assert (welfare.theme, welfare.department) == (Theme.LOVE_CITY, "housing_fund")
    given = tile_of(product, GOOD, "SAFETY", "water")
    assert (given.theme, given.department) == (Theme.SAFETY, "water")
    themes = "GOVERNMENT, MOBILITY, HEALTH, COMMUNITY, LOVE_CITY, SAFETY, FINANCE"
    for wrong, line in [
        (("SPORT", None), f"SPORT: a theme is {themes}"),
        ((None, "sport"), "sport: jinan has no such department"),
    ]:
        with pytest.raises(StartError) as refused:
            tile_of(product, GOOD, *wrong)
        assert str(refused.value) == line
