"""A running sandbox for all tests here, put back to its beginning before each."""

from collections.abc import AsyncIterator

import pytest

from tests.sandbox.serving import Client


@pytest.fixture
async def city(sandbox_port: int) -> AsyncIterator[Client]:
    """A client of the sandbox, which begins afresh."""
    async with Client(sandbox_port) as client:
        assert (await client.post("/_control/reset"))[0] == 204
        yield client
