"""Nobody tries out names, numbers or plates: what callers choose to ask a system about is counted.

Generated over the operations of all systems. A parameter says by its name what it is; one that is
new here fails until it is said. Each operation whose parameters a caller chooses is followed
through the source to the doors that lead to it, and on each way somebody has to count
(`rate_limit`).
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from inspect import signature

import pytest

from core.manifest import discover
from core.upstream.operation import SYSTEMS, Operation
from tests.conftest import ROOT
from tests.tree import files_of_the_tree

CHOSEN = {
    "name", "document", "resident_id", "child_resident_id", "certificate_no", "phone", "card_no",
    "plate", "account_no", "uscc", "ticket", "code", "owner",
}  # fmt: skip
"""What a caller types, and may type of somebody else."""
OURS = {
    *("app_id", "app_secret", "secret", "assertion", "authorization", "project", "token"),  # keys
    *("address", "path", "link", "server", "etag", "offset", "limit", "filters", "query", "into"),
    *("first", "after", "year", "day", "after_no", "count", "only_open"),  # pages
    *("kind", "source", "bank", "buyer", "message", "params", "pushlist", "text", "key"),
    *("request_ref", "session_ref", "message_ref", "payment_ref", "consent_id", "leave_id"),
    *("case_no", "ground", "order", "paid", "no", "from_on", "until_on"),  # what we do
    *("hospital_ref", "school_code", "camera_ref"),  # places of the city
    # what a system gave of the person's own, or is asked with their access alone
    *("bill_no", "licence_ref", "patient_ref", "binary_ref", "pupil_ref", "rider_ref", "trip_no"),
    *("violation_no", "order_no", "session_id", "refund_no", "refund_ref", "invoice_no", "red_ref"),
}
"""What the house, the system or the city chooses."""

COUNTED_BEFORE = {
    "sms.send": "codes and messages: to phones that are counted where a code is asked for",
    "sms_backup.send": "as sms.send",
    "wechat_sign_in.code_to_session": "codes that are counted before any platform is asked",
    "wechat_sign_in.phone": "as code_to_session",
    "his_billing.top_up": "the account that the hospital told of the person",
    "enterprise_data.pull": "companies that link_company has counted",
    "parking.list_sessions": "plates that link_plate has counted",
    "billers.list_bills": "accounts that link_account has counted",
    "traffic_police.remove_violation": "what an officer has decided",
}
"""Asked about what was chosen at another door, which is named and tried here too."""
DOORS = {
    "wechat_sign_in.code_to_session": ("modules.identity.mini_programmes.service", "_known"),
    "enterprise_data.pull": ("credit.lending.companies.service", "link_company"),
    "parking.list_sessions": ("modules.mobility.parking.service", "link_plate"),
    "billers.list_bills": ("modules.utilities.accounts.service", "link_account"),
}
COUNTING = {"require", "take", "count_use"}

Function = tuple[str, str]
"""A module and a function at its top, or "" for what stands outside of one."""


@dataclass
class Source:
    """The product's functions, and which of them names which."""

    names: dict[Function, set[Function]] = field(default_factory=dict)

    @classmethod
    def read(cls) -> "Source":
        """The whole product."""
        source = cls()
        for path in files_of_the_tree():
            if path.suffix == ".py" and path.parts[0] not in ("tests", "bench", "sandbox"):
                module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
                source._add(module, ast.parse((ROOT / path).read_text(encoding="utf-8")))
        return source

    def _add(self, module: str, tree: ast.Module) -> None:
        known: dict[str, Function] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    known[alias.asname or alias.name] = (node.module, alias.name)
        for statement in tree.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                known[statement.name] = (module, statement.name)
        for statement in tree.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                self.names[module, statement.name] = set(_named(statement, known))
            elif isinstance(statement, ast.ClassDef):
                for part in statement.body:
                    name = getattr(part, "name", "")
                    found = self.names.setdefault((module, f"{statement.name}.{name}"), set())
                    found |= set(_named(part, known))
            elif not isinstance(statement, ast.Import | ast.ImportFrom):
                self.names.setdefault((module, ""), set()).update(_named(statement, known))

    @cached_property
    def named_by(self) -> dict[Function, set[Function]]:
        """Who names a function."""
        by: dict[Function, set[Function]] = {}
        for who, names in self.names.items():
            for name in names - {who}:
                by.setdefault(name, set()).add(who)
        return by

    def counts(self, function: Function, seen: frozenset[Function] = frozenset()) -> bool:
        """Whether a function counts, itself or by what it calls."""
        if function[0].endswith("rate_limit"):
            return function[1] in COUNTING
        return function not in seen and any(
            self.counts(name, seen | {function}) for name in self.names.get(function, ())
        )

    def uncounted(self, function: Function, seen: frozenset[Function]) -> Iterator[Function]:
        """The doors that lead to a function without anybody who counts on the way."""
        callers = self.named_by.get(function, set()) - seen
        if not callers:
            yield function
        for caller in callers:
            if not self.counts(caller):
                yield from self.uncounted(caller, seen | {function})


def _named(node: ast.AST, known: dict[str, Function]) -> Iterator[Function]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in known:
            yield known[part.id]
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            module, name = known.get(part.value.id, ("", ""))
            if module:
                yield f"{module}.{name}", part.attr


@pytest.fixture(scope="module")
def source() -> Source:
    """The product, read once."""
    return Source.read()


def _operations() -> dict[str, Operation[..., object]]:
    return {
        f"{system.name}.{name}": operation
        for system in SYSTEMS.of(discover())
        for name, operation in system.operations.items()
    }


def _chosen(operation: Operation[..., object]) -> set[str]:
    return set(signature(operation.make).parameters) & CHOSEN


OPERATIONS = _operations()
ASKING = sorted(name for name, one in OPERATIONS.items() if _chosen(one))


def test_of_each_parameter_it_is_said_who_chooses_it() -> None:
    assert not CHOSEN & OURS
    said = CHOSEN | OURS | {"access"}
    unsaid = {
        f"{name}({parameter})"
        for name, operation in OPERATIONS.items()
        for parameter in signature(operation.make).parameters
        if parameter not in said
    }
    assert unsaid == set()


@pytest.mark.parametrize("name", sorted(set(ASKING) - set(COUNTED_BEFORE)))
def test_no_way_leads_to_a_question_without_a_count(source: Source, name: str) -> None:
    make = OPERATIONS[name].make
    function = (make.__module__, make.__name__)
    assert source.named_by.get(function), f"nobody asks {name}"
    assert set(source.uncounted(function, frozenset())) == set()


def test_what_is_counted_at_another_door_is_counted_there(source: Source) -> None:
    assert set(ASKING) >= set(COUNTED_BEFORE) >= set(DOORS)
    for door in DOORS.values():
        assert door in source.names and source.counts(door)
