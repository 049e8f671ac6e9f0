"""The one place that decides: every service at every level, staff scopes, tickets back."""

import ast
import inspect
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from bff.schema.build import build_schema
from core.assurance import ASKABLE, WAYS, Assurance, name_of, ways_to
from core.catalogue import ServiceKind, Theme
from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.errors import AppError, Conflict, Forbidden, InvalidInput, LoginRequired, Missing
from core.graphql import resume_tickets, rule_of
from core.graphql.resume_tickets import TICKET_LIFE, Action
from core.ids import new_id
from core.manifest import discover, load
from core.people.personal_read import Access
from core.security.authentication import Viewer
from core.security.authorization import (
    FRESH_AUTH_LIFE,
    SCOPES,
    Need,
    Role,
    Scope,
    decide,
    need_of,
    scopes_of,
)
from core.texts import Locale
from core.upstream.client import Unlicensed
from core.upstream.operation import SYSTEMS, System
from kinds.booking.policy import load_rules
from tests.conftest import NOON, ROOT
from tests.modules.identity.matrix import PROOFS

PRODUCT = [
    path
    for folder in ("core", "kinds", "modules", "payments", "credit", "notifications", "bff")
    for path in (ROOT / folder).rglob("*.py")
]
SERVICES = [service for manifest in discover() for service in manifest.services]


def _viewer(level: int, age: timedelta = timedelta(0)) -> Viewer:
    proof = Assurance.COUNTER if level == 2 else None
    return Viewer(new_id(), new_id(), level, frozenset(), NOON - age, assurance=proof)


CALLERS: dict[str, Viewer | None] = {
    "stranger": None,
    "phone": _viewer(1),
    "phone, old": _viewer(1, FRESH_AUTH_LIFE),
    "name": _viewer(2),
    "name, almost old": _viewer(2, FRESH_AUTH_LIFE - timedelta(seconds=1)),
    "name, old": _viewer(2, FRESH_AUTH_LIFE),
}


def _expected(level: int, fresh: bool, caller: str) -> Missing | None:
    has = 0 if caller == "stranger" else 1 if caller.startswith("phone") else 2
    if level == 0 and not fresh:
        return None
    if has == 0:
        return Missing.LOGIN
    if has < level:
        return Missing.REAL_NAME
    return Missing.FRESH_AUTH if fresh and caller.endswith(", old") else None


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.id)
def test_every_service_at_every_level(service: Any, caller: str) -> None:
    is_record = service.theme is Theme.HEALTH and service.identity_level == 2
    fresh = service.kind is ServiceKind.PAYMENT or is_record
    missing = None
    try:
        decide(CALLERS[caller], need_of(service), NOON)
    except LoginRequired as refusal:
        missing = refusal.missing
    assert missing is _expected(service.identity_level, fresh, caller)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.id)
def test_every_service_says_which_proof_it_lacks_and_how_to_get_it(service: Any) -> None:
    for proof in (None, *Assurance):
        viewer = replace(_viewer(2), assurance=proof)
        if service.assurance is None or service.assurance.is_met_by(proof):
            decide(viewer, need_of(service), NOON)
            continue
        with pytest.raises(LoginRequired) as refused:
            decide(viewer, need_of(service), NOON)
        refusal = refused.value
        assert (refusal.missing, refusal.assurance) == (Missing.PROOF, service.assurance)
        assert name_of(service.assurance).zh in refusal.say(Locale.ZH)
        assert name_of(service.assurance).en in refusal.say(Locale.EN)
        assert refusal.proofs and all(way in WAYS.values() for way in refusal.proofs)


def test_what_gives_money_or_shows_a_person_asks_for_more_than_a_typed_pair() -> None:
    """Which they are is written in tests/modules/identity/matrix.py a second time."""
    asking = {service.id: service.assurance for service in SERVICES if service.assurance}
    assert set(asking.values()) == {Assurance.CARRIER} and asking.keys() == PROOFS.keys()
    shows = [s.id for s in SERVICES if (s.kind, s.identity_level) == (ServiceKind.QUERY, 2)]
    assert set(shows) - {"example-query"} <= asking.keys(), "a look-up of somebody's record"


def test_a_way_to_a_proof_is_a_mutation_that_admits_who_lacks_it() -> None:
    schema = build_schema(discover())._schema
    assert schema.mutation_type is not None
    for way in WAYS.values():
        rule = rule_of(schema.mutation_type.fields[way])
        assert rule is not None and rule.need == Need(level=1, proved=False), way
    assert set(WAYS) | {Assurance.TYPED} == ASKABLE and [*ways_to(Assurance.BANK_CARD)] == [
        "proveByCard", "beginNetworkProof"
    ]  # fmt: skip


def test_a_token_carries_the_proof(clock: ManualClock, app: App) -> None:
    for proof in (None, *Assurance):
        viewer = replace(
            _viewer(2), assurance=proof, authenticated_at=clock.now().replace(microsecond=0)
        )
        assert app.tokens.verify(app.tokens.issue(viewer)) == viewer


def test_there_are_sixty_three_at_least() -> None:
    assert len(SERVICES) >= 63


