"""The sixty-fourth service: the handbook's own commands change two files of a copy of the tree."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from core.processes.embedded import DatabaseUrls
from tests.conftest import ROOT, Databases
from tests.tree import copy_tree

HANDBOOK = ROOT / "docs" / "adding-a-service.md"
RUN = """
import asyncio, json, sys
from pathlib import Path

from bff.app import edge_of
from bff.trusted.documents import documents_of
from core.processes.open_app import open_app
from core.manifest import discover
from core.processes.migrate import check, drift, migrate
from core.settings import Settings
from tests.asgi import Client

owner, app_url, keys = sys.argv[1:]


async def main() -> dict:
    manifests = discover()
    applied = await migrate(owner, app_url, manifests)
    await check(app_url, manifests)
    document = documents_of(manifests).for_service("drinking-wells")
    settings = Settings(database_url=app_url, keys_dir=Path(keys), sandbox_port=9)
    async with open_app(settings) as app:
        body = {"documentId": document.id, "variables": dict(document.variables)}
        answer = await Client(edge_of(app)).post(json.dumps(body).encode())
        numbers = [service.number for service in app.services.values()]
    return {
        "numbers": numbers,
        "applied": applied,
        "drift": await drift(manifests),
        "answer": answer.json,
    }


print(json.dumps(asyncio.run(main())))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is or will be committed."""
    return copy_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def changes(tree: Path) -> tuple[set[str], set[str]]:
    """Follow the handbook; which files changed, and which are new."""
    before = _contents(tree)
    (copying, *_) = re.findall(r"```sh\n(.*?)```", HANDBOOK.read_text("utf-8"), re.DOTALL)
    _run(tree, "sh", "-eu", "-c", copying)
    _run(tree, sys.executable, "-m", "core.processes.cli", "schema")
    after = _contents(tree)
    assert before.keys() <= after.keys()
    changed = {name for name in before if before[name] != after[name]}
    return changed, after.keys() - before.keys()


@pytest.fixture
async def empty(databases: Databases) -> AsyncIterator[DatabaseUrls]:
    """A database without a table."""
    urls = await databases.create_empty()
    yield urls
    await databases.drop(urls)


def test_no_other_file_changes(changes: tuple[set[str], set[str]]) -> None:
    changed, new = changes
    assert changed == {"schema.graphql", "modules/services.csv"}
    assert {"modules/wells/module.py", "tests/modules/wells/test_upstream.py"} <= new
    assert {name for name in new if not name.startswith(("modules/wells/", "tests/modules/"))} == (
        set()
    )


def test_nothing_of_the_example_is_left(tree: Path, changes: tuple[set[str], set[str]]) -> None:
    for name in changes[1]:
        text = (tree / name).read_text("utf-8").lower()
        assert "fountain" not in text, name
        assert "_example" not in text, name


def test_the_contracts_hold(tree: Path, changes: tuple[set[str], set[str]]) -> None:
    _run(tree, str(Path(sys.executable).with_name("lint-imports")), "--no-cache")


async def test_it_is_in_the_catalogue_and_runs(
    tree: Path, changes: tuple[set[str], set[str]], empty: DatabaseUrls, keys_dir: Path
) -> None:
    told = _run(tree, sys.executable, "-c", RUN, empty.owner, empty.app, str(keys_dir))
    found = orjson.loads(told.splitlines()[-1])
    assert found["numbers"] == list(range(1, 65))
    assert "wells.0001_initial" in found["applied"]
    assert found["drift"] == []
    wells = found["answer"]["data"]["drinkingWells"]  # its network is not in the sandbox
    assert (wells["status"], wells["wells"]) == ("UNAVAILABLE", [])
    assert "errors" not in found["answer"]


@pytest.mark.soak  # a whole test run inside this one
def test_its_copied_tests_pass_beside_the_examples(
    tree: Path, changes: tuple[set[str], set[str]]
) -> None:
    told = _run(
        tree, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/modules/wells"
    )
    assert "[100%]" in told


def _contents(tree: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def _run(tree: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
