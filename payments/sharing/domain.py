"""The life of a share, and of what of it goes back before a refund."""

from datetime import timedelta

from core.states import Edge, StateMachine

SHARE = StateMachine(
    name="share",
    table="payments_share",
    column="state",
    initial=("requested",),
    edges=(
        Edge("requested", "accept", "processing"),
        Edge("requested", "lose", "unknown"),
        Edge("requested", "succeed", "succeeded"),
        Edge("requested", "close", "closed"),
        Edge("requested", "refuse", "refused"),
        Edge("requested", "cancel", "releasing"),
        Edge("unknown", "accept", "processing"),
        Edge("unknown", "succeed", "succeeded"),
        Edge("unknown", "close", "closed"),
        Edge("unknown", "refuse", "refused"),
        Edge("processing", "succeed", "succeeded"),
        Edge("processing", "close", "closed"),
        Edge("refused", "retry", "requested"),
        Edge("refused", "cancel", "releasing"),
        Edge("releasing", "release", "released"),
    ),
)
"""`closed`: it failed for good, and the PSP has let the payee have all. `refused`: the request was,
nothing is done. `releasing`: a refund came first, and what the PSP keeps back is let go."""

SHARE_RETURN = StateMachine(
    name="share_return",
    table="payments_share_return",
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
        Edge("failed", "waive", "waived"),
    ),
)
"""One that has failed is over: what is asked for again is another one, under another number.
`waived`: the city keeps that part of its share, and the refund goes its way."""

SHARE_OPEN = frozenset({"requested", "unknown", "processing"})
RETURN_OPEN = SHARE_OPEN

SHARE_AFTER = timedelta(minutes=1)
"""A payment can be shared a minute after it was paid, says WeChat Pay:
pay.weixin.qq.com/doc/v3/partner/4015981574."""
SHARE_WINDOW = timedelta(days=7)
"""A share that has not ended by then is a case for people."""
RETURN_LOOK = timedelta(minutes=10)
"""How often a refund looks whether its return is made, beside being told so."""


def share_of(amount_fen: int, rate_bps: int) -> int:
    """The city's share of an amount, rounded down to the fen."""
    return amount_fen * rate_bps // 10_000


def return_of(kept_fen: int, refund_fen: int, rate_bps: int) -> int:
    """What of the share goes back with a refund, so that the rest is the share of the rest.

    `kept_fen`: what of the payment no refund was asked for before this one.
    """
    return share_of(kept_fen, rate_bps) - share_of(kept_fen - refund_fen, rate_bps)
