"""A running sandbox for all tests here, put back to its beginning before each."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.security.keys import ensure_sandbox_keys
from tests.sandbox.serving import Client, free_port, sandbox_process


@pytest.fixture(scope="session")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fresh keys: the sandbox's files, and the merchant's private keys beside them."""
    folder = tmp_path_factory.mktemp("keys")
    ensure_sandbox_keys(folder)
    return folder


@pytest.fixture(scope="session")
def sandbox_port(keys_dir: Path) -> Iterator[int]:
    port = free_port()
    with sandbox_process(port, keys_dir=keys_dir):
        yield port


@pytest.fixture
async def city(sandbox_port: int) -> AsyncIterator[Client]:
    """A client of the sandbox, which begins afresh."""
    async with Client(sandbox_port) as client:
        assert (await client.post("/_control/reset"))[0] == 204
        yield client
