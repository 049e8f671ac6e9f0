"""Manifests: found by folder, loaded by name, and never claiming one thing twice."""

import dataclasses
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from core.catalogue import COLUMNS, Service, ServiceKind, ServiceStatus, Theme, read_services
from core.clock import ManualClock
from core.errors import StartError
from core.manifest import Manifest, discover, load
from core.processes.open_app import open_app
from core.settings import Settings
from tests.conftest import ROOT

MODULE = """
from core.manifest import Manifest

MANIFEST = Manifest(name="{name}")
"""
TILE = "{number},{service},服务,Service,HEALTH,QUERY,health,0,,,,,{package}"


def _extend_modules(
    folder: Path, monkeypatch: pytest.MonkeyPatch, package: str, **names: object
) -> None:
    """One more module beside the product's, with a tile, in a folder of the test's own."""
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text("")
    (folder / package / "module.py").write_text(MODULE.format(**names), "utf-8")
    tile = TILE.format(package=package, **names)
    (folder / "services.csv").write_text(f"{','.join(COLUMNS)}\n{tile}\n", "utf-8")
    import modules

    monkeypatch.setattr(modules, "__path__", [*modules.__path__, str(folder)])


def test_every_folder_is_found_and_examples_only_when_asked_for() -> None:
    folders = {path.parent.name for path in (ROOT / "modules").glob("*/module.py")}
    product = {m.package.rpartition(".")[2] for m in discover() if m.package.startswith("modules.")}
    assert product == {name for name in folders if not name.startswith("_")}
    everything = {m.package.rpartition(".")[2] for m in discover(examples=True)}
    assert folders <= everything


def test_a_new_folder_is_a_new_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _extend_modules(tmp_path, monkeypatch, "zz_new", name="new", number=9001, service="new-service")
    new = discover()[-1]
    assert (new.package, [service.id for service in new.services]) == (
        "modules.zz_new",
        ["new-service"],
    )


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"name": "welfare", "number": 9002, "service": "one"}, "manifest: welfare"),
        ({"name": "b", "number": 42, "service": "two"}, "service number: 42"),
        (
            {"name": "c", "number": 9003, "service": "housing-fund-query"},
            "service id: housing-fund",
        ),
    ],
    ids=["name", "number", "id"],
)
def test_two_that_claim_one_thing_are_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: dict[str, object], told: str
) -> None:
    package = f"zz_{names['name']}"
    _extend_modules(tmp_path, monkeypatch, package, **names)
    with pytest.raises(StartError, match=f"declared twice, {told}"):
        discover()


def test_a_line_of_the_catalogue_is_a_service(tmp_path: Path) -> None:
    table = tmp_path / "services.csv"
    line = "7,bus-fare,票价,Bus fare,MOBILITY,PAYMENT,transport,1,LIVE,no,,yes,buses"
    table.write_text(f"{','.join(COLUMNS)}\n{line}\n", "utf-8")
    assert read_services(table, ["buses", "trains"]) == {
        "buses": [
            Service(
                7,
                "bus-fare",
                "票价",
                "Bus fare",
                Theme.MOBILITY,
                ServiceKind.PAYMENT,
                "transport",
                identity_level=1,
                status=ServiceStatus.LIVE,
                fresh_auth=False,
                for_others=True,
            )
        ],
        "trains": [],
    }


@pytest.mark.parametrize(
    ("cell", "wrong", "told"),
    [
        ("folder", "busses", "no module or wing is named 'busses'"),
        ("theme", "TRAFFIC", "'TRAFFIC' is not a valid Theme"),
        ("kind", "query", "'query' is not a valid ServiceKind"),
        ("status", "live", "'live' is not a valid ServiceStatus"),
        ("identity_level", "3", "'3' is missing, or no level and no yes or no"),
        ("for_others", "true", "'true' is missing, or no level and no yes or no"),
        ("department", "", "'department' is missing, or no level and no yes or no"),
        ("number", "seven", "invalid literal for int() with base 10: 'seven'"),
        ("assurance", "COUNTER", "nobody can be sent for the proof COUNTER"),
        ("assurance", "CARRIER", "a proof is asked for at level 2 alone"),
        ("name_en", "Fare, bus", "13 cells are to be there"),
    ],
)
def test_a_wrong_cell_of_the_catalogue_refuses_to_start(
    tmp_path: Path, cell: str, wrong: str, told: str
) -> None:
    line = "7,bus-fare,票价,Bus fare,MOBILITY,PAYMENT,transport,1,LIVE,no,,yes,buses"
    cells = dict(zip(COLUMNS, line.split(","), strict=True)) | {cell: wrong}
    table = tmp_path / "services.csv"
    table.write_text(f"{','.join(COLUMNS)}\n{','.join(cells.values())}\n", "utf-8")
    with pytest.raises(StartError) as refused:
        read_services(table, ["buses"])
    assert str(refused.value) == f"services.csv, line 2: {told}"


def test_a_catalogue_of_other_columns_refuses_to_start(tmp_path: Path) -> None:
    table = tmp_path / "services.csv"
    table.write_text("number,id\n", "utf-8")
    with pytest.raises(StartError, match=r"services\.csv: its columns are to be number, id, name_"):
        read_services(table, [])


async def test_a_department_that_the_city_has_not_refuses_to_start(
    settings: Settings, clock: ManualClock, manifests: tuple[Manifest, ...]
) -> None:
    lost = Service(9, "lost", "失", "Lost", Theme.SAFETY, ServiceKind.QUERY, "lost_property", 0)
    wing = Manifest(name="lost", services=(lost,))
    with pytest.raises(StartError, match="lost: no department of jinan is lost_property"):
        async with open_app(settings, clock=clock, manifests=(*manifests, wing)):
            pytest.fail("it opened")


def test_a_manifest_is_plain_data() -> None:
    manifest = discover()[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        manifest.name = "other"  # type: ignore[misc]


def test_every_upstream_and_command_that_a_manifest_names_exists(
    manifests: Sequence[Manifest],
) -> None:
    for binding in (binding for manifest in manifests for binding in manifest.upstreams):
        assert load(binding.protocol) is not None
        assert load(binding.factory) is not None
    commands = [m.within(module) for m in manifests for module in m.commands.values()]
    assert len(commands) > 5
    assert all(find_spec(module) is not None for module in commands)


async def test_production_calls_no_upstream_without_an_address(
    settings: Settings, clock: ManualClock, manifests: tuple[Manifest, ...], tmp_path: Path
) -> None:
    addresses = tmp_path / "upstreams.toml"
    addresses.write_text('[police]\nurl = "https://police.example/"\n')
    values = settings.model_dump() | {"environment": "production", "upstreams_file": addresses}
    with pytest.raises(StartError, match="UPSTREAMS_FILE has no entry for"):
        async with open_app(Settings(**values), clock=clock, manifests=manifests):
            pytest.fail("it opened")
