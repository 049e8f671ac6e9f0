"""Defects planted into a copy of the tree: the nemesis finds each, by the rule that it breaks."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from journeys.nemesis import faults
from journeys.nemesis.auditor import Violation
from journeys.nemesis.driver import in_use, planned
from journeys.nemesis.faults import Fault
from journeys.nemesis.stage import stage

from tests.conftest import ROOT
from tests.tree import copy_tree

SEED = 20261128


@dataclass(frozen=True)
class Defect:
    """One place of the code made wrong, what to do to the house, and the rule that tells."""

    name: str
    file: str
    right: str
    wrong: str
    kinds: Sequence[Callable[[random.Random], Fault]]
    rules: Sequence[str]


DEFECTS = (
    Defect(
        "no heartbeat on the listening connection",
        "core/bus/bus.py",
        "        while not closed.is_set():\n            await self._ask_time(connection)\n",
        "        while not closed.is_set():\n",
        [lambda draw: faults.half_open(draw, "quancheng_bus", 3.5)],
        ["revocation"],
    ),
    Defect(
        "a deadline of twenty seconds",
        "core/settings.py",
        "    request_deadline_s: float = Field(\n        3.0,",
        "    request_deadline_s: float = Field(\n        20.0,",
        [lambda draw: faults.pause(draw, "database", 8.0)],
        ["late answer"],
    ),
    Defect(
        "a phone in a log",
        "modules/identity/codes.py",
        "    app, now = call.app, call.app.clock.now()\n    index = app.vault.blind_index(",
        "    app, now = call.app, call.app.clock.now()\n    print(phone, flush=True)\n"
        "    index = app.vault.blind_index(",
        [faults.hostile],
        ["secret"],
    ),
    Defect(
        "each process goes by its own machine's clock",
        "core/clock.py",
        "        return self._true_time() + self._offset",
        "        return self._machine_time() + self._offset",
        [lambda draw: faults.clock(draw, "worker", -600)],
        ["liveness"],
    ),
    Defect(
        "a write-off that is not made",
        "modules/utilities/bills/payable.py",
        "    bill = await store.find_bill(UUID(paid.subject_ref))\n    assert bill is not None\n"
        "    kind, bill_no",
        "    return Accepted(paid.payment_ref)\n"
        "    bill = await store.find_bill(UUID(paid.subject_ref))\n    assert bill is not None\n"
        "    kind, bill_no",
        [faults.late_news],
        ["books"],
    ),
    Defect(
        "a database that is away is told as a defect",
        "core/database/pool.py",
        "    return any(\n        _is_gone(link) or _state_of(link)",
        "    return False and any(\n        _is_gone(link) or _state_of(link)",
        [lambda draw: faults.kill(draw, "postgres")],
        ["defect"],
    ),
    Defect(
        "a long print at each heartbeat",
        "core/bus/bus.py",
        "        asked_s = time.monotonic()\n",
        '        asked_s = time.monotonic()\n        print("." * 200_000, flush=True)\n',
        [lambda draw: faults.pause(draw, "worker", 4.0)],
        ["long log"],
    ),
    Defect(
        "readiness that does not look",
        "core/processes/operators.py",
        "    if not app.bus.connected.is_set():\n",
        "    return None\n    if not app.bus.connected.is_set():\n",
        [lambda draw: faults.pause(draw, "database", 5.0)],
        ["readiness"],
    ),
    Defect(
        "only the newest key verifies",
        "core/security/authentication.py",
        "key_id(key.public_key()): key.public_key() for key in keys}",
        "key_id(key.public_key()): key.public_key() for key in keys[:1]}",
        [faults.rotate_keys],
        ["locked out"],
    ),
    Defect(
        "a dead worker is not started again",
        "core/processes/supervisor.py",
        "                if child.is_due:\n",
        '                if child.is_due and child.name != "worker":\n',
        [lambda draw: faults.kill(draw, "worker"), faults.late_news],
        ["liveness"],
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_each_defect_can_be_planted(defect: Defect) -> None:
    assert (ROOT / defect.file).read_text("utf-8").count(defect.right) == 1


@pytest.mark.soak
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
async def test_each_defect_is_found(defect: Defect) -> None:
    with TemporaryDirectory(prefix="nemesis-tree-") as folder:
        tree = copy_tree(Path(folder))
        spoiled = tree / defect.file
        spoiled.write_text(spoiled.read_text("utf-8").replace(defect.right, defect.wrong), "utf-8")
        with pytest.raises((Violation, ExceptionGroup)) as caught:
            async with stage(tree) as house, in_use(house, SEED) as run:
                for fault in planned(defect.kinds, SEED):
                    await run.point([fault])
    assert _rules(caught.value) & set(defect.rules), caught.value


def _rules(error: BaseException) -> set[str]:
    """The rules that were broken."""
    if isinstance(error, ExceptionGroup):
        return set().union(*(_rules(inner) for inner in error.exceptions))
    return {error.rule} if isinstance(error, Violation) else set()
