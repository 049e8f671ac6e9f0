"""The fake city of the payment tests, with the payees of mobility in it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from core.clock import ManualClock
from core.context.call import Call
from core.security.authentication import Viewer
from modules.mobility.fines.upstream import PLATFORM, POLICE
from modules.mobility.parking.upstream import OPERATOR, VEHICLES
from modules.mobility.transit.upstream import CLEARING
from notifications.channels.gateways import GATEWAY
from payments.psp.port import Alipay, WeChatPay, WeChatPayPartner
from tests.modules.mobility.fakes import (
    FakeFare,
    FakeParking,
    FakePlatform,
    FakeTrafficPolice,
    FakeVehicles,
)
from tests.payments.conftest import billers, partner, psp, world
from tests.payments.fake_alipay import FakeAlipay
from tests.payments.fake_partner import FakePartner
from tests.payments.fakes import FakePsp, FakeSms
from tests.upstreams import by_operation

__all__ = ["billers", "partner", "psp", "world"]

Citizen = Callable[..., Awaitable[Call]]


@pytest.fixture
def alipay(clock: ManualClock) -> FakeAlipay:
    """The second PSP."""
    return FakeAlipay(clock)


@pytest.fixture
def parking(clock: ManualClock) -> FakeParking:
    """The parking operator."""
    return FakeParking(clock)


@pytest.fixture
def vehicles() -> FakeVehicles:
    """The vehicle registry."""
    return FakeVehicles()


@pytest.fixture
def platform(clock: ManualClock) -> FakePlatform:
    """The non-tax revenue platform."""
    return FakePlatform(clock)


@pytest.fixture
def police(platform: FakePlatform) -> FakeTrafficPolice:
    """The traffic police."""
    return FakeTrafficPolice(platform)


@pytest.fixture
def fare(clock: ManualClock) -> FakeFare:
    """Fare clearing and its gates."""
    return FakeFare(clock)


@pytest.fixture
def upstreams(
    psp: FakePsp,
    alipay: FakeAlipay,
    partner: FakePartner,
    parking: FakeParking,
    vehicles: FakeVehicles,
    police: FakeTrafficPolice,
    platform: FakePlatform,
    fare: FakeFare,
) -> Mapping[Any, Any]:
    """The fakes in the place of the clients."""
    return {
        WeChatPay: psp,
        Alipay: alipay,
        WeChatPayPartner: partner,
        **by_operation(FakeSms(), GATEWAY),
        **by_operation(parking, OPERATOR),
        **by_operation(vehicles, VEHICLES),
        **by_operation(police, POLICE),
        **by_operation(platform, PLATFORM),
        **by_operation(fare, CLEARING),
    }


@pytest.fixture
def person(
    citizen: Callable[..., Awaitable[Viewer]], call: Callable[..., Call]
) -> Callable[..., Awaitable[Call]]:
    """Makes citizens with accounts and gives their calls: `await person(level=1)`."""

    async def make(*, level: int = 2) -> Call:
        viewer = await citizen(level=level)
        return call(user_id=viewer.user_id, level=level)

    return make
