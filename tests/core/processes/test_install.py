"""The installer: quiet where all goes well, pip's own words where it does not."""

import re
import tomllib
from io import StringIO
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from core.processes.install import install
from tests.conftest import ROOT


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock of one package, which is installed."""
    (pinned,) = re.findall(
        r"^orjson==(?:.*\\\n)+.*$", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE
    )
    path = tmp_path / "some.lock"
    path.write_text(f"{pinned}\n", "utf-8")
    return path


def test_what_is_there_takes_two_lines(lock: Path, tmp_path: Path) -> None:
    out, log = StringIO(), tmp_path / "install.log"
    assert install([lock], this_tree=False, log=log, out=out) == 0
    assert re.fullmatch(
        r"installing the packages of .+\ninstalled in \d+ s: \d+ MB before, \d+ MB now\n",
        out.getvalue(),
    )
    assert "already satisfied: orjson" in log.read_text("utf-8")


def test_a_failure_shows_what_pip_says(lock: Path, tmp_path: Path) -> None:
    lock.write_text("]\n", "utf-8")
    out, log = StringIO(), tmp_path / "install.log"
    assert install([lock], this_tree=False, log=log, out=out) == 1
    assert "pip failed; its last lines:\nERROR: " in out.getvalue()
    assert "Invalid requirement" in out.getvalue()
    assert "installed in" not in out.getvalue()


def test_locks_name_no_index_and_do_not_repeat_one_another() -> None:
    texts = [
        (ROOT / name).read_text("utf-8") for name in ("requirements.lock", "requirements-dev.lock")
    ]
    running, developing = (_pins(text) for text in texts)
    assert "://" not in "".join(texts)
    assert {"starlette", "setuptools"} <= running.keys()
    assert {"pytest", "mypy", "dask", "playwright"} <= developing.keys()
    assert running.keys() & developing.keys() == set()


def test_locks_hold_every_package_that_the_project_names() -> None:
    running = _pins((ROOT / "requirements.lock").read_text("utf-8"))
    everything = running | _pins((ROOT / "requirements-dev.lock").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]

    def unmet(named: list[str], pins: dict[str, str]) -> list[str]:
        return [
            text
            for text in named
            if (requirement := Requirement(text))
            and pins.get(canonicalize_name(requirement.name), "0") not in requirement.specifier
        ]

    assert unmet(project["dependencies"] + extras["install"], running) == []
    assert unmet(extras["dev"] + extras["cluster"], everything) == []


def _pins(lock: str) -> dict[str, str]:
    """The version of each package that a lock names."""
    pins = re.findall(r"^([\w.-]+)(?:\[.+\])?==([^ ;]+)", lock, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in pins}
