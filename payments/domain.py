"""The life of a payment, as data, and the rules of time around it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.states import Edge, StateMachine
from payments.psp.channels import PaymentChannel
from payments.psp.partners import known_as

_CANCELLED_FROM = ("created", "order_unknown", "awaiting", "leaving", "closing")

INTENT = StateMachine(
    name="payment",
    table="payments_intent",
    column="state",
    initial=("created",),
    edges=(
        Edge("created", "present", "awaiting"),
        Edge("created", "lose_order", "order_unknown"),
        Edge("created", "reject_order", "rejected"),
        Edge("created", "expire", "closing"),
        Edge("created", "settle", "paid"),
        Edge("order_unknown", "present", "awaiting"),
        Edge("order_unknown", "reject_order", "rejected"),
        Edge("order_unknown", "expire", "closing"),
        Edge("order_unknown", "settle", "paid"),
        Edge("awaiting", "expire", "closing"),
        Edge("awaiting", "settle", "paid"),
        Edge("created", "leave", "leaving"),
        Edge("order_unknown", "leave", "leaving"),
        Edge("awaiting", "leave", "leaving"),
        Edge("leaving", "move", "created"),
        Edge("leaving", "stay", "awaiting"),
        Edge("leaving", "expire", "closing"),
        Edge("leaving", "settle", "paid"),
        *(Edge(state, "cancel", "cancelling") for state in _CANCELLED_FROM),
        Edge("cancelling", "close", "expired"),
        Edge("cancelling", "settle_late", "refunding"),
        Edge("closing", "close", "expired"),
        Edge("closing", "settle", "paid"),
        Edge("expired", "settle_late", "refunding"),
        Edge("rejected", "settle_late", "refunding"),
        Edge("paid", "fulfil", "fulfilled"),
        Edge("paid", "lose_fulfilment", "fulfilment_unknown"),
        Edge("paid", "refuse_fulfilment", "refunding"),
        Edge("fulfilment_unknown", "fulfil", "fulfilled"),
        Edge("fulfilment_unknown", "refuse_fulfilment", "refunding"),
        Edge("fulfilled", "request_refund", "refunding"),
        Edge("partly_refunded", "request_refund", "refunding"),
        Edge("refunding", "refund_part", "partly_refunded"),
        Edge("refunding", "refund_all", "refunded"),
    ),
)
"""`order_unknown` and `fulfilment_unknown`: a reply was lost, the truth is being asked for.
`closing`: its time is over and the PSP is asked to take no money for it any more. `cancelling`: the
same before its time, by its payer or for somebody who may pay instead; what is paid all the same
goes straight back, and the subject is free at once. `leaving`: the
same is asked because another PSP is to take it; only `move`, on the PSP's word that there is no
order or none that can be paid, changes the intent's PSP."""

REFUND = StateMachine(
    name="refund",
    table="payments_refund",
    column="state",
    initial=("requested",),
    edges=(
        Edge("requested", "accept", "processing"),
        Edge("requested", "lose", "unknown"),
        Edge("requested", "succeed", "succeeded"),
        Edge("requested", "fail", "failed"),
        Edge("unknown", "accept", "processing"),
        Edge("unknown", "succeed", "succeeded"),
        Edge("unknown", "fail", "failed"),
        Edge("processing", "succeed", "succeeded"),
        Edge("processing", "fail", "failed"),
        Edge("failed", "retry", "requested"),
        Edge("failed", "succeed", "succeeded"),
    ),
)

HOLD = StateMachine(
    name="hold",
    table="payments_hold",
    column="state",
    initial=("pending",),
    edges=(
        Edge("pending", "post", "posted"),
        Edge("pending", "void", "voided"),
        Edge("pending", "expire", "expired"),
    ),
)

CONTRACT = StateMachine(
    name="contract",
    table="payments_contract",
    column="state",
    initial=("signing",),
    edges=(
        Edge("signing", "sign", "active"),
        Edge("signing", "end", "ended"),
        Edge("active", "end", "ended"),
    ),
)
"""What lets a PSP take a payer's money without the payer; ended for good by either side."""


class PaymentMethod(StrEnum):
    """Whose cashier a payment goes through. WECHAT_PAY: 微信支付. ALIPAY: 支付宝.

    The value is the PSP's name.
    """

    WECHAT_PAY = "wechatpay"
    ALIPAY = "alipay"


def method_of(psp: str) -> PaymentMethod:
    """Whose cashier a PSP's orders go through."""
    return PaymentMethod(known_as(psp))


@dataclass(frozen=True, slots=True)
class Wish:
    """How the payer wants to pay: with whom, unless told the city's preference, and from where.

    `openid` is the payer's at the channel's own WeChat application.
    """

    method: PaymentMethod | None = None
    channel: PaymentChannel = PaymentChannel.BROWSER
    openid: str | None = None


ANYHOW = Wish()


class Evidence(StrEnum):
    """Why an order that was left takes no money: it was never sent, is not there, or is closed."""

    UNSENT = "unsent"
    MISSING = "missing"
    CLOSED = "closed"


