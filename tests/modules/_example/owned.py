"""The list of followed fountains, for the contract suite in tests/kinds."""

from collections.abc import Mapping
from typing import Any

from core.context.call import Call
from modules._example import service
from modules._example.domain import Fountain, FountainState
from modules._example.store import FOLLOWED
from modules._example.upstream import Fountains
from tests.conftest import NOON
from tests.kinds.owned_user import OwnedUser
from tests.modules._example.conftest import LIXIA, FakeFountains


async def _link(call: Call, n: int, key: str) -> None:
    await service.follow_fountain(call, f"f-{n}", key)


def _fakes(things: int) -> Mapping[type, Any]:
    network = FakeFountains()
    for n in range(things):
        network.fountains[f"f-{n}"] = Fountain(f"f-{n}", "东门", LIXIA, FountainState.WORKING, NOON)
    return {Fountains: network}


def _silence(fakes: Mapping[type, Any], on: bool) -> None:
    fakes[Fountains].is_silent = on


USERS = [OwnedUser(FOLLOWED, _link, fakes=_fakes, silence=_silence)]
