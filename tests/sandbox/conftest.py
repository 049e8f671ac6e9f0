"""A running sandbox for all tests here, put back to its beginning before each."""

import pytest

from tests.sandbox.serving import Client


@pytest.fixture
def city(sandbox: Client) -> Client:
    """A client of the sandbox, which begins afresh."""
    return sandbox
