"""A PSP at which payees have merchants of their own: the tests' own PSP, asked in their names, and
sharing their payments with ours."""

from dataclasses import dataclass
from uuid import UUID

from core.deadline import Deadline
from core.upstream.client import UpstreamRejected
from payments.psp.port import (
    Order,
    OrderState,
    OrderView,
    Psp,
    RefundOrder,
    RefundState,
    RefundView,
)
from tests.payments.fake_sharing import FakeSharing
from tests.payments.fakes import FakePsp


@dataclass
class FakePartner(FakePsp):
    """All merchants' orders in one place, and the callbacks that come for all alike."""

    name: str = "wechatpay_sp"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.sharing = FakeSharing(self)

    async def refund(self, refund: RefundOrder, deadline: Deadline) -> RefundView:
        """See the port: while an order is being shared there is nothing to refund from."""
        is_new = refund.refund_id not in self.refunds
        if is_new and self.sharing.is_under_way(refund.intent_id):
            self.faults.before("refund")
            return RefundView(refund.refund_id, RefundState.FAILED)
        has_enough = self.sharing.received_fen(refund.intent_id) >= refund.amount_fen
        if is_new and self.sharing.share_fen(refund.intent_id) and not has_enough:
            self.sharing.overdrawn.append(refund.intent_id)
        return await super().refund(refund, deadline)

    def on_behalf_of(self, merchant: str) -> Psp:
        """See the port."""
        return _Merchant(self, merchant)


class _Merchant:
    """What one merchant sees of it: others' orders are not there."""

    def __init__(self, psp: FakePartner, merchant: str) -> None:
        self._psp, self._merchant = psp, merchant
        self.name, self.channels = psp.name, psp.channels
        self.read_callback = psp.read_callback

    async def order(self, order: Order, deadline: Deadline) -> str:
        if order.merchant != self._merchant:
            raise UpstreamRejected(self.name, "order", 400, b'{"code":"PARAM_ERROR"}')
        return await self._psp.order(order, deadline)

    async def find_order(self, intent_id: UUID, deadline: Deadline) -> OrderView:
        if self._is_others(intent_id):
            return OrderView(intent_id, OrderState.MISSING)
        return await self._psp.find_order(intent_id, deadline)

    async def close_order(self, intent_id: UUID, deadline: Deadline) -> OrderView:
        if self._is_others(intent_id):
            return OrderView(intent_id, OrderState.MISSING)
        return await self._psp.close_order(intent_id, deadline)

    async def refund(self, refund: RefundOrder, deadline: Deadline) -> RefundView:
        if self._is_others(refund.intent_id):
            return RefundView(refund.refund_id, RefundState.FAILED)
        return await self._psp.refund(refund, deadline)

    async def find_refund(self, refund: RefundOrder, deadline: Deadline) -> RefundView:
        if self._is_others(refund.intent_id):
            return RefundView(refund.refund_id, RefundState.MISSING)
        return await self._psp.find_refund(refund, deadline)

    def _is_others(self, intent_id: UUID) -> bool:
        known = self._psp.orders.get(intent_id)
        return known is not None and known.order.merchant != self._merchant
