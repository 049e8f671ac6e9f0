"""A bill from the list to the payee's receipt, against the sandbox city and a written PSP."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from core.context.app import App
from core.context.call import Call
from core.errors import Conflict, Forbidden, NotFound, Unavailable
from core.people.personal_read import grant_consent
from core.security.authentication import Viewer
from core.settings import Settings
from modules._example.payment.domain import ExamplePaymentDue
from modules._example.payment.models import ExamplePaymentBill
from modules._example.payment.service import BILLS, PURPOSE, pay
from notifications.channels.gateways import GATEWAY
from notifications.messages.models import Message
from payments.models import Intent
from payments.psp.port import Alipay, WeChatPay
from tests.payments.books import check_books
from tests.payments.conftest import billers, partner, psp, world
from tests.payments.fakes import FakePsp, FakeSms
from tests.payments.world import World
from tests.sandbox.serving import Client as Sandbox
from tests.upstreams import by_operation

__all__ = ["billers", "partner", "psp", "world"]
pytestmark = pytest.mark.xdist_group("lookups")


@pytest.fixture
def settings(settings: Settings, sandbox_port: int) -> Settings:
    """Settings with which the App finds the sandbox."""
    return settings.model_copy(update={"sandbox_port": sandbox_port})


@pytest.fixture
def upstreams(psp: FakePsp) -> Mapping[Any, Any]:
    """The PSP and the SMS gateway in memory; the payee is the sandbox's."""
    return {WeChatPay: psp, Alipay: None, **by_operation(FakeSms(), GATEWAY)}


@pytest.fixture
async def payer(
    sandbox: Sandbox, citizen: Callable[..., Awaitable[Viewer]], call: Callable[..., Call]
) -> Call:
    """Somebody with a bill who has consented."""
    viewer = await citizen(number=(await sandbox.person("citizen"))["resident_id"])
    mine = call(user_id=viewer.user_id, level=2)
    await grant_consent(mine, PURPOSE.id, PURPOSE.text_version)
    return mine


async def _due(call: Call) -> list[ExamplePaymentDue]:
    return list((await BILLS.read(call)).records.items)


async def _settle(world: World, intent_id: UUID) -> Intent:
    assert world.psp.pay(intent_id)
    assert await world.call_back() == ["captured"]
    await world.queue.run_due()
    return await world.intent(intent_id)


async def test_a_bill_is_paid_once(world: World, payer: Call) -> None:
    (due,) = await _due(payer)
    payment = await pay(payer, due.bill_no, "pay-key-1")
    assert payment.amount == due.amount_fen
    assert (await pay(payer, due.bill_no, "pay-key-1")).id == payment.id
    intent = await _settle(world, UUID(str(payment.id)))
    assert (intent.state, bool(intent.fulfilment_ref)) == ("fulfilled", True)
    assert await _due(payer) == []
    with pytest.raises(Conflict, match="EXAMPLE_PAYMENT_PAID"):
        await pay(payer, due.bill_no, "pay-key-2")
    assert await Message.all().values_list("template", flat=True) == [
        "example.example_payment-paid"
    ]
    await check_books(world)


async def test_what_the_payee_refuses_for_good_goes_back(
    app: App, world: World, payer: Call, sandbox: Sandbox
) -> None:
    (due,) = await _due(payer)
    payment = await pay(payer, due.bill_no, "pay-key-1")
    elsewhere = {"payment_ref": "elsewhere", "amount_fen": due.amount_fen}
    elsewhere["paid_at"] = app.clock.now().isoformat()
    status, _ = await sandbox.post(f"/example-payment/bills/{due.bill_no}/payments", elsewhere)
    assert status == 200
    await _settle(world, UUID(str(payment.id)))
    await world.call_back()
    await world.queue.run_for(timedelta(hours=2))
    intent = await world.intent(UUID(str(payment.id)))
    assert (intent.state, intent.refusal) == ("refunded", "ALREADY_PAID")
    assert (await ExamplePaymentBill.get()).is_paid
    sent = await Message.all().order_by("position").values_list("template", flat=True)
    assert sent == ["example.example_payment-refused", "example.example_payment-refunded"]
    await check_books(world)


async def test_every_refusal_begins_nothing(
    payer: Call, sandbox: Sandbox, citizen: Callable[..., Awaitable[Viewer]], call: Any
) -> None:
    (due,) = await _due(payer)
    stranger = call(user_id=(await citizen()).user_id, level=2)
    with pytest.raises(Forbidden, match="CONSENT_REQUIRED"):
        await pay(stranger, due.bill_no, "pay-key-1")
    await grant_consent(stranger, PURPOSE.id, PURPOSE.text_version)
    with pytest.raises(NotFound):
        await pay(stranger, due.bill_no, "pay-key-1")
    await sandbox.put("/_control/faults/example_payment", {"error_rate": 1})
    payer.app.clock.move(timedelta(minutes=11))  # type: ignore[attr-defined]
    with pytest.raises(Unavailable):
        await pay(payer, due.bill_no, "pay-key-1")
    assert await Intent.all().count() == 0
    assert await ExamplePaymentBill.all().count() == 0
