"""The fountain network in memory; what it promises is in test_upstream.py, for both of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest

from core.upstream.exchange import UpstreamTimeout
from modules._example.domain import Fountain, FountainState
from modules._example.upstream import NETWORK
from tests.conftest import NOON
from tests.upstreams import by_operation

LIXIA = "370102"


class FakeFountains:
    """A network of two fountains, which may fall silent."""

    def __init__(self) -> None:
        self.fountains = {
            "f-1": Fountain("f-1", "泉城公园东门", LIXIA, FountainState.WORKING, NOON),
            "f-2": Fountain("f-2", "大明湖南门", LIXIA, FountainState.WORKING, NOON),
        }
        self.is_silent = False

    def close(self, fountain_ref: str, since_at: datetime) -> None:
        """A fountain runs dry."""
        old = self.fountains[fountain_ref]
        self.fountains[fountain_ref] = Fountain(
            fountain_ref, old.name, old.district_code, FountainState.CLOSED, since_at
        )

    async def list_fountains(self, district_code: str) -> Sequence[Fountain]:
        """See its declaration."""
        self._answer("list_fountains")
        return [f for f in self.fountains.values() if f.district_code == district_code]

    async def find_fountain(self, fountain_ref: str) -> Fountain | None:
        """See its declaration."""
        self._answer("find_fountain")
        return self.fountains.get(fountain_ref)

    def _answer(self, operation: str) -> None:
        if self.is_silent:
            raise UpstreamTimeout("fountains", operation, "no answer in time")


@pytest.fixture
def fountains() -> FakeFountains:
    """The network."""
    return FakeFountains()


@pytest.fixture
def upstreams(fountains: FakeFountains) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(fountains, NETWORK)
