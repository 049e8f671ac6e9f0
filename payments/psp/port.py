"""What payments needs from a payment service provider, in the words of the order.

Money and state only ever change by what a PSP says in an answer or a callback whose signature
holds. Each method says what its errors mean for the money.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from core.deadline import Deadline
from core.upstream.client import UpstreamRejected, UpstreamUnavailable
from payments.psp.channels import PaymentChannel


class MerchantRefused(UpstreamUnavailable):
    """The PSP refuses us, whatever we ask: our key, certificate, clock, permission or merchant.

    Certainly nothing was done, and nothing will be until people mend it: such a PSP has failed.
    A refusal of the one order or refund is UpstreamRejected.
    """

    reason = "MERCHANT_REFUSED"

    def __init__(self, refusal: UpstreamRejected, code: str) -> None:
        detail = f"refuses this merchant: {refusal.status} {code}"
        super().__init__(refusal.upstream, refusal.operation, detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Order:
    """What the payer is asked to pay. The same order sent again is the same order."""

    intent_id: UUID
    title: str
    amount_fen: int
    expires_at: datetime
    client_address: str
    channel: PaymentChannel = PaymentChannel.BROWSER
    openid: str | None = None
    """Who pays, where the channel is inside WeChat."""
    merchant: str | None = None
    """Whose merchant takes the money, where it is the payee's own."""
    is_shared: bool = False
    """Whether a share of it is ours: the PSP keeps it back until that is asked for."""


class OrderState(StrEnum):
    """What has become of an order."""

    UNPAID = "UNPAID"
    PAID = "PAID"
    CLOSED = "CLOSED"
    MISSING = "MISSING"


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as the PSP tells it. What follows the state is known of a paid one."""

    intent_id: UUID
    state: OrderState
    psp_ref: str | None = None
    amount_fen: int | None = None
    paid_at: datetime | None = None
    currency: str = "CNY"
    merchant: str | None = None
    """The payee's own merchant that took the money, at a PSP where payees have one."""


class RefundState(StrEnum):
    """What has become of a refund. SHORT: not begun, there is too little to refund from."""

    PROCESSING = "PROCESSING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    SHORT = "SHORT"
    MISSING = "MISSING"


@dataclass(frozen=True, slots=True)
class RefundView:
    """A refund as the PSP tells it, and of which payment, where it tells that too."""

    refund_id: UUID
    state: RefundState
    psp_ref: str | None = None
    amount_fen: int | None = None
    intent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ForeignRefund:
    """Money of a payment of ours that the PSP has returned under a number that is not ours. Not
    every PSP tells how much."""

    intent_id: UUID
    their_ref: str
    amount_fen: int | None


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """What goes back to the payer of an order. The same refund sent again is the same refund."""

    refund_id: UUID
    intent_id: UUID
    amount_fen: int
    total_fen: int
    reason: str


@dataclass(frozen=True, slots=True)
class Callback:
    """News from the PSP whose signature, age and merchant are checked; `nonce` is its own."""

    nonce: str
    news: OrderView | RefundView | ForeignRefund | None
    """None for news that nobody here waits for."""


class CallbackRefused(Exception):
    """A callback that is not believed; `reason` is a stable word for the metrics."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Psp(Protocol):
    """A payment service provider."""

    @property
    def name(self) -> str:
        """The stable name in tables and accounts."""
        ...

    @property
    def channels(self) -> Collection[PaymentChannel]:
        """From where this merchant's payers can pay."""
        ...

    async def order(self, order: Order, deadline: Deadline) -> str:
        """Open an order and return its cashier: the address, or what the channel's SDK is called
        with. Repeat-safe.

        Raises UpstreamError; unless `outcome_known`, the order may exist.
        """
        ...

    async def find_order(self, intent_id: UUID, deadline: Deadline) -> OrderView:
        """What has become of an order. Raises UpstreamError where there is no answer."""
        ...

    async def close_order(self, intent_id: UUID, deadline: Deadline) -> OrderView:
        """Close an unpaid order and tell what it is now: CLOSED, MISSING or PAID.

        MISSING is no promise where the payer was shown the cashier: some PSPs know an order only
        once the payer has been there. Raises UpstreamRejected for an order that stays open,
        another UpstreamError where there is no answer.
        """
        ...

    async def refund(self, refund: RefundOrder, deadline: Deadline) -> RefundView:
        """Ask for a refund, from whatever money of ours the PSP has. Repeat-safe.

        FAILED is the PSP's refusal of this refund. Raises UpstreamError.
        """
        ...

    async def find_refund(self, refund: RefundOrder, deadline: Deadline) -> RefundView:
        """What has become of a refund. Raises UpstreamError where there is no answer."""
        ...

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> Callback:
        """What a callback tells. Raises CallbackRefused for one that is not believed."""
        ...


class WeChatPay(Psp, Protocol):
    """WeChat Pay."""


class Alipay(Psp, Protocol):
    """Alipay."""


class Partner(Psp, Protocol):
    """A PSP at which payees have merchants of their own: ours places, asks for and refunds orders
    in their names. Callbacks come for all of them alike.
    """

    def on_behalf_of(self, merchant: str) -> Psp:
        """The PSP as one payee's merchant uses it; without that it only reads callbacks."""
        ...


class WeChatPayPartner(Partner, Protocol):
    """WeChat Pay, where we are a service provider (服务商) of payees' merchants (特约商户)."""
