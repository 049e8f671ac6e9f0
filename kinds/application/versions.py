"""Definitions as they stand: declared by services, completed by the city's file, kept for cases.

A definition is stored under the hash of its content when its first case is opened, so a case that
runs keeps its own however the file is edited.
"""

import tomllib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Any, TypeAlias
from uuid import UUID

import structlog
from pydantic import TypeAdapter

from core.city import City
from core.context.app import App
from core.context.call import Call
from core.context.contributions import StartCheck
from core.database import Transaction, connection, fetch_all
from core.errors import Conflict, StartError
from core.json import to_json
from core.manifest import Manifest
from core.rooms import ExtensionPoint
from core.security.authorization import Scope
from core.settings import Settings
from kinds.application import texts
from kinds.application.definition import Definition, FieldType, Turn
from kinds.application.form import Problem
from kinds.application.models import Case
from kinds.application.soundness import DefinitionInvalid, check

_ADAPTER = TypeAdapter(Definition)
_KNOWN_MOST = 5_000
log = structlog.get_logger(__name__)


Look: TypeAlias = Callable[[Call, Definition, Mapping[str, str]], Awaitable[Sequence[Problem]]]
Rule: TypeAlias = Callable[[City, Definition, Mapping[str, str], date], Sequence[Problem]]
Moved: TypeAlias = Callable[[App, Transaction, Case, str, str], Awaitable[None]]
Suited: TypeAlias = Callable[[App, Transaction, Case], Awaitable[Collection[UUID]]]


@dataclass(frozen=True, slots=True)
class Application:
    """A service that runs on the engine: the structure of its definition.

    `rule` finds what is wrong with a complete form beyond its fields: it is given the answers that
    are there, and today. `for_item(call, definition, item)` makes the definition of one item of the
    city's registry, None for an item that there is not; without it the service has one definition.
    """

    definition: Definition
    rule: Rule | None = None
    look: Look | None = None
    """`look(call, definition, form)` finds what an outside system has against a form that is being
    handed in. It is asked before the step's transaction, and refuses the step where it raises."""
    calls_back: bool = False
    """Its cases are the call-backs that follow on poor ratings of others."""
    opens_itself: bool = False
    """Its cases are opened by a command of its own, not by `openCase`."""
    scope: Scope = Scope.CASES_HANDLE
    """What staff need to handle its cases; those of another scope are handled by commands of the
    service's own."""
    moved: Moved | None = None
    """`moved(app, tx, case, event, note)` is called in the transaction of whatever opens a case,
    moves it or gives it to another unit; `note` is what an officer said with it."""
    hides_person: str = ""
    """The field of its form, a FLAG, by which a citizen stays unknown to all units but the one with
    which a case begins. It is not of the definition: it is kept for cases under every version."""
    suited: Suited | None = None
    """`suited(app, tx, case)` are the officers who should have a case before their colleagues."""
    for_item: Callable[[Call, Definition, str], Awaitable[Definition | None]] | None = None

    @property
    def service(self) -> str:
        """The catalogue service."""
        return self.definition.service


APPLICATIONS = ExtensionPoint("application", Application, key=lambda a: a.service)


def read_rules(settings: Settings, service: str) -> Mapping[str, Any]:
    """The city's decisions on a service. Raises StartError naming the file."""
    path = settings.city_file.with_suffix("") / "applications" / f"{service}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StartError(f"{path}: {error}") from None


def complete(definition: Definition, rules: Mapping[str, Any]) -> Definition:
    """The definition with the city's decisions. Raises StartError for one that it does not know."""
    known = ("unit", "escalates_to", "promise", "limits", "warn_days", "open_most")
    if unknown := sorted(rules.keys() - set(known)):
        raise StartError(f"{definition.service}: the city decides nothing named {unknown[0]}")
    return replace(definition, **rules)


def _check_start(settings: Settings, manifests: Sequence[Manifest], city: City) -> None:
    """Refuse to start with a definition that could strand a case."""
    for application in APPLICATIONS.of(manifests):
        definition = complete(application.definition, read_rules(settings, application.service))
        try:
            check(definition, city.departments)
        except DefinitionInvalid as error:
            raise StartError(str(error)) from None
        check_secret(application)


def check_secret(application: Application) -> None:
    """Refuse to start where nothing could keep who a citizen is. Raises StartError."""
    name, definition = application.hides_person, application.definition
    if not name:
        return
    if not any(field.name == name and field.type is FieldType.FLAG for field in definition.form):
        raise StartError(f"{application.service}: the form has no flag {name!r}")
    if definition.materials:
        raise StartError(f"{application.service}: its papers would tell who {name!r} hides")


