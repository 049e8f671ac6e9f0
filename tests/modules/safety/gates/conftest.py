"""The education bureau in the place of its operations."""

from collections.abc import Mapping
from typing import Any

import pytest

from modules.safety.schools.upstream import BUREAU
from tests.modules.safety.schools.bureau import FakeBureau
from tests.upstreams import by_operation


@pytest.fixture
def bureau() -> FakeBureau:
    """The bureau."""
    return FakeBureau()


@pytest.fixture
def upstreams(bureau: FakeBureau) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(bureau, BUREAU)
