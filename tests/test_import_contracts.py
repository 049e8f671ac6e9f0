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
CORE_ROOMS = "The rooms of core: calls go down"
EDGE_ROOMS = "The rooms of the edge: calls go down"
SIBLINGS = "Modules never import one another"
KINDS = "Kinds never import one another"
PAYMENTS = "payments has one door: api and events"
NOTIFICATIONS = "notifications has one door: api and events"
CREDIT = "credit has one door: api"
CREDIT_ROOMS = "The rooms of credit: calls go down"
PURE = "Rules are pure: domain.py knows no database, no network, no process"
STILL = "Rules are pure: domain.py asks no clock and touches no file"
PRODUCT = "The product never imports the sandbox"
SANDBOX = "The sandbox takes core.money and core.ids from the product, nothing else"
SANDBOX_ROOMS = "The sandbox's rooms: calls go down"

BREACHES = [
    (LAYERS, "core/money.py", "from modules.welfare import texts"),
    (LAYERS, "core/clock.py", "import payments"),
    (LAYERS, "core/clock.py", "def later():\n    from bff.app import create_app"),
    (LAYERS, "notifications/messages/store.py", "from payments import api"),
    (LAYERS, "payments/store.py", "from modules.utilities.bills import domain"),
    (LAYERS, "payments/store.py", "import kinds.booking.domain"),
    (LAYERS, "kinds/booking/saga.py", "from modules.health import policy"),
    (LAYERS, "modules/welfare/housing_fund/lookup.py", "import bff.screens.home"),
    (LAYERS, "modules/welfare/housing_fund/lookup.py", "import credit.module"),
    (LAYERS, "kinds/owned.py", "from modules.utilities.accounts import store"),
    (LAYERS, "payments/store.py", "import kinds.owned"),
    (LAYERS, "core/context/commands.py", "from kinds import owned"),
    (CORE_ROOMS, "core/texts.py", "from core import errors"),
    (CORE_ROOMS, "core/database/pool.py", "import core.context.app"),
    (CORE_ROOMS, "core/queue/jobs.py", "from core.bus import bus"),
    (CORE_ROOMS, "core/security/keys.py", "from core.processes import locks"),
    (EDGE_ROOMS, "bff/limits/buckets.py", "from bff.trusted import library"),
    (EDGE_ROOMS, "bff/compiler/plan.py", "import bff.request.context"),
    (SIBLINGS, "modules/welfare/housing_fund/lookup.py", "from modules.identity import store"),
    (SIBLINGS, "modules/utilities/bills/service.py", "import modules.health.policy"),
    (SIBLINGS, "modules/welfare/housing_fund/texts.py", "from modules import _example"),
    (KINDS, "kinds/planted.py", "import kinds.booking.service"),
    (PAYMENTS, "modules/utilities/bills/payable.py", "from payments.saga import *"),
    (PAYMENTS, "modules/welfare/housing_fund/lookup.py", "from payments import ledger"),
    (PAYMENTS, "bff/screens/home.py", "import payments.store"),
    (NOTIFICATIONS, "modules/identity/service.py", "from notifications import store as other"),
    (
        NOTIFICATIONS,
        "modules/welfare/housing_fund/texts.py",
        "from notifications.templates.domain import Template",
    ),
    (CREDIT, "bff/screens/home.py", "from credit.engine import decision"),
    (CREDIT_ROOMS, "credit/engine/decision.py", "import credit.log.entries"),
    (CREDIT_ROOMS, "credit/policy/rules.py", "from credit.engine import artefact"),
    (CREDIT_ROOMS, "credit/log/files.py", "import credit.training.train"),
    (PURE, "modules/welfare/housing_fund/domain.py", "from tortoise.models import Model"),
    (PURE, "modules/identity/domain.py", "from modules.identity import store"),
    (PURE, "notifications/templates/domain.py", "import core.database"),
    (PURE, "modules/_example/query/domain.py", "import aiohttp"),
    (STILL, "modules/welfare/housing_fund/domain.py", "import time"),
    (STILL, "payments/domain.py", "from pathlib import Path"),
    (PRODUCT, "modules/welfare/housing_fund/upstream.py", "from sandbox.server import settings"),
    (PRODUCT, "core/processes/serve.py", "import sandbox.app"),
    (SANDBOX, "sandbox/server/system.py", "from core import clock"),
    (SANDBOX, "sandbox/systems/sms.py", "import modules.welfare.housing_fund.domain"),
    (SANDBOX_ROOMS, "sandbox/population/months.py", "from sandbox.server import state"),
    (SANDBOX_ROOMS, "sandbox/server/wire.py", "import sandbox.shared.registry"),
    (SANDBOX_ROOMS, "sandbox/shared/receipts.py", "import sandbox.systems.sms"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, to plant breaches in."""
    return copy_tree(tmp_path_factory.mktemp("tree"))


def _lint(tree: Path) -> str:
    """What lint-imports says of the tree."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Contracts: " in done.stdout, done.stdout + done.stderr
    assert done.returncode == (" BROKEN" in done.stdout), done.stdout + done.stderr
    return done.stdout


def _section(said: str, contract: str) -> str:
    """The imports that break a contract, as they are listed below its name."""
    _, _, rest = said.partition(f"\n{contract}\n{'-' * len(contract)}\n")
    return re.split(r"\n-{8,}\n", rest)[0]


def test_the_contracts_hold(tree: Path) -> None:
    assert " BROKEN" not in _lint(tree)


def test_every_contract_has_its_breach() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    declared = {contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]}
    assert {contract for contract, _, _ in BREACHES} == declared


@pytest.mark.parametrize("contract", dict.fromkeys(contract for contract, _, _ in BREACHES))
def test_each_breach_of_a_contract_is_noticed(tree: Path, contract: str) -> None:
    planted = [(file, breach) for of, file, breach in BREACHES if of == contract]
    sources = {file: _read(tree / file) for file, _ in planted}
    places = [_plant(tree, file, breach) for file, breach in planted]
    try:
        said = _section(_lint(tree), contract)
    finally:
        for file, source in sources.items():
            (tree / file).unlink()
            if source is not None:
                (tree / file).write_text(source, "utf-8")
    unnoticed = [
        place for place in places if not re.search(r"\b{}\b[^\n]*\bl\.{}\b".format(*place), said)
    ]
    assert unnoticed == [], said


@pytest.mark.parametrize(("room", "contract"), [("core", CORE_ROOMS), ("bff", EDGE_ROOMS)])
def test_a_new_room_must_take_its_place(tree: Path, room: str, contract: str) -> None:
    (tree / room / "planted.py").touch()
    try:
        assert f"- {room}.planted" in _section(_lint(tree), contract)
    finally:
        (tree / room / "planted.py").unlink()


def _read(file: Path) -> str | None:
    return file.read_text("utf-8") if file.exists() else None


def _plant(tree: Path, file: str, breach: str) -> tuple[str, int]:
    """Put a breach at the end of a file; returns its module, for a pattern, and its line."""
    source = f"{_read(tree / file) or ''}\n\n{breach}\n"
    (tree / file).write_text(source, "utf-8")
    return re.escape(file.removesuffix(".py").replace("/", ".")), source.count("\n")


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
