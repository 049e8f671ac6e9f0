"""New services of three kinds, made by the command in one copy of the tree: all fits, nothing else
changes, and nothing of the examples is left."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from bff.commands.new_service import tile_of
from bff.commands.service_files import Wanted, plan, write
from core.errors import StartError
from core.manifest import discover
from core.processes.embedded import DatabaseUrls
from tests.conftest import ROOT, Databases
from tests.tree import copy_tree

NEW = {
    "pool-hours": ("query", "community", "泳池开放时间", "Pool hours"),
    "district-notices": ("subscription", "environment", "区县通知", "District notices"),
    "well-fee": ("payment", "wells", "水井费", "Well fee"),
}
"""By id: the kind, the module and the names. The last one's module is new; the second's has no
table yet, so that each way to begin is gone once."""
FOLDERS = {id: f"{module}/{id.replace('-', '_')}" for id, (_, module, *_) in NEW.items()}
BEGINNINGS = tuple(
    f"{place}/{folder}/" for folder in FOLDERS.values() for place in ("modules", "tests/modules")
)
RUN = """
import asyncio, json, sys
from pathlib import Path

from bff.app import edge_of
from bff.trusted.documents import documents_of
from core.processes.open_app import open_app
from core.manifest import discover
from core.processes.migrate import check, drift, migrate
from core.settings import Settings
from kinds.lookup import PERSONAL_LOOKUPS
from kinds.subscription import SUBSCRIPTIONS
from payments.payable import PAYABLES
from tests.asgi import Client
from tests.kinds.owned_user import users
from tests.people import make_citizen
from tests.tree import modules_named

owner, app_url, keys, *ids = sys.argv[1:]


async def main() -> dict:
    manifests = discover()
    applied = await migrate(owner, app_url, manifests)
    await check(app_url, manifests)
    settings = Settings(database_url=app_url, keys_dir=Path(keys), sandbox_port=9)
    answers = {}
    async with open_app(settings) as app:
        viewer = await make_citizen(app, level=2, name="张三", locale="en")
        client = Client(edge_of(app))
        documents = documents_of(manifests)
        for operation in documents.operations.values():
            if operation.document in ids:
                variables = dict(documents.by_name[operation.document].variables)
                answer = await client.run(operation.source, variables, viewer=viewer)
                answers[operation.name] = answer.json
        numbers = {service.id: service.number for service in app.services.values()}
    return {
        "numbers": numbers,
        "applied": applied,
        "drift": await drift(manifests),
        "answers": answers,
        "lookups": [lookup.service for lookup in PERSONAL_LOOKUPS.of(manifests)],
        "subscriptions": [one.service for one in SUBSCRIPTIONS.of(manifests)],
        "payables": [payable.kind for payable in PAYABLES.of(manifests)],
        "tried": [getattr(getattr(u, "subscription", None), "service", "") for u in users()],
        "objects": [module.__name__ for module in modules_named("objects")],
    }


print(json.dumps(asyncio.run(main())))
"""


@dataclass(frozen=True)
class Made:
    """The copy of the tree, what changed in it and what is new."""

    tree: Path
    changed: set[str]
    new: set[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The services made in a copy of what is or will be committed."""
    tree = copy_tree(tmp_path_factory.mktemp("tree"))
    before = _contents(tree)
    for id, (kind, module, zh, en) in NEW.items():
        own = () if module == id else ("--module", module)
        _quancheng(
            tree, "new", "service", id, "--kind", kind, *own, "--name-zh", zh, "--name-en", en
        )
    after = _contents(tree)
    assert before.keys() <= after.keys()
    changed = {name for name in before if before[name] != after[name]}
    return Made(tree, changed, after.keys() - before.keys())


@pytest.fixture
async def empty(databases: Databases) -> AsyncIterator[DatabaseUrls]:
    """A database without a table."""
    urls = await databases.create_empty()
    yield urls
    await databases.drop(urls)


