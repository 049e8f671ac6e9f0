"""Rooms: what a wing declares is found there by its type, once, and nothing is forgotten."""

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from core.context.contributions import HOME_CARDS, ROUTES, SEEDS
from core.errors import StartError
from core.manifest import Manifest
from core.queue.events import SUBSCRIBERS
from core.queue.jobs import JOBS
from core.rooms import ExtensionPoint, classes_of, models_of, points_of, room_names
from core.states import MACHINES
from tests.wings import Plant


@dataclass(frozen=True)
class Bell:
    """Something that wings give."""

    name: str


BELLS = ExtensionPoint("bells", Bell, key=lambda bell: bell.name)
IMPORT = "from tests.core.test_rooms import BELLS, Bell\n"


def test_a_declaration_is_found_wherever_it_is_and_once(plant: Plant) -> None:
    first = plant(
        "first",
        {
            "bells": IMPORT
            + 'LOW = Bell("low")\nMANY = (Bell("a"), Bell("b"))\n_OWN = Bell("own")',
            "folder.__init__": "",
            "folder.inner": f'{IMPORT}HIGH = Bell("high")',
        },
        rooms=("folder", "bells"),
    )
    second = plant("second", {"more": f"from {first.package}.bells import LOW\n"})
    wings = (first, second)
    assert [(m.name, bell.name) for m, bell in BELLS.owned(wings)] == [
        ("first", "high"),
        ("first", "low"),
        ("first", "a"),
        ("first", "b"),
    ]
    assert BELLS in points_of(wings)


def test_two_of_one_key_refuse_to_start(plant: Plant) -> None:
    wings = [plant(name, {"bells": f'{IMPORT}A = Bell("a")'}) for name in ("one", "two")]
    with pytest.raises(StartError) as refused:
        BELLS.of(wings)
    assert str(refused.value) == "declared twice, bells: a"


def test_two_points_of_one_name_refuse_to_start(plant: Plant) -> None:
    source = 'from core.rooms import ExtensionPoint\nMINE = ExtensionPoint("bells", int, key=id)\n'
    with pytest.raises(StartError) as refused:
        points_of((plant("wing", {"points": IMPORT + source}),))
    assert str(refused.value) == "declared twice, extension point: bells"


@pytest.mark.parametrize("room", ["remindrs", "bells.inner", "nowhere.at.all"])
def test_a_room_that_does_not_exist_refuses_to_start(plant: Plant, room: str) -> None:
    wing = plant("wing", {"bells": ""}, rooms=("bells", room))
    with pytest.raises(StartError) as refused:
        BELLS.of((wing,))
    assert str(refused.value) == f"{wing.package}.module: there is no {wing.package}.{room}"


def test_a_room_with_a_missing_import_says_which(plant: Plant) -> None:
    wing = plant("wing", {"bells": "import no_such_library"})
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        BELLS.of((wing,))


def test_tables_are_the_rooms_named_models(plant: Plant) -> None:
    wing = plant("wing", {"models": "", "jobs": "", "case.__init__": "", "case.models": ""})
    assert models_of(wing) == [wing.within("models"), wing.within("case.models")]


def test_classes_are_those_that_a_room_defines(plant: Plant) -> None:
    source = f"{IMPORT}class Mine: ...\nclass _Own: ..."
    assert [item.__name__ for item in classes_of(plant("wing", {"bells": source}))] == ["Mine"]


def test_no_module_of_a_wing_holds_a_declaration_outside_its_rooms(
    manifests: Sequence[Manifest],
) -> None:
    """What is in no room is not there: a machine without its trigger, a job that never runs."""
    points = (*points_of(manifests), JOBS, SUBSCRIBERS, HOME_CARDS, ROUTES, SEEDS, MACHINES)
    known = {id(item) for point in points for item in point.of(manifests)}
    rooms = {room for manifest in manifests for room in room_names(manifest)}
    forgotten = []
    for module in {module for manifest in manifests for module in _modules_of(manifest)} - rooms:
        for name, item in vars(importlib.import_module(module)).items():
            if isinstance(item, type):
                is_lost = item.__module__ == module and _is_gathered(item)
            else:
                is_lost = id(item) not in known and any(isinstance(item, p.held) for p in points)
            if is_lost:
                forgotten.append(f"{module}.{name}")
    assert forgotten == []


def _modules_of(manifest: Manifest) -> Iterator[str]:
    package = importlib.import_module(manifest.package)
    for found in pkgutil.walk_packages(package.__path__, f"{manifest.package}."):
        if not {"migrations", "__main__"} & set(found.name.split(".")):
            yield found.name


def _is_gathered(item: type) -> bool:
    """Whether a class is a table or a root of the schema."""
    if item.__name__ in ("Query", "Mutation", "Subscription"):
        return hasattr(item, "__strawberry_definition__")
    return getattr(getattr(item, "_meta", None), "db_table", None) is not None
