"""One running house for all journeys: two APIs, two job workers, one database; one to break."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from journeys.house import House

from bff.client.city import CityClient
from core.clock import SHANGHAI

LEAP_DAY = datetime(2028, 2, 29, 9, tzinfo=SHANGHAI)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A running house with two API and two worker processes, on a day that few think of."""
    folder = tmp_path_factory.mktemp("house")
    with House(folder, apis=2, workers=2, at=LEAP_DAY) as running:
        yield running


@pytest.fixture(scope="session")
def fragile() -> Iterator[House]:
    """A house with one process of each kind, to kill; each test in it takes its own person.

    Not under pytest's own temporary folder: any pytest that starts meanwhile closes that to the
    server's user, who must come back here after each kill.
    """
    with TemporaryDirectory(prefix="quancheng-fragile-") as folder, House(Path(folder)) as running:
        yield running


@pytest.fixture
async def client(house: House) -> AsyncIterator[CityClient]:
    """A stranger at the first API.

    Who signs in twice goes on with the kept session: between two codes lies a minute.
    """
    sessions = house.data_dir / "sessions"
    async with CityClient(house.api_urls[0], house.sandbox_url, sessions=sessions) as opened:
        yield opened


@pytest.fixture
def at(house: House) -> Callable[[int], CityClient]:
    """A client of the n-th API; the test closes it with `async with`."""
    return lambda number: CityClient(house.api_urls[number], house.sandbox_url)