START_CHECK = StartCheck(_check_start)


def rule_of(app: App, service: str) -> Rule | None:
    """The rule of a service's own for its form."""
    return _declared(app)[service].rule


def is_opened_elsewhere(app: App, service: str) -> bool:
    """Whether a service's cases are not opened by `openCase`."""
    application = _declared(app)[service]
    return application.calls_back or application.opens_itself


def find_application(app: App, service: str) -> Application | None:
    """What a service declares; None for one that runs on the engine no more."""
    return _declared(app).get(service)


def scope_of(app: App, service: str) -> Scope:
    """What staff need to handle a service's cases."""
    application = find_application(app, service)
    return application.scope if application else Scope.CASES_HANDLE


def services_of(app: App, scope: Scope) -> Sequence[str]:
    """The services whose cases staff with a scope handle."""
    return [one.service for one in _declared(app).values() if one.scope is scope]


def _declared(app: App) -> Mapping[str, Application]:
    return app.once(
        "applications.declared",
        lambda: {one.service: one for one in app.extensions(APPLICATIONS)},
    )


async def find_call_back(call: Call) -> Definition | None:
    """The definition of call-backs, where a service declares one."""
    for application in _declared(call.app).values():
        if application.calls_back:
            return await find_current(call, application.service)
    return None


async def find_current(call: Call, service: str, item: str = "") -> Definition | None:
    """The definition by which a case would be opened now; None for no such service or item.

    Raises what a service's `for_item` does: Unavailable, Conflict for an item that is withdrawn;
    Conflict ITEM_NOT_ONLINE for one by which a case could be stranded.
    """
    app = call.app
    application = _declared(app).get(service)
    if application is None:
        return None
    definition = app.once(
        ("applications.definition", service),
        lambda: complete(application.definition, read_rules(app.settings, service)),
    )
    if application.for_item is None:
        return definition if not item else None
    of_item = await application.for_item(call, definition, item)
    if of_item is not None:
        try:
            check(of_item, app.city.departments)
        except DefinitionInvalid as error:
            log.error("item not usable", faults=str(error))
            raise Conflict(texts.ITEM_NOT_ONLINE) from None
    return of_item


async def store(app: App, definition: Definition) -> UUID:
    """Keep a definition for the cases that are opened under it, once; returns its id."""
    known = _known(app)
    # the adapter writes the fields alone: the dataclass remembers derived values too
    body = to_json(_ADAPTER.dump_python(definition, mode="json"), sort_keys=True)
    definition_id = UUID(bytes=sha256(body).digest()[:16])
    if definition_id in known:
        return definition_id
    edges = sorted({f"{edge.state}>{edge.target}" for edge in definition.machine.edges})
    ends = [state.name for state in definition.states if state.turn is Turn.NOBODY]
    await connection().execute_query(
        """INSERT INTO applications_definition
             (id, service_id, item, body, first_state, edges, ends, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING""",
        [
            definition_id,
            definition.service,
            definition.item,
            body.decode(),
            definition.states[0].name,
            to_json(edges).decode(),
            to_json(ends).decode(),
            app.clock.now(),
        ],
    )
    _keep(known, definition_id, definition)
    return definition_id


async def get_stored(app: App, definition_id: UUID) -> Definition:
    """The definition that a case runs by."""
    return (await get_all_stored(app, [definition_id]))[definition_id]


def find_stored(app: App, definition_id: UUID) -> Definition | None:
    """The definition that a case runs by, where this process has read it before."""
    return _known(app).get(definition_id)


async def get_all_stored(app: App, ids: Collection[UUID]) -> Mapping[UUID, Definition]:
    """The definitions that cases run by, in one statement at most: they never change."""
    known = _known(app)
    found = {id_: known[id_] for id_ in ids if id_ in known}
    missing = [id_ for id_ in set(ids) if id_ not in found]
    if missing:
        sql = "SELECT id, body FROM applications_definition WHERE id = ANY($1)"
        for row in await fetch_all(connection(), sql, missing):
            found[row["id"]] = _ADAPTER.validate_json(row["body"])
            _keep(known, row["id"], found[row["id"]])
    return found


def _known(app: App) -> dict[UUID, Definition]:
    return app.once("applications.stored", dict)


def _keep(known: dict[UUID, Definition], definition_id: UUID, definition: Definition) -> None:
    if len(known) >= _KNOWN_MOST:
        known.clear()
    known[definition_id] = definition
