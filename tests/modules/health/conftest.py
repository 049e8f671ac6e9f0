"""A citizen with hospital bills, a fake PSP, and a queue that follows the test's clock."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.people.directory import get_person
from core.people.personal_read import grant_consent
from core.security.authentication import Viewer
from modules.health.billing import service
from modules.health.billing.upstream import BILLING
from notifications.channels.gateways import GATEWAY
from payments import routes
from payments.psp.port import WeChatPay
from tests.modules.health.fakes import FakeHospitals
from tests.payments.fakes import FakePsp, FakeSms
from tests.payments.world import Queue, request_of
from tests.upstreams import by_operation


@pytest.fixture
def hospitals() -> FakeHospitals:
    """The hospitals."""
    return FakeHospitals()


@pytest.fixture
def psp(clock: ManualClock) -> FakePsp:
    """The fake PSP."""
    return FakePsp(clock)


@pytest.fixture
def upstreams(hospitals: FakeHospitals, psp: FakePsp) -> Mapping[Any, Any]:
    """The fakes in the place of the adapters."""
    return {**by_operation(hospitals, BILLING), WeChatPay: psp, **by_operation(FakeSms(), GATEWAY)}


@dataclass
class Ward:
    """Everything a test of hospital payments needs."""

    app: App
    clock: ManualClock
    queue: Queue
    psp: FakePsp
    hospitals: FakeHospitals
    citizen: Callable[..., Awaitable[Viewer]]
    make_call: Callable[..., Call]

    async def patient(self, *, consents: bool = True) -> tuple[Call, str]:
        """A verified citizen's call and resident ID."""
        viewer = await self.citizen()
        call = self.make_call(user_id=viewer.user_id, level=2)
        if consents:
            await grant_consent(call, service.PURPOSE.id, service.PURPOSE.text_version)
        person = await get_person(self.app, viewer.user_id)
        assert person.resident_id is not None
        return call, person.resident_id

    async def bill_id(self, call: Call, bill_no: str) -> UUID:
        """Our id of a bill, as the list tells it."""
        reading = await service.read_bills(call)
        for found in reading.value or ():
            books = found.reading.value
            if books is not None and bill_no in books.ids:
                return books.ids[bill_no]
        raise LookupError(bill_no)

    async def paid(self, call: Call, bill_no: str, key: str = "the-first-key") -> UUID:
        """Pay a bill to its end; returns the payment's id."""
        payment = await service.pay_bill(call, await self.bill_id(call, bill_no), key)
        intent_id = UUID(str(payment.id))
        await self.pay_at_cashier(intent_id)
        return intent_id

    async def pay_at_cashier(self, intent_id: UUID) -> None:
        """The payer pays; callbacks and jobs run."""
        assert self.psp.pay(intent_id)
        await self.call_back()

    async def call_back(self) -> None:
        """Deliver what the PSP has to tell and run what is due."""
        told, self.psp.callbacks[:] = list(self.psp.callbacks), []
        for headers, body in told:
            await routes.hear(self.app, "wechatpay", request_of(headers, body))
        await self.queue.run_due()


@pytest.fixture
def ward(
    app: App,
    clock: ManualClock,
    psp: FakePsp,
    hospitals: FakeHospitals,
    citizen: Callable[..., Awaitable[Viewer]],
    call: Callable[..., Call],
) -> Ward:
    """The world of these tests."""
    return Ward(app, clock, Queue(app, clock), psp, hospitals, citizen, call)
