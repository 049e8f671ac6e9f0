"""The fake city of the payment tests."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from modules.utilities.accounts.upstream import BILLERS
from notifications.channels.gateways import GATEWAY
from payments.finance import finance_of
from payments.psp.port import Alipay, WeChatPay, WeChatPayPartner
from payments.psp.sharing import ProfitSharing
from tests.payments import payees
from tests.payments.fake_alipay import FakeAlipay
from tests.payments.fake_partner import FakePartner
from tests.payments.fakes import FakeBillers, FakePsp, FakeSms
from tests.payments.payees import FakePayees
from tests.payments.town import Town
from tests.payments.world import World
from tests.upstreams import by_operation


@pytest.fixture
def psp(clock: ManualClock) -> FakePsp:
    """The fake PSP."""
    return FakePsp(clock)


@pytest.fixture
def billers() -> FakeBillers:
    """The fake billers."""
    return FakeBillers()


@pytest.fixture
def alipay(clock: ManualClock) -> FakeAlipay:
    """A second PSP."""
    return FakeAlipay(clock)


@pytest.fixture
def partner(clock: ManualClock) -> FakePartner:
    """A PSP at which payees have merchants of their own."""
    return FakePartner(clock)


@pytest.fixture
def two_psps(
    psp: FakePsp, alipay: FakeAlipay, partner: FakePartner, billers: FakeBillers
) -> Mapping[Any, Any]:
    """The fakes with both PSPs; a test module gives them as its `upstreams`."""
    return {
        WeChatPay: psp,
        Alipay: alipay,
        WeChatPayPartner: partner,
        ProfitSharing: partner.sharing,
        **by_operation(billers, BILLERS),
        **by_operation(FakeSms(), GATEWAY),
    }


@pytest.fixture
def upstreams(psp: FakePsp, partner: FakePartner, billers: FakeBillers) -> Mapping[Any, Any]:
    """The fakes in the place of the adapters; one PSP, unless a test gives a second, and the one of
    payees' own merchants."""
    return {
        WeChatPay: psp,
        Alipay: None,
        WeChatPayPartner: partner,
        ProfitSharing: partner.sharing,
        **by_operation(billers, BILLERS),
        **by_operation(FakeSms(), GATEWAY),
    }


@pytest.fixture
def town(
    app: App,
    clock: ManualClock,
    psp: FakePsp,
    alipay: FakeAlipay,
    billers: FakeBillers,
    call: Callable[..., Call],
) -> Town:
    """The fake city with two PSPs."""
    return Town(app, clock, psp, alipay, billers, call)


@pytest.fixture
def world(
    app: App,
    clock: ManualClock,
    psp: FakePsp,
    partner: FakePartner,
    billers: FakeBillers,
    call: Callable[..., Call],
) -> World:
    """The fake city."""
    return World(app, clock, psp, billers, call, partner)


@pytest.fixture
def others() -> FakePayees:
    """The payees of `payees.WING`."""
    return payees.begin()


SHARE_BPS = 2000
"""What the city keeps of payments to the payee with a merchant of its own, where a test says so."""


@pytest.fixture
def shared(app: App) -> int:
    """The city has a share of what the payee's own merchant takes; returns its rate."""
    finance = replace(finance_of(app), shares={"non-tax": SHARE_BPS})
    app._once["payments.finance"] = finance
    return SHARE_BPS
