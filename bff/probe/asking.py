"""Asking a service whether it answers: its trusted queries, run in this process as the probe.

Only what reads is run. It passes neither the limits of citizens nor their counters and figures:
the probe's budget is its own, one query at a time.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from graphql import GraphQLError, OperationDefinitionNode, get_operation_ast, parse

from bff.execution.errors import ClientErrors, cause_of
from bff.execution.executor import Executor
from bff.request.operation import Operation
from bff.trusted.blanks import days_around, fill
from bff.trusted.documents import Documents, TrustedDocument, TrustedOperation
from bff.trusted.parts import parts_of
from core.assurance import Assurance
from core.catalogue import ServiceStatus
from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline, within
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.people.directory import probe_of
from core.refusal_texts import DEADLINE_PASSED, INTERNAL_ERROR
from core.security.authentication import PROBE_ID, Viewer
from core.telemetry.call_counts import tallying
from core.upstream.client import UpstreamError
from core.upstream.operation import SYSTEMS
from core.upstream.readings import ReadStatus

_GRACE_S = 0.1
_RULES = (Conflict, InvalidInput, NotFound)
"""A service that refuses the probe by a rule of its own has answered."""
_NOT_LIVE = (ReadStatus.STALE, ReadStatus.UNAVAILABLE)
_NOTHING = "00000000-0000-0000-0000-000000000000"
"""The id of nothing, for a service that can be asked only about something: it must say so."""


@dataclass(frozen=True, slots=True)
class Check:
    """What became of one service: the longest of its queries, and what the first failure said."""

    service_id: str
    latency_ms: int
    fault: str | None
    """A stable code; None where everything answered."""


@dataclass(frozen=True, slots=True)
class Person:
    """As whom services are asked: the viewer, and what fills the blanks of their examples."""

    viewer: Viewer | None
    known: Mapping[str, Any]


async def ask_all(
    app: App, executor: Executor, documents: Documents, known: Mapping[str, Any]
) -> Sequence[Check]:
    """One check for each living service that can be asked, one after the other.

    `known` fills the blanks of example variables: name, phone, household and so on. Where the
    process has no probe's person, only services for anybody are asked.
    """
    viewer = None
    if probe_of(app).person is not None:
        viewer = Viewer(
            PROBE_ID, PROBE_ID, 2, frozenset(), app.clock.now(), assurance=Assurance.COUNTER
        )
    person = Person(viewer, {**known, "day": days_around(civil_date(app.clock.now()))})
    checks = []
    for tile in app.services.values():
        document = documents.for_service(tile.id)
        is_asked = tile.status is ServiceStatus.LIVE and (viewer or not tile.identity_level)
        if document is not None and is_asked:
            checks.append(await ask(app, executor, document, person))
    return [check for check in checks if check is not None]


async def ask(
    app: App, executor: Executor, document: TrustedDocument, person: Person
) -> Check | None:
    """Run a document's queries in their order, those whose variables are known; where there are
    none, its first about nothing. None for a document without queries.

    A query after one that failed is not run. Then the systems that the service needs and that no
    query has reached are asked: a refusal by a rule of ours says nothing of them.
    """
    with tallying() as calls:
        check = await _query(app, executor, document, person)
    if check is None or check.fault is not None:
        return check
    started_s = time.monotonic()
    fault = await _ask_systems(_call(app, person), document, calls.systems)
    return replace(check, fault=fault, latency_ms=max(check.latency_ms, _ms_since(started_s)))


async def _query(
    app: App, executor: Executor, document: TrustedDocument, person: Person
) -> Check | None:
    known, longest_ms, is_asked = dict(person.known), 0, False
    queries = [one for one in document.operations if one.kind == "query"]
    for query, lacking in [
        *((one, None) for one in queries),
        *((one, _NOTHING) for one in queries),
    ]:
        variables = _variables(query, document, known, lacking)
        if variables is None or (lacking and is_asked):
            continue
        is_asked = True
        started_s = time.monotonic()
        data, fault = await _run(_call(app, person), executor, query, variables)
        longest_ms = max(longest_ms, _ms_since(started_s))
        if fault is not None:
            return Check(document.name, longest_ms, fault)
        known |= data
    return Check(document.name, longest_ms, None) if is_asked else None


async def _ask_systems(
    call: Call, document: TrustedDocument, reached: Collection[str]
) -> str | None:
    """Why a system that the service needs does not answer; those that were reached are known to."""
    for system in call.app.extensions(SYSTEMS):
        if system.name in document.needs and system.name not in reached:
            try:
                await system.ask(call.app, call.deadline, document.variables)
            except UpstreamError as error:
                return error.reason
    return None


def _call(app: App, person: Person) -> Call:
    deadline = Deadline.after(app.settings.request_deadline_s)
    return Call(app, deadline, f"probe-{new_id()}", person.viewer)


def _ms_since(started_s: float) -> int:
    return round(1000 * (time.monotonic() - started_s))


class _Faults(ClientErrors):
    """Notes the code of the first error that is no refusal by a rule."""

    code: str | None = None

    def __call__(self, error: GraphQLError) -> GraphQLError:
        shown = super().__call__(error)
        if self.code is None and not isinstance(cause_of(error), _RULES):
            self.code = str((shown.extensions or {}).get("code", INTERNAL_ERROR.code))
        return shown


async def _run(
    call: Call, executor: Executor, query: TrustedOperation, variables: Mapping[str, Any]
) -> tuple[Mapping[str, Any], str | None]:
    """The data of a query, and why it does not count as answered."""
    faults = _Faults(call)
    operation = executor.prepare(Operation(document_id=query.id)).operation
    body = operation.execute(context=call, variables=variables, on_error=faults, extensions=None)
    try:
        answer = orjson.loads(
            body if isinstance(body, bytes) else await within(call.deadline, _GRACE_S, body)
        )
    except TimeoutError:
        return {}, DEADLINE_PASSED.code
    data: Mapping[str, Any] = answer.get("data") or {}
    for _, part in parts_of(data):
        if part.get("status") in _NOT_LIVE:
            return data, str(part.get("reason") or part["status"])
    return data, faults.code


def _variables(
    query: TrustedOperation,
    document: TrustedDocument,
    known: Mapping[str, Any],
    lacking: str | None,
) -> Mapping[str, Any] | None:
    """The variables of a query, `lacking` for those that it must have and that are unknown; None
    where there is none."""
    node = get_operation_ast(parse(query.source))
    assert isinstance(node, OperationDefinitionNode)
    variables: dict[str, Any] = {}
    for definition in node.variable_definitions or ():
        name = definition.variable.name.value
        try:
            variables[name] = fill(document.variables[name], known)
        except LookupError:
            if definition.type.kind == "non_null_type" and definition.default_value is None:
                if lacking is None:
                    return None
                variables[name] = lacking
    return variables