def test_a_service_is_for_others_in_its_manifest_and_at_its_fields_alike() -> None:
    schema = build_schema(discover())._schema
    rules = load_rules(ROOT / "cities/jinan/appointments", SERVICES)
    declared = {service.id for service in SERVICES if service.for_others}
    fields = [
        (name, field)
        for root in (schema.query_type, schema.mutation_type)
        for name, field in (root.fields.items() if root else ())
    ]
    # one field for many services: which one it is, is found out from the slot
    offered = {s.id for s in SERVICES if s.id in rules.venues and s.for_others}
    for name in ("holdAppointment", "joinWaitingList"):
        field = schema.mutation_type.fields[name] if schema.mutation_type else None
        assert field is not None and "onBehalfOf" in field.args
    for name, field in fields:
        rule = rule_of(field)
        if rule is not None and rule.service_id is not None and "onBehalfOf" in field.args:
            assert rule.service_id in declared, name
            offered.add(rule.service_id)
    assert offered == declared


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("scope", Scope)
def test_a_role_may_what_its_scopes_say_and_nothing_else(role: Role, scope: Scope) -> None:
    viewer = Viewer(new_id(), new_id(), 2, frozenset({role}), NOON, scopes_of([role]))
    if scope in SCOPES[role]:
        decide(viewer, Need(1, scope=scope), NOON)
        return
    with pytest.raises(Forbidden):
        decide(viewer, Need(1, scope=scope), NOON)


def test_unknown_roles_and_roles_without_scopes_may_nothing() -> None:
    assert scopes_of(["mayor", "", "operator "]) == frozenset()
    forged = Viewer(new_id(), new_id(), 2, frozenset({"operator"}), NOON)
    with pytest.raises(Forbidden):
        decide(forged, Need(1, scope=Scope.ACCESS_REVIEW), NOON)


ACTION = Action(
    "payBill", {"bill_id": "november-bill", "idempotency_key": "key-12345"}, Need(1), "water"
)


def test_a_ticket_leads_back_and_holds_no_input(call: Callable[..., Call]) -> None:
    ticket = resume_tickets.issue(call(), ACTION)
    found = resume_tickets.read(call(level=1), ticket)
    assert (found.operation, found.service) == ("payBill", "water")
    assert found.idempotency_key == "key-12345"
    assert found.expires_at == NOON + TICKET_LIFE
    assert "november-bill" not in ticket


def test_the_same_action_passes_and_any_other_input_or_key_is_refused(
    call: Callable[..., Call],
) -> None:
    from dataclasses import replace

    back = replace(call(level=1), resume_ticket=resume_tickets.issue(call(), ACTION))
    resume_tickets.refuse_other(back, ACTION)
    for changed in ({"bill_id": "b2"}, {"idempotency_key": "key-54321"}, {"more": 1}):
        with pytest.raises(Conflict):
            other = Action("payBill", {**ACTION.arguments, **changed}, ACTION.need, "water")
            resume_tickets.refuse_other(back, other)
    resume_tickets.refuse_other(back, Action("inbox", {}, Need(1)))


def test_forged_late_and_other_peoples_tickets_are_told_alike(
    call: Callable[..., Call], clock: ManualClock, app: App
) -> None:
    owner, other = call(level=1), call(level=1)
    owned = resume_tickets.issue(owner, ACTION)
    assert resume_tickets.read(owner, owned).operation == "payBill"
    assert owner.viewer is not None
    access_token = app.tokens.issue(owner.viewer)
    bad = ["", "x", owned[:-3] + "AAA", access_token]
    refused = [_refusal(other, ticket) for ticket in [*bad, owned]] + [_refusal(call(), owned)]
    clock.move(TICKET_LIFE)
    refused.append(_refusal(owner, owned))
    assert {error.code for error in refused} == {"TICKET_INVALID"}


def _refusal(call: Call, ticket: str) -> AppError:
    with pytest.raises(InvalidInput) as refused:
        resume_tickets.read(call, ticket)
    return refused.value


def test_a_ticket_is_no_access_token(call: Callable[..., Call], app: App) -> None:
    with pytest.raises(LoginRequired):
        app.tokens.verify(resume_tickets.issue(call(level=2), ACTION))


async def test_the_client_asks_nobody_for_personal_data_without_an_access(app: App) -> None:
    from core.deadline import Deadline

    upstream = app.http.upstream("housing_fund", "http://127.0.0.1:9")
    person: Any = None
    for access in (None, Access(person, "p", new_id(), new_id(), "police")):
        with pytest.raises(Unlicensed):
            await upstream.request(
                "POST",
                "/accounts/query",
                operation="find_account",
                deadline=Deadline.after(1),
                access=access,
            )


def _systems() -> list[System]:
    """Every system that the product declares, with all its operations."""
    for path in PRODUCT:
        if ".operation(" in path.read_text(encoding="utf-8"):
            import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return SYSTEMS.of(discover(examples=True))


def test_every_operation_that_takes_an_access_is_personal() -> None:
    operations = [one for system in _systems() for one in system.operations.values()]
    takes = [one for one in operations if Access in get_type_hints(one.make).values()]
    assert takes == [one for one in operations if one.personal]
    names = {f"{one.system.name}.{one.name}" for one in takes}
    assert {"housing_fund.find_account", "police.verify", "his_billing.list_bills"} <= names


def test_every_declared_system_is_in_a_room() -> None:
    declared = [
        node.args[0].value
        for path in PRODUCT
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "System"
        and isinstance(node.args[0], ast.Constant)
    ]
    assert sorted(declared) == sorted(system.name for system in _systems())


def test_every_protocol_that_takes_an_access_declares_what_is_personal() -> None:
    for manifest in discover():
        for binding in manifest.upstreams:
            methods = inspect.getmembers(load(binding.protocol), inspect.isfunction)
            takes = [name for name, one in methods if Access in get_type_hints(one).values()]
            assert not takes or binding.personal, f"{binding.name}: {takes}"


def test_an_access_is_made_in_one_file_only() -> None:
    makers = set()
    for path in PRODUCT:
        if _calls(path, "Access"):
            makers.add(path.relative_to(ROOT).as_posix())
    assert makers == {"core/people/personal_read.py"}


def _calls(path: Path, name: str) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return any(isinstance(func, ast.Name) and func.id == name for func in calls)
