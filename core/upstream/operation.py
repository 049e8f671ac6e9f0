"""Operations of outside systems, each declared once: request, answer, and how it is sent.

    CENTRE = System("housing_fund")

    @CENTRE.operation(
        "POST", "/accounts/query", answers=json_of(Account).or_none(404), safe=True, personal=True
    )
    def find_account(access: Access) -> Request:
        return Request(json=about_person(access), access=access)

    account = await find_account(app, deadline, access)

The function makes the request of its arguments; the operation of its name sends it and reads the
answer. Deadline, breaker, retries, hedging, metrics and the guard over personal data are the
client's (`core.upstream.client`). Tests give a function of the same arguments in its place.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from operator import attrgetter
from typing import Any, BinaryIO, Generic, ParamSpec, Protocol, TypeVar, cast, get_origin
from urllib.parse import quote

from pydantic import TypeAdapter

from core.database import refuse_in_transaction
from core.deadline import Deadline
from core.id_documents import ID_NUMBERS_ALONE, DocumentCodes
from core.rooms import ExtensionPoint
from core.upstream.breaker import BreakerPolicy
from core.upstream.client import (
    JSON,
    HttpClient,
    Response,
    Timeouts,
    Upstream,
    UpstreamFailed,
    UpstreamRejected,
    UpstreamUnavailable,
)
from core.upstream.records import Log, Records, each_once, log_reader, records_reader
from core.upstream.rules import Licence, require_licence

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")

Arguments = tuple[Any, ...]
ProbeArguments = Arguments | Callable[[Any, Mapping[str, Any]], Arguments]
"""Themselves, or what makes them of the App and of the example variables of the service that needs
the system."""

BODY_MAX_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """What one call of an operation sends."""

    path: Mapping[str, str] = field(default_factory=dict)
    """The values of the placeholders in the operation's path; percent-encoded when sent."""
    link: str = ""
    """In the place of the operation's path: one below the system's address, as it gave it itself,
    percent-encoded."""
    json: object = None
    data: bytes | None = None
    """A body that is no JSON; its media type is in `headers`."""
    params: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    access: Licence | None = None
    """What permits a personal operation."""
    into: BinaryIO | None = None
    """Takes a large answer chunk by chunk, afresh at each attempt."""
    server: str = ""
    """Which of the system's servers is asked, where it is several: each ends only its own calls."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """How the answer to an operation is read.

    `read` raises KeyError, TypeError or ValueError for an unknown form.
    """

    read: Callable[[Response], T]
    none_at: int | str | None = None
    """The status, or the code, of the refusal that says that there is none."""
    form: Any = None
    """The type of what is read, where it is read by a type."""

    def then(self, convert: Callable[[T], U]) -> "Answer[U]":
        """The same, converted; `convert` raises ValueError for what cannot be right."""
        assert self.none_at is None, "or_none comes last"
        return Answer(lambda response: convert(self.read(response)), form=self.form)

    def or_none(self, refusal: int | str) -> "Answer[T | None]":
        """The same, or None where the system refuses with this status or with this code."""
        return Answer(self.read, refusal, self.form)


NOTHING: Answer[None] = Answer(lambda _: None)
"""Of the answer nothing is read: that it came is enough."""


def json_of(form: type[T], member: str = "") -> Answer[T]:
    """An answer whose JSON, or the named member of it, has the form of a type.

    Raises TypeError for a list: `records_of` reads it record by record, `whole_list_of` whole.
    """
    if form is list or get_origin(form) in (list, Sequence):
        raise TypeError(f"{form}: a list is of records_of, or of whole_list_of")
    return _json_of(form, member)


def whole_list_of(form: type[T], member: str = "", key: str = "") -> Answer[Sequence[T]]:
    """An answer whose JSON, or the named member of it, is a list that counts as a whole.

    One record without the form makes it unreadable: for where one left out would be a lie, as in a
    sum of what is due. Of those with the same `key`, a field of the form, the first stands alone.
    """
    whole: Answer[Sequence[T]] = _json_of(list[form], member)  # type: ignore[valid-type]
    if not key:
        return whole
    of = _field_of(form, key)
    return whole.then(lambda items: each_once(items, of))


def _json_of(form: type[T], member: str) -> Answer[T]:
    adapter = TypeAdapter(form)

    def read(response: Response) -> T:
        value = response.json()
        return adapter.validate_python(value[member] if member else value)

    return Answer(read, form=form)


def records_of(form: type[T], member: str = "", key: str = "") -> Answer[Records[T]]:
    """An answer whose JSON, or the named member of it ("result.records"), is a list of records.

    A record without the form is left out and counted; see `core.upstream.records`. Of those with
    the same `key`, a field of the form, the first stands alone.
    """
    read = records_reader(form, member)
    records: Answer[Records[T]] = Answer(lambda response: read(response.json()), form=form)
    if not key:
        return records
    of = _field_of(form, key)
    return records.then(lambda found: Records(each_once(found.items, of), found.unreadable))


def log_of(form: type[T], member: str, number: str) -> Answer[Log[T]]:
    """An answer that tells what a log has behind a `number`, a member of its entries: one without
    the form is counted and keeps its place, for its reader to ask for again."""
    read = log_reader(form, member, number)
    return Answer(lambda response: read(response.json()), form=form)


def _field_of(form: type, name: str) -> Callable[[Any], object]:
    assert name in signature(form).parameters, f"{form.__name__} has no {name}"
    return attrgetter(name)


@dataclass(frozen=True)
class System:
    """An outside system; `name` is its entry in UPSTREAMS_FILE.

    Where that file has none it is looked for under the development city, at `/<name>` with dashes.
    """

    name: str
    breaker: BreakerPolicy | None = None
    """When calls stop and how they begin again, where that is not the client's usual way."""
    optional: bool = False
    """Production starts without its address; its operations are unavailable then."""
    documents: DocumentCodes = ID_NUMBERS_ALONE
    """By which documents it knows people, and how it is told of one."""
    operations: dict[str, "Operation[..., Any]"] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Its operations by name, filled in as they are declared."""

    def operation(
        self,
        method: str,
        path: str,
        *,
        answers: Answer[T],
        name: str = "",
        safe: bool | None = None,
        personal: bool = False,
        hedged: bool = False,
        probe: ProbeArguments | None = None,
        accept: str = JSON,
        timeouts: Timeouts | None = None,
        body_max_bytes: int = BODY_MAX_BYTES,
    ) -> Callable[[Callable[P, Request]], "Operation[P, T]"]:
        """Declare the operation that a function makes requests for; its name is the function's
        where no other is given.

        `safe`: repeating it does no harm (default: GET and HEAD); only then is it retried.
        `personal`: it reads a person's data, and is refused without their Access. `hedged`: a slow
        one is sent a second time (`core.upstream.hedging`). `probe`: the arguments with which it
        asks whether the system answers, about nothing, so that nobody's data is read. Raises
        ValueError for a name that the system has already, and where an unsafe one is hedged.
        """
        is_safe = method in {"GET", "HEAD"} if safe is None else safe

        def declare(make: Callable[P, Request]) -> Operation[P, T]:
            known_as = name or make.__name__
            if known_as in self.operations:
                raise ValueError(f"declared twice, operation: {self.name}.{known_as}")
            if hedged and not is_safe:
                raise ValueError(f"{self.name}.{known_as} is not safe to be sent twice")
            self.operations[known_as] = declared = Operation(
                self,
                known_as,
                method,
                path,
                make,
                answers,
                safe=is_safe,
                personal=personal,
                hedged=hedged,
                probe=probe,
                accept=accept,
                timeouts=timeouts,
                body_max_bytes=body_max_bytes,
            )
            return declared

        return declare

    async def ask(self, app: "Connected", deadline: Deadline, example: Mapping[str, Any]) -> None:
        """Ask whether the system answers, by its first operation with a `probe`, if it has one.

        Raises UpstreamError.
        """
        for operation in self.operations.values():
            probe = operation.probe
            if probe is not None:
                await operation(app, deadline, *(probe(app, example) if callable(probe) else probe))
                return


SYSTEMS = ExtensionPoint("outside system", System, key=lambda system: system.name)


@dataclass(frozen=True, eq=False, slots=True)
class Operation(Generic[P, T]):
    """An operation of a system. Declared by `System.operation`; called like a function."""

    system: System
    name: str
    method: str
    path: str
    make: Callable[P, Request]
    answers: Answer[T]
    safe: bool
    personal: bool
    hedged: bool
    probe: ProbeArguments | None
    accept: str
    timeouts: Timeouts | None
    body_max_bytes: int

    async def __call__(
        self, app: "Connected", deadline: Deadline, /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Send one request and read the answer.

        Raises UpstreamTimeout, UpstreamUnavailable, UpstreamRejected, or UpstreamFailed, which
        stands for an answer of unknown form too. Unlicensed and RuntimeError (inside a
        transaction) are our mistakes.
        """
        refuse_in_transaction("an outbound call")
        request, fake = self.make(*args, **kwargs), app.upstreams.find_fake(self)
        if self.personal:
            require_licence(self.system.name, self.name, request.access)
        if fake is not None:
            return await fake(*args, **kwargs)
        try:
            response = await app.upstreams.send(self, request, deadline)
        except UpstreamRejected as refusal:
            if self.answers.none_at in (refusal.status, refusal.code):
                return cast(T, None)  # `or_none` has made it part of T
            raise
        try:
            answer = self.answers.read(response)
        except (KeyError, TypeError, ValueError):
            app.upstreams.note_unreadable(self, 1)
            raise UpstreamFailed(self.system.name, self.name, "unknown form") from None
        if isinstance(answer, Records | Log) and answer.unreadable:
            app.upstreams.note_unreadable(self, answer.unreadable)
        return answer

    def convert(
        self, app: "Connected", records: Records[Any], change: Callable[[Any], U]
    ) -> Records[U]:
        """What `change` makes of each record that this operation brought.

        One for which it raises ValueError is left out and counted, as one without the form is.
        Raises UpstreamFailed where none is left.
        """
        try:
            made = records.convert(change)
        except ValueError:
            app.upstreams.note_unreadable(self, len(records.items))
            raise UpstreamFailed(self.system.name, self.name, "unknown form") from None
        if lost := made.unreadable - records.unreadable:
            app.upstreams.note_unreadable(self, lost)
        return made


