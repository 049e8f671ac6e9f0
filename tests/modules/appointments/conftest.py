"""Appointments with a hospital in memory, or with the sandbox's hospitals over HTTP."""

from collections.abc import Mapping
from typing import Any

import pytest

from core.clock import ManualClock
from modules.appointments.hospitals.upstream import Hospitals
from tests.modules.appointments.fake_hospitals import FakeHospitals


@pytest.fixture
def hospitals(clock: ManualClock) -> FakeHospitals:
    """The hospitals in memory."""
    return FakeHospitals(clock)


@pytest.fixture
def upstreams(hospitals: FakeHospitals) -> Mapping[type, Any]:
    """The outside systems of these tests."""
    return {Hospitals: hospitals}