class PaymentStatus(StrEnum):
    """How a payment goes. PREPARING: the cashier is being opened. AWAITING_PAYMENT: the cashier is
    open. CANCELLING: it is being closed before its time. PROCESSING: paid, the payee is being told.
    SUCCEEDED: the payee has booked it. EXPIRED, REJECTED: nothing was paid. REFUNDING,
    PARTLY_REFUNDED, REFUNDED: the money goes or went back.

    Nothing that may have been paid is shown as failed.
    """

    PREPARING = "PREPARING"
    AWAITING_PAYMENT = "AWAITING_PAYMENT"
    CANCELLING = "CANCELLING"
    PROCESSING = "PROCESSING"
    SUCCEEDED = "SUCCEEDED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    REFUNDING = "REFUNDING"
    PARTLY_REFUNDED = "PARTLY_REFUNDED"
    REFUNDED = "REFUNDED"


STATUS = {
    "created": PaymentStatus.PREPARING,
    "order_unknown": PaymentStatus.PREPARING,
    "leaving": PaymentStatus.PREPARING,
    "awaiting": PaymentStatus.AWAITING_PAYMENT,
    "closing": PaymentStatus.AWAITING_PAYMENT,
    "cancelling": PaymentStatus.CANCELLING,
    "paid": PaymentStatus.PROCESSING,
    "fulfilment_unknown": PaymentStatus.PROCESSING,
    "fulfilled": PaymentStatus.SUCCEEDED,
    "expired": PaymentStatus.EXPIRED,
    "rejected": PaymentStatus.REJECTED,
    "refunding": PaymentStatus.REFUNDING,
    "partly_refunded": PaymentStatus.PARTLY_REFUNDED,
    "refunded": PaymentStatus.REFUNDED,
}

OPEN = frozenset(_CANCELLED_FROM)
"""Begun and not paid: nobody else pays the same meanwhile."""
UNPAID = OPEN | {"cancelling"}
"""The PSP may still take the money."""
TO_ORDER = frozenset({"created", "order_unknown"})
"""No cashier has been shown yet."""
TO_FULFIL = frozenset({"paid", "fulfilment_unknown"})
REFUND_OPEN = frozenset({"requested", "unknown", "processing"})

MADE_IN_PORTAL = "portal:"
PAID_BY_BANK = "bank:"
"""What stands before the number of a refund that no PSP made under ours: the PSP made it by hand,
under a number of its own, or it was paid from the bank. No statement of a PSP's has our number."""

HELD_FOR = timedelta(minutes=2)
"""How long an open cashier keeps others from paying, who have no less right to."""
LAPSED_WITHIN = timedelta(days=1)
"""Who let a cashier lapse so short ago holds nothing against others."""
INTENT_LIFE = timedelta(minutes=15)
"""How long the cashier stays open."""
AFTER_LOOKS = (timedelta(minutes=10), timedelta(hours=24))
"""An ended order is asked for once more after these times: a payment may have been on its way when
it was closed, and its callback may be lost."""
FULFIL_WINDOW = timedelta(hours=24)
"""A payee that certainly has not accepted by then gets no more tries: the payer gets the money."""
SHORT_FOR = timedelta(days=3)
"""A PSP that has had too little of our money to refund from for so long is asked no more."""
REFUND_WINDOW = timedelta(days=7)
"""A refund that has not ended by then is a case for people: WeChat Pay itself tries for so long."""
CLOCKS_DIFFER = timedelta(minutes=10)
"""How far a PSP's clock may lie from ours."""
_LADDER_S = (5, 15, 30, 120, 600)


def next_look(attempt: int) -> timedelta:
    """The wait before asking again, after `attempt` answers that settled nothing."""
    return timedelta(seconds=_LADDER_S[min(attempt, len(_LADDER_S) - 1)])


def look_at_unpaid(now: datetime, checks: int, expires_at: datetime) -> timedelta:
    """The wait before the next query of an unpaid intent: on the ladder, or at its expiry."""
    until_expiry = expires_at - now
    if until_expiry <= timedelta(0):
        return next_look(checks)
    return min(next_look(checks), until_expiry)


def look_at_ended(now: datetime, ended_at: datetime) -> timedelta | None:
    """The wait before an ended order is asked for again; None when it has been asked for good."""
    waits = (ended_at + after - now for after in AFTER_LOOKS)
    return next((wait for wait in waits if wait > timedelta(0)), None)


def late_event(state: str) -> str:
    """The event that a captured payment is in this state."""
    return "settle" if INTENT.allows(state, "settle") else "settle_late"


def refunded_event(captured_fen: int, refunded_fen: int) -> str:
    """The event when the last refund under way has ended."""
    return "refund_all" if refunded_fen == captured_fen else "refund_part"


class Side(StrEnum):
    """Who tells of the day: who took the money, who received it, or who shared it with us."""

    PSP = "psp"
    PAYEE = "payee"
    SHARING = "sharing"


class Settled(StrEnum):
    """What a PSP's word that an order is paid came to."""

    CAPTURED = "captured"
    LATE = "late"
    KNOWN = "known"
    NO_SUCH_ORDER = "no_such_order"
    AMOUNT_DIFFERS = "amount_differs"
    CURRENCY_DIFFERS = "currency_differs"
