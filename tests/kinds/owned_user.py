"""How the contract suite of the owned list drives a service that has one."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.context.call import Call
from kinds.owned import OwnedList


def _nobody(_things: int) -> Mapping[type, Any]:
    return {}


@dataclass(frozen=True)
class OwnedUser:
    """A service with an owned list; a module names its own in `tests/modules/<module>/owned.py`.

    `link(call, n, key)` links its n-th thing, `unlink(call, id, key)` removes one where that can
    be. `fakes(things)` are the outside systems that know so many things, and `silence(fakes, on)`
    makes them silent.
    """

    owned: OwnedList[Any]
    link: Callable[[Call, int, str], Awaitable[object]]
    unlink: Callable[[Call, UUID, str], Awaitable[None]] | None = None
    fakes: Callable[[int], Mapping[type, Any]] = _nobody
    silence: Callable[[Mapping[type, Any], bool], None] | None = None
