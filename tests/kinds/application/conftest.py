"""A house with one service more, whose definitions the tests give."""

import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from core.context.app import App
from core.context.call import Call
from core.manifest import Manifest
from core.processes.embedded import DatabaseUrls
from core.security.authentication import Viewer
from core.settings import Settings
from tests.conftest import ROOT
from tests.kinds.application import wing
from tests.kinds.application.town import Town


@pytest.fixture
def settings(database: DatabaseUrls, keys_dir: Path, tmp_path: Path) -> Settings:
    """A city that has decided on the probe too."""
    shutil.copytree(ROOT / "cities", tmp_path / "cities")
    (tmp_path / "cities/jinan/applications" / f"{wing.SERVICE}.toml").write_text("")
    return Settings(
        database_url=database.app,
        database_owner_url=database.owner,
        keys_dir=keys_dir,
        data_dir=tmp_path / "data",
        city_file=tmp_path / "cities/jinan.toml",
        database_pool_size=10,
    )


@pytest.fixture
def wings() -> tuple[Manifest, ...]:
    """The probe's wing."""
    return (wing.MANIFEST,)


@pytest.fixture(autouse=True)
def definitions() -> Iterator[None]:
    """No definition outlives its test."""
    yield
    wing.DEFINITIONS.clear()


@pytest.fixture
def town(app: App, call: Callable[..., Call]) -> Town:
    """The people."""
    return Town(app, call)


@pytest.fixture
async def me(citizen: Callable[..., Awaitable[Viewer]], call: Callable[..., Call]) -> Call:
    """A citizen."""
    viewer = await citizen()
    return call(user_id=viewer.user_id, level=2)
