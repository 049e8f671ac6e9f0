"""Appointments with a hospital in memory, or with the sandbox's hospitals over HTTP."""

from collections.abc import Mapping
from typing import Any

import pytest

from core.clock import ManualClock
from core.context.app import App
from modules.health.hospitals.upstream import Hospitals
from modules.health.vaccination.upstream import Immunisation
from notifications.channels.gateways import GATEWAY
from payments.psp.port import WeChatPay
from tests.fakes import FakeSms
from tests.kinds.booking.till import Till
from tests.modules.health.hospitals.fake_hospitals import (
    FakeHospitals,
    make_clinics,
    make_hospitals,
)
from tests.payments.fakes import FakePsp
from tests.upstreams import by_operation


@pytest.fixture
def hospitals(clock: ManualClock) -> FakeHospitals:
    """The hospitals in memory."""
    return make_hospitals(clock)


@pytest.fixture
def clinics(clock: ManualClock) -> FakeHospitals:
    """The vaccination clinics and their registry in memory."""
    return make_clinics(clock)


@pytest.fixture
def psp(clock: ManualClock) -> FakePsp:
    """The PSP in memory."""
    return FakePsp(clock)


@pytest.fixture
def upstreams(hospitals: FakeHospitals, clinics: FakeHospitals, psp: FakePsp) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return {
        Hospitals: hospitals,
        Immunisation: clinics,
        WeChatPay: psp,
        **by_operation(FakeSms(), GATEWAY),
    }


@pytest.fixture
def till(app: App, clock: ManualClock, psp: FakePsp) -> Till:
    """Where fees are paid."""
    return Till(app, clock, psp)