def test_no_other_file_changes(made: Made) -> None:
    assert made.changed == {
        "schema.graphql",
        "docs/architecture.md",
        "modules/services.csv",
        "modules/community/module.py",
        "modules/environment/module.py",
    }
    beside = {name for name in made.new if not name.startswith(BEGINNINGS)}
    assert beside == {
        "sandbox/systems/pool_hours.py",
        "sandbox/systems/district_notices.py",
        "sandbox/systems/well_fee.py",
        "modules/environment/migrations/__init__.py",
        "modules/environment/migrations/0001_initial.py",
        "modules/wells/__init__.py",
        "modules/wells/module.py",
        "modules/wells/migrations/__init__.py",
        "modules/wells/migrations/0001_initial.py",
    }
    for id, folder in FOLDERS.items():
        assert f"modules/{folder}/documents/{id}.graphql" in made.new
        assert f"tests/modules/{folder}/test_{id.replace('-', '_')}.py" in made.new


def test_nothing_of_the_examples_is_left(made: Made) -> None:
    for name in made.new:
        text = (made.tree / name).read_text("utf-8").lower()
        assert "example" not in name + text and "示例" not in text, name


def test_lint_format_and_contracts_hold(made: Made) -> None:
    python = sorted(name for name in made.new if name.endswith(".py"))
    _run(made.tree, _tool("ruff"), "check", "--quiet", *python)
    _run(made.tree, _tool("ruff"), "format", "--check", "--quiet", *python)
    _run(made.tree, _tool("lint-imports"), "--no-cache")


async def test_they_are_in_the_catalogue_and_run(
    made: Made, empty: DatabaseUrls, keys_dir: Path
) -> None:
    said = _run(made.tree, sys.executable, "-c", RUN, empty.owner, empty.app, str(keys_dir), *NEW)
    seen = orjson.loads(said.splitlines()[-1])
    assert sorted(seen["numbers"].values()) == list(range(1, len(seen["numbers"]) + 1))
    assert [seen["numbers"][id] for id in NEW] == [64, 65, 66]
    assert {"environment.0001_initial", "wells.0001_initial"} <= set(seen["applied"])
    assert seen["drift"] == []
    assert {name: _outcome(answer) for name, answer in seen["answers"].items()} == {
        "PoolHours": "CONSENT_REQUIRED",
        "AddDistrictNotices": "KEY_INVALID",
        "DistrictNoticess": "OK",
        "RemoveDistrictNotices": "NOT_FOUND",
        "WellFeeBills": "CONSENT_REQUIRED",
        "PayWellFee": "CONSENT_REQUIRED",
        "WellFee": "NOT_FOUND",
    }
    assert {"pool-hours", "well-fee"} <= set(seen["lookups"])
    assert "district-notices" in seen["subscriptions"]
    assert "well_fee" in seen["payables"]
    assert "district-notices" in seen["tried"]
    assert "tests.modules.environment.district_notices.objects" in seen["objects"]


def _outcome(answer: Any) -> str:
    """The code of an answer's error or of its refusal."""
    if answer.get("errors"):
        return str(answer["errors"][0]["extensions"]["code"])
    (value,) = answer["data"].values()
    return str(value.get("code", "OK")) if isinstance(value, dict) else "OK"


def test_what_does_not_fit_the_product_leaves_the_tree_as_it_was(made: Made) -> None:
    before = _contents(made.tree)
    manifests = discover(examples=True)
    wanted = Wanted("tap", "query", "bills", "龙头", "Tap")  # a name that another module has
    files = plan(made.tree, manifests, wanted, tile_of(manifests, wanted, None, None))
    with pytest.raises(StartError, match="declared twice, manifest: bills"):
        write(made.tree, files, wanted.word)
    assert _contents(made.tree) == before
    assert not (made.tree / "modules/bills").exists()


@pytest.mark.soak  # all checks and all tests, inside this one
@pytest.mark.parametrize("target", ["check", "test"])
def test_everything_passes_untouched(made: Made, target: str) -> None:
    _run(made.tree, "git", "init", "--quiet")  # the tests ask it which files are the tree's
    if not (made.tree / ".venv").exists():
        (made.tree / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    there = [f"--assume-old=.venv/{mark}" for mark in (".installed", ".tools", ".playground")]
    _run(made.tree, "make", *there, target, PYTHONPATH=str(made.tree))


def _contents(tree: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and ".ruff_cache" not in path.parts
    }


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _quancheng(tree: Path, *arguments: str) -> str:
    return _run(tree, sys.executable, "-m", "core.processes.cli", *arguments)


def _run(tree: Path, *command: str, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=tree, capture_output=True, text=True, timeout=7200,
        env=os.environ | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
