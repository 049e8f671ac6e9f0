"""Manifests: found by folder, loaded by name, and never claiming one thing twice."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.manifest import Manifest, discover, load
from core.processes.open_app import open_app
from core.queue.jobs import kinds_of
from core.settings import Settings
from tests.conftest import ROOT

MODULE = """
from core.manifest import Manifest, Service, ServiceKind, Theme

MANIFEST = Manifest(
    name="{name}",
    services=(
        Service(
            {number}, "{service}", "服务", "Service", Theme.HEALTH, ServiceKind.QUERY, "health", 0
        ),
    ),
)
"""


def _extend_modules(
    folder: Path, monkeypatch: pytest.MonkeyPatch, package: str, **names: object
) -> None:
    """One more module beside the product's, in a folder of the test's own."""
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text("")
    (folder / package / "module.py").write_text(MODULE.format(**names), "utf-8")
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
    assert discover()[-1].package == "modules.zz_new"


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
    with pytest.raises(ValueError, match=f"declared twice, {told}"):
        discover()


def test_a_manifest_is_plain_data() -> None:
    manifest = discover()[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        manifest.name = "other"  # type: ignore[misc]


def test_everything_a_manifest_names_exists(manifests: Sequence[Manifest]) -> None:
    paths = [
        path
        for manifest in manifests
        for path in (
            *manifest.queries,
            *manifest.mutations,
            *manifest.subscriptions,
            *manifest.types,
            *manifest.routes,
            *manifest.events,
            *(job.handler for job in kinds_of([manifest]).values()),
            *(handler.handler for handler in manifest.handlers),
            *(card.load for card in manifest.home),
            *(path for _, path in manifest.extensions),
            *(b.protocol for b in manifest.upstreams),
            *(b.factory for b in manifest.upstreams),
            *(path for path in (manifest.seed,) if path),
        )
    ]
    assert paths
    for path in paths:
        assert load(path) is not None


def test_schedules_name_jobs_that_exist(manifests: Sequence[Manifest]) -> None:
    kinds = kinds_of(manifests)
    assert all(s.job in kinds for manifest in manifests for s in manifest.schedules)


async def test_production_calls_no_upstream_without_an_address(
    settings: Settings, clock: ManualClock, manifests: tuple[Manifest, ...], tmp_path: Path
) -> None:
    addresses = tmp_path / "upstreams.toml"
    addresses.write_text('[police]\nurl = "https://police.example/"\n')
    values = settings.model_dump() | {"environment": "production", "upstreams_file": addresses}
    with pytest.raises(ValueError, match="UPSTREAMS_FILE has no entry for"):
        async with open_app(Settings(**values), clock=clock, manifests=manifests):
            pytest.fail("it opened")
