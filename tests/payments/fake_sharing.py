"""Profit sharing at the tests' own PSP: what is asked for once is done once, faults on demand."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from core.clock import SHANGHAI
from core.deadline import Deadline
from core.upstream.client import UpstreamRejected
from payments.psp.port import OrderState, RefundState
from payments.psp.sharing import (
    ReturnOrder,
    ReturnState,
    ReturnView,
    ShareOrder,
    ShareState,
    ShareView,
)
from payments.statements import Line
from tests.payments.fakes import FakePsp

RATIO_MAX_BPS = 3000


@dataclass
class FakeShare:
    """A share at the fake PSP."""

    order: ShareOrder
    state: ShareState
    at: datetime
    psp_ref: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass
class FakeReturn:
    """A return at the fake PSP."""

    order: ReturnOrder
    state: ReturnState
    at: datetime
    psp_ref: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass
class FakeSharing:
    """Shares of a fake PSP's orders; see the port."""

    psp: FakePsp
    receiver: str = "1900000001"
    shares: dict[UUID, FakeShare] = field(default_factory=dict)
    returns: dict[UUID, FakeReturn] = field(default_factory=dict)
    let_go: set[UUID] = field(default_factory=set)
    receivers: set[tuple[str, str]] = field(default_factory=set)
    overdrawn: list[UUID] = field(default_factory=list)
    """Payments of which a refund came before what it needed of the share was back."""
    is_slow: bool = False
    refuses: bool = False
    closes: bool = False
    refuses_returns: bool = False
    is_short: bool = False

    async def share(self, order: ShareOrder, deadline: Deadline) -> ShareView:
        """See the port."""
        fault = self.psp.faults.before("share")
        if order.intent_id not in self.shares:
            if self.refuses or not self._may_share(order):
                self.psp.faults.after(fault, "share")
                return ShareView(ShareState.REFUSED, reason="RULE_LIMIT")
            made = FakeShare(order, ShareState.PROCESSING, self.psp.clock.now())
            self.shares[order.intent_id] = made
            if not self.is_slow:
                self._finish(made)
        self.psp.faults.after(fault, "share")
        return self._view(order.intent_id)

    async def find_share(self, order: ShareOrder, deadline: Deadline) -> ShareView:
        """See the port."""
        self.psp.faults.after(self.psp.faults.before("find_share"), "find_share")
        return self._view(order.intent_id)

    async def release(self, order: ShareOrder, deadline: Deadline) -> bool:
        """See the port."""
        fault = self.psp.faults.before("release")
        assert order.intent_id not in self.shares, "what is shared is not kept back"
        self.let_go.add(order.intent_id)
        self.psp.faults.after(fault, "release")
        return not self.is_slow

    async def give_back(self, order: ReturnOrder, deadline: Deadline) -> ReturnView:
        """See the port."""
        fault = self.psp.faults.before("give_back")
        if order.return_id not in self.returns:
            left_fen = self.share_fen(order.share.intent_id) - self._going_back_fen(order)
            if self.is_short:
                return ReturnView(ReturnState.SHORT, reason="NOT_ENOUGH")
            if self.refuses_returns or order.amount_fen > left_fen:
                self.psp.faults.after(fault, "give_back")
                return ReturnView(ReturnState.FAILED, reason="INVALID_REQUEST")
            state = ReturnState.PROCESSING if self.is_slow else ReturnState.SUCCEEDED
            self.returns[order.return_id] = FakeReturn(order, state, self.psp.clock.now())
        self.psp.faults.after(fault, "give_back")
        return self._return_view(order.return_id)

    async def find_return(self, order: ReturnOrder, deadline: Deadline) -> ReturnView:
        """See the port."""
        self.psp.faults.after(self.psp.faults.before("find_return"), "find_return")
        return self._return_view(order.return_id)

    async def add_receiver(self, merchant: str, name: str, deadline: Deadline) -> None:
        """See the port."""
        if self.refuses:
            raise UpstreamRejected(
                self.psp.name, "add_receiver", 400, b'{"code":"INVALID_REQUEST"}'
            )
        self.receivers.add((merchant, name))

    def finish(self) -> None:
        """What is under way comes to its end."""
        for share in self.shares.values():
            if share.state is ShareState.PROCESSING:
                self._finish(share)
        for returned in self.returns.values():
            if returned.state is ReturnState.PROCESSING:
                returned.state, returned.at = ReturnState.SUCCEEDED, self.psp.clock.now()

    def is_under_way(self, intent_id: UUID) -> bool:
        """Whether an order is being shared: it is not refunded meanwhile."""
        share = self.shares.get(intent_id)
        return share is not None and share.state is ShareState.PROCESSING

    def share_fen(self, intent_id: UUID) -> int:
        """What our merchant has got of an order, whatever it has given back."""
        share = self.shares.get(intent_id)
        is_made = share is not None and share.state is ShareState.SUCCEEDED
        return share.order.amount_fen if share is not None and is_made else 0

    def returned_fen(self, intent_id: UUID) -> int:
        """What of that has come back."""
        return sum(
            returned.order.amount_fen
            for returned in self.returns.values()
            if returned.order.share.intent_id == intent_id
            and returned.state is ReturnState.SUCCEEDED
        )

    def received_fen(self, intent_id: UUID) -> int:
        """What the payee's merchant has of an order."""
        order = self.psp.orders.get(intent_id)
        if order is None or order.state is not OrderState.PAID:
            return 0
        kept_fen = order.order.amount_fen - sum(
            done.refund.amount_fen
            for done in self.psp.refunds.values()
            if done.refund.intent_id == intent_id and done.state is RefundState.SUCCEEDED
        )
        return kept_fen - self.share_fen(intent_id) + self.returned_fen(intent_id)

    def statement(self, on: date) -> list[Line]:
        """What it tells of a civil day."""
        return [line for line in self._lines() if line.at.date() == on]

    def _lines(self) -> Iterator[Line]:
        for share in self.shares.values():
            if share.state is ShareState.SUCCEEDED:
                ref, at = share.order.intent_id.hex, share.at.astimezone(SHANGHAI)
                yield Line(False, ref, ref, share.psp_ref, share.order.amount_fen, 0, at)
        for back in self.returns.values():
            if back.state is ReturnState.SUCCEEDED:
                order, at = back.order.share.intent_id.hex, back.at.astimezone(SHANGHAI)
                ref, fen = back.order.return_id.hex, back.order.amount_fen
                yield Line(True, ref, order, back.psp_ref, fen, 0, at)

    def _may_share(self, order: ShareOrder) -> bool:
        known = self.psp.orders.get(order.intent_id)
        if known is None or known.state is not OrderState.PAID or order.intent_id in self.let_go:
            return False
        fen = known.order.amount_fen
        return (
            known.order.is_shared
            and (known.order.merchant, known.psp_ref) == (order.merchant, order.psp_ref)
            and order.amount_fen * 10_000 <= fen * RATIO_MAX_BPS
            and order.amount_fen <= fen - known.refunded_fen
        )

    def _finish(self, share: FakeShare) -> None:
        share.state = ShareState.CLOSED if self.closes else ShareState.SUCCEEDED
        share.at = self.psp.clock.now()

    def _going_back_fen(self, order: ReturnOrder) -> int:
        return sum(
            known.order.amount_fen
            for known in self.returns.values()
            if known.order.share.intent_id == order.share.intent_id
            and known.state is not ReturnState.FAILED
        )

    def _view(self, intent_id: UUID) -> ShareView:
        share = self.shares.get(intent_id)
        if share is None:
            return ShareView(ShareState.MISSING)
        reason = "NO_RELATION" if share.state is ShareState.CLOSED else ""
        return ShareView(share.state, share.psp_ref, reason)

    def _return_view(self, return_id: UUID) -> ReturnView:
        known = self.returns.get(return_id)
        if known is None:
            return ReturnView(ReturnState.MISSING)
        return ReturnView(known.state, known.psp_ref)
