"""The outside system: what this module asks of it, one declared operation each.

Only the operations that the module uses stand here. The contract is described in docs/upstreams/.
"""

from collections.abc import Sequence

from pydantic import AwareDatetime
from pydantic.dataclasses import dataclass

from core.clock import ensure_utc
from core.upstream.operation import Request, System, json_of
from modules._example.domain import Fountain, FountainState

NETWORK = System("fountains")


@dataclass(frozen=True)
class _Record:
    """A fountain as the network writes it; a time without its zone is refused, not guessed."""

    id: str
    name: str
    district: str
    open: bool
    since: AwareDatetime


def _fountain(record: _Record) -> Fountain:
    state = FountainState.WORKING if record.open else FountainState.CLOSED
    return Fountain(record.id, record.name, record.district, state, ensure_utc(record.since))


def _fountains(records: list[_Record]) -> Sequence[Fountain]:
    return [_fountain(record) for record in records]


@NETWORK.operation(
    "GET", "/fountains", answers=json_of(list[_Record]).then(_fountains), hedged=True
)
def list_fountains(district_code: str) -> Request:
    """The fountains of a district."""
    return Request(params={"district": district_code})


@NETWORK.operation(
    "GET", "/fountains/{fountain_ref}", answers=json_of(_Record).then(_fountain).or_none(404)
)
def find_fountain(fountain_ref: str) -> Request:
    """A fountain, or None where there is none."""
    return Request(path={"fountain_ref": fountain_ref})
