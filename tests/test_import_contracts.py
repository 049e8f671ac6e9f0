"""Who may import whom: the contracts hold, and each of them fails on a planted breach."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.tree import copy_tree, files_of_the_tree

LAYERS = "Calls go down"
SIBLINGS = "Modules never import one another"
KINDS = "Kinds never import one another"
PAYMENTS = "payments has one door: api and events"
NOTIFICATIONS = "notifications has one door: api and events"
PURE = "Rules are pure: domain.py knows no database, no network, no process"
STILL = "Rules are pure: domain.py asks no clock and touches no file"
PRODUCT = "The product never imports the sandbox"
SANDBOX = "The sandbox takes core.money and core.ids from the product, nothing else"
SANDBOX_ROOMS = "The sandbox's rooms: calls go down"

BREACHES = [
    (LAYERS, "core/money.py", "from modules.welfare import texts"),
    (LAYERS, "core/clock.py", "import payments"),
    (LAYERS, "core/clock.py", "def later():\n    from bff.app import create_app"),
    (LAYERS, "notifications/store.py", "from payments import api"),
    (LAYERS, "payments/store.py", "from modules.bills import domain"),
    (LAYERS, "payments/store.py", "import kinds.booking.domain"),
    (LAYERS, "kinds/booking/saga.py", "from modules.health import policy"),
    (LAYERS, "modules/welfare/service.py", "import bff.screens.home"),
    (LAYERS, "modules/welfare/service.py", "import credit.module"),
    (LAYERS, "kinds/owned.py", "from modules.bills import store"),
    (LAYERS, "payments/store.py", "import kinds.owned"),
    (LAYERS, "core/context/commands.py", "from kinds import owned"),
    (SIBLINGS, "modules/welfare/service.py", "from modules.identity import store"),
    (SIBLINGS, "modules/bills/service.py", "import modules.health.policy"),
    (SIBLINGS, "modules/welfare/texts.py", "from modules import _example"),
    (KINDS, "kinds/planted.py", "import kinds.booking.service"),
    (PAYMENTS, "modules/bills/payable.py", "from payments.saga import *"),
    (PAYMENTS, "modules/welfare/service.py", "from payments import ledger"),
    (PAYMENTS, "bff/screens/home.py", "import payments.store"),
    (NOTIFICATIONS, "modules/identity/service.py", "from notifications import store as other"),
    (NOTIFICATIONS, "modules/welfare/texts.py", "from notifications.domain import Template"),
    (PURE, "modules/welfare/domain.py", "from tortoise.models import Model"),
    (PURE, "modules/identity/domain.py", "from modules.identity import store"),
    (PURE, "notifications/domain.py", "import core.database"),
    (PURE, "modules/_example/domain.py", "import aiohttp"),
    (STILL, "modules/welfare/domain.py", "import time"),
    (STILL, "payments/domain.py", "from pathlib import Path"),
    (PRODUCT, "modules/welfare/upstream.py", "from sandbox.server import settings"),
    (PRODUCT, "core/processes/serve.py", "import sandbox.app"),
    (SANDBOX, "sandbox/server/system.py", "from core import clock"),
    (SANDBOX, "sandbox/systems/sms.py", "import modules.welfare.domain"),
    (SANDBOX_ROOMS, "sandbox/population/months.py", "from sandbox.server import state"),
    (SANDBOX_ROOMS, "sandbox/server/wire.py", "import sandbox.shared.registry"),
    (SANDBOX_ROOMS, "sandbox/shared/receipts.py", "import sandbox.systems.sms"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, to plant breaches in."""
    return copy_tree(tmp_path_factory.mktemp("tree"))


def _broken(tree: Path) -> list[str]:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=120,
    )
    broken = re.findall(r"^(.+) BROKEN", done.stdout, re.MULTILINE)
    assert done.returncode == bool(broken), done.stdout + done.stderr
    assert "Contracts: " in done.stdout, done.stdout + done.stderr
    return broken


def test_the_contracts_hold(tree: Path) -> None:
    assert _broken(tree) == []


def test_every_contract_has_its_breach() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    declared = {contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]}
    assert {contract for contract, _, _ in BREACHES} == declared


@pytest.mark.parametrize(
    ("contract", "file", "breach"),
    BREACHES,
    ids=[f"{file}-{breach.split()[-1]}" for _, file, breach in BREACHES],
)
def test_a_breach_is_noticed(tree: Path, contract: str, file: str, breach: str) -> None:
    path = tree / file
    source = path.read_text("utf-8") if path.exists() else None
    path.write_text(f"{source or ''}\n\n{breach}\n", "utf-8")
    try:
        assert contract in _broken(tree)
    finally:
        if source is None:
            path.unlink()
        else:
            path.write_text(source, "utf-8")


def test_rules_are_told_the_time_and_never_ask_for_it() -> None:
    asking = [
        f"{name}:{node.lineno}"
        for name in files_of_the_tree()
        if name.name == "domain.py" and name.parts[0] != "tests"
        for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("now", "today", "utcnow", "monotonic")
    ]
    assert asking == []
