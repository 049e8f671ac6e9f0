"""The command line, loaded once for all tests of a worker."""

from collections.abc import Iterator

import pytest

from tests.core.processes.commands import Quancheng, loaded_quancheng


@pytest.fixture(scope="session")
def quancheng() -> Iterator[Quancheng]:
    with loaded_quancheng() as command_line:
        yield command_line
