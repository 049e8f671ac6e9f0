"""The handbook: its links lead somewhere, and it speaks of files that exist."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.tree import files_of_the_tree

PAGES = [name for name in files_of_the_tree() if name.suffix == ".md"]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    text = (ROOT / page).read_text("utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in target]
    missing = [target for target in targets if not (ROOT / page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/architecture.md",
        "docs/adding-an-upstream.md",
        "docs/security.md",
        "docs/runbooks.md",
    ],
)
def test_what_is_named_is_there(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    named = re.findall(r"`((?:core|bff|modules|payments|notifications|tests|docs)/[\w./-]+)`", text)
    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == []


def test_every_control_names_its_test() -> None:
    controls = (ROOT / "docs" / "security.md").read_text("utf-8").split("## ")[2]
    rows = [line for line in controls.splitlines() if line.startswith("| V")]
    assert len(rows) > 10 and all("`tests/" in row for row in rows)


def test_every_runbook_happens_in_a_test() -> None:
    _, *incidents = (ROOT / "docs/runbooks.md").read_text("utf-8").split("\n## ")
    assert len(incidents) >= 10
    assert all("**Happens in**: `tests/" in incident for incident in incidents)


@pytest.mark.parametrize("target", ["run", "test", "demo", "help", "check", "schema"])
def test_the_commands_it_tells_are_in_the_makefile(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