class Upstreams:
    """The outside systems as one process reaches them: at their addresses, or, in tests, fakes."""

    def __init__(
        self,
        http: HttpClient,
        systems: Sequence[System],
        addresses: Mapping[str, str],
        fakes: Mapping[Any, Any] | None = None,
    ) -> None:
        self._http = http
        self._systems = set(systems)
        self._documents = {system.name: system.documents for system in systems}
        self._addresses = addresses
        self._fakes = fakes or {}
        self._clients: dict[object, Upstream] = {}
        for system in systems:
            http.rules.declare(system.name, system.operations)

    def find_fake(self, operation: Operation[P, T]) -> Callable[P, Awaitable[T]] | None:
        """What a test has given in the place of an operation."""
        return cast("Callable[P, Awaitable[T]] | None", self._fakes.get(operation))

    def documents_of(self, name: str) -> DocumentCodes:
        """By which documents the system of a name knows people."""
        return self._documents.get(name, ID_NUMBERS_ALONE)

    def find_address(self, name: str) -> str | None:
        """Where the system of a name is, without a slash at the end; None for one left out."""
        return self._addresses.get(name)

    async def send(
        self, operation: Operation[P, T], request: Request, deadline: Deadline
    ) -> Response:
        """Send a request of an operation. Raises as `core.upstream.client.Upstream.request`."""
        path = request.link or operation.path.format_map(
            {name: quote(value, safe="") for name, value in request.path.items()}
        )
        return await self._client(operation).request(
            operation.method,
            path,
            operation=operation.name,
            deadline=deadline,
            json=request.json,
            data=request.data,
            params=request.params,
            headers=request.headers,
            accept=operation.accept,
            safe=operation.safe,
            access=request.access,
            into=request.into,
            server=request.server,
        )

    def note_unreadable(self, operation: Operation[P, T], count: int) -> None:
        """Count answers, or records in one, that have not the form that was agreed on."""
        self._http.note_unreadable(operation.system.name, operation.name, count)

    def _client(self, operation: Operation[P, T]) -> Upstream:
        """The client of an operation's system: one for all operations with the same bounds."""
        name = operation.system.name
        key = (name, operation.timeouts, operation.body_max_bytes)
        if key not in self._clients:
            address = self.find_address(name)
            if operation.system not in self._systems:
                raise LookupError(f"no manifest lists the system {name}")
            if address is None:
                raise UpstreamUnavailable(name, operation.name, "it has no address", blamed=False)
            self._clients[key] = self._http.upstream(
                name,
                address,
                timeouts=operation.timeouts,
                body_max_bytes=operation.body_max_bytes,
                breaker=operation.system.breaker,
            )
        return self._clients[key]


class Connected(Protocol):
    """What an operation needs of the App."""

    @property
    def upstreams(self) -> Upstreams:
        """The systems as this process reaches them."""
        ...
