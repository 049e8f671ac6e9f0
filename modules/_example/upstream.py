"""The outside system: what this module needs of it (the protocol), and its HTTP client.

The protocol lists only what the module uses, so that a fake of it in tests is ten lines, and
another city's system is one more class. The contract is described in docs/upstreams/.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar
from urllib.parse import quote

from pydantic import AwareDatetime, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from core.clock import ensure_utc
from core.context.app import App
from core.deadline import Deadline
from core.upstream.client import Response, UpstreamFailed, UpstreamRejected
from modules._example.domain import Fountain, FountainState

T = TypeVar("T")

_NOT_FOUND = 404


@dataclass(frozen=True)
class _Told:
    """A fountain as the network writes it; a time without its zone is refused, not guessed."""

    id: str
    name: str
    district: str
    open: bool
    since: AwareDatetime


_ONE = TypeAdapter(_Told)
_MANY = TypeAdapter(list[_Told])


class Fountains(Protocol):
    """What this module needs of the fountain network."""

    async def list_fountains(self, district_code: str, deadline: Deadline) -> Sequence[Fountain]:
        """The fountains of a district. Raises UpstreamError when there is no answer."""
        ...

    async def find_fountain(self, fountain_ref: str, deadline: Deadline) -> Fountain | None:
        """A fountain, or None where there is none. Raises UpstreamError."""
        ...


class FountainsClient:
    """The network over HTTP. Timeouts, retries, breaker and metrics are the client's business."""

    def __init__(self, app: App, address: str) -> None:
        self._http = app.http.upstream("fountains", address)

    async def list_fountains(self, district_code: str, deadline: Deadline) -> Sequence[Fountain]:
        """See the protocol."""
        answer = await self._http.request(
            "GET",
            "/fountains",
            params={"district": district_code},
            operation="list_fountains",
            deadline=deadline,
        )
        return [_fountain(told) for told in _read(answer, _MANY)]

    async def find_fountain(self, fountain_ref: str, deadline: Deadline) -> Fountain | None:
        """See the protocol."""
        try:
            answer = await self._http.request(
                "GET",
                # what a client sent is data, also in an address
                f"/fountains/{quote(fountain_ref, safe='')}",
                operation="find_fountain",
                deadline=deadline,
            )
        except UpstreamRejected as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return _fountain(_read(answer, _ONE))


def _read(answer: Response, form: TypeAdapter[T]) -> T:
    """An answer in an unknown form is a failure of the upstream, not a bug of ours."""
    try:
        return form.validate_json(answer.body)
    except ValidationError:
        raise UpstreamFailed(answer.upstream, answer.operation, "unknown form") from None


def _fountain(told: _Told) -> Fountain:
    state = FountainState.WORKING if told.open else FountainState.CLOSED
    return Fountain(told.id, told.name, told.district, state, ensure_utc(told.since))
