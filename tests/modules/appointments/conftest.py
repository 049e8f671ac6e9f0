"""Appointments with a hospital in memory, or with the sandbox's hospitals over HTTP."""

from collections.abc import Mapping
from typing import Any

import pytest

from core.clock import ManualClock
from modules.appointments.hospitals.upstream import Hospitals
from modules.appointments.vaccination.upstream import Immunisation
from tests.modules.appointments.fake_hospitals import FakeHospitals, make_clinics, make_hospitals


@pytest.fixture
def hospitals(clock: ManualClock) -> FakeHospitals:
    """The hospitals in memory."""
    return make_hospitals(clock)


@pytest.fixture
def clinics(clock: ManualClock) -> FakeHospitals:
    """The vaccination clinics and their registry in memory."""
    return make_clinics(clock)


@pytest.fixture
def upstreams(hospitals: FakeHospitals, clinics: FakeHospitals) -> Mapping[type, Any]:
    """The outside systems of these tests."""
    return {Hospitals: hospitals, Immunisation: clinics}
