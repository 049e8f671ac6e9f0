"""A PSP like Alipay: it knows an order only once the payer has seen its cashier."""

from dataclasses import dataclass, field
from uuid import UUID

from core.deadline import Deadline
from core.upstream.client import UpstreamRejected
from payments.psp.channels import PaymentChannel
from payments.psp.port import Order, OrderState
from tests.payments.fakes import FakeOrder, FakePsp


@dataclass
class FakeAlipay(FakePsp):
    """The tests' own PSP, whose orders are addresses until somebody goes there."""

    name: str = "alipay"
    channels: frozenset[PaymentChannel] = frozenset({PaymentChannel.BROWSER, PaymentChannel.APP})
    addresses: dict[UUID, Order] = field(default_factory=dict)

    async def order(self, order: Order, deadline: Deadline) -> str:
        """See the port. A failing call has done nothing."""
        self.faults.before("order")
        known = self.orders.get(order.intent_id)
        closed = known is not None and known.state is not OrderState.UNPAID
        other = known is not None and known.order != order
        if self.refuses_orders or closed or other or order.expires_at <= self.clock.now():
            raise UpstreamRejected(self.name, "order", 400, b'{"code":"INVALID_REQUEST"}')
        self.addresses.setdefault(order.intent_id, order)
        return f"https://alipay.example/{order.intent_id.hex}"

    def see(self, intent_id: UUID) -> None:
        """The payer goes to the address in time: now there is an order."""
        order = self.addresses[intent_id]
        if intent_id in self.orders or order.expires_at > self.clock.now():
            self.orders.setdefault(intent_id, FakeOrder(order))

    def pay(self, intent_id: UUID) -> bool:
        """The payer goes there and pays."""
        if intent_id in self.addresses:
            self.see(intent_id)
        return super().pay(intent_id)
