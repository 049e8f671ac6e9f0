"""Which PSP takes a payment: the payer's wish, else the installation's order of preference.

A PSP that fails three times in a row, is silent for long once, or refuses us as its merchant, takes
no new payments of this process; after a pause one payment asks it something harmless first, and
with an answer it is back.
A payment that meets the failures itself leaves after three of them or two seconds
(payments.cashier).
"""

import time
from collections.abc import Container

import structlog

from core.context.app import App
from core.deadline import Deadline, Monotonic
from core.errors import StartError
from core.upstream.breaker import Breaker, BreakerPolicy, BreakerState
from core.upstream.client import (
    UpstreamError,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from payments.psp.channels import PaymentChannel
from payments.psp.partners import PARTNERS, known_as
from payments.psp.port import (
    Alipay,
    MerchantRefused,
    Order,
    Partner,
    Psp,
    WeChatPay,
    WeChatPayPartner,
)

_PROTOCOLS: dict[str, type[Psp]] = {"wechatpay": WeChatPay, "alipay": Alipay}
_PARTNERS: dict[str, type[Partner]] = {"wechatpay_sp": WeChatPayPartner}

LEAVE_AFTER_FAILURES = 3
LEAVE_AFTER_S = 2.0
SILENT_S = 1.4
"""An order that takes longer fails; what is left of the two seconds is for closing it."""
log = structlog.get_logger(__name__)

POLICY = BreakerPolicy(consecutive_failures=LEAVE_AFTER_FAILURES, open_s=5.0)


def names(app: App) -> list[str]:
    """The PSPs in use, the preferred one first. Raises StartError for a list that names none."""
    listed, known = app.settings.psp_names, _PROTOCOLS | _PARTNERS
    if unknown := [name for name in listed if name not in known]:
        raise StartError(f"PSPS: nobody knows {', '.join(unknown)}")
    used = [name for name in listed if app.upstream(known[name]) is not None]
    if not used:
        raise StartError("PSPS names no payment provider that is set up")
    return used


def get_psp(app: App, name: str, merchant: str | None = None) -> Psp:
    """The adapter of a PSP, as a payee's own merchant uses it where one is given.

    Raises KeyError for a name nobody has.
    """
    if merchant is not None:
        return app.upstream(_PARTNERS[name]).on_behalf_of(merchant)
    return app.upstream((_PROTOCOLS | _PARTNERS)[name])


def health(app: App, name: str, *, monotonic: Monotonic = time.monotonic) -> Breaker:
    """The breaker of a PSP's orders, one per process; closed while it is well."""

    def show(state: BreakerState) -> None:
        app.metrics.breaker(name, "routing", state)

    return app.once(
        ("payments.psp", name), lambda: Breaker(POLICY, monotonic=monotonic, on_change=show)
    )


def choose(
    app: App,
    wish: str | None = None,
    channel: PaymentChannel = PaymentChannel.BROWSER,
    merchants: Container[str] = (),
) -> str | None:
    """The PSP of a new payment; where all fail, the one that would be it if none did.

    `merchants`: the PSPs at which its payee has a merchant of its own; one of these takes it then,
    and no other. None where nobody, or not the one who is wished for, takes payments in the payer's
    channel.
    """
    used, partners = names(app), [name for name in PARTNERS if name in merchants]
    offered = [
        name
        for name in used
        if (name in partners if partners else name not in PARTNERS) and offers(app, name, channel)
    ]
    wanted = sorted(offered, key=lambda name: known_as(name) != wish)
    if not offered or (wish in [known_as(name) for name in used] and known_as(wanted[0]) != wish):
        return None
    return next((name for name in wanted if health(app, name).ready), wanted[0])


def offers(app: App, name: str, channel: PaymentChannel) -> bool:
    """Whether a PSP takes payments in a channel."""
    return channel in get_psp(app, name).channels


def choose_other(app: App, but: Container[str], channel: PaymentChannel) -> str | None:
    """The first PSP that takes money for us, is well and has the channel, apart from these; None:
    there is none."""
    others = [n for n in _ours(app) if n not in but and offers(app, n, channel)]
    return next((name for name in others if health(app, name).ready), None)


def _ours(app: App) -> list[str]:
    return [name for name in names(app) if name not in PARTNERS]


async def order(app: App, name: str, order: Order, deadline: Deadline) -> str:
    """`Psp.order`, and what it tells of the PSP's health.

    Raises UpstreamUnavailable, nothing sent, for a PSP that takes no new payments now.
    """
    psp = get_psp(app, name, order.merchant)
    if order.merchant is not None or len(_ours(app)) == 1:
        return await _order_there(psp, order, deadline)
    breaker = health(app, name)
    permit, started_s = breaker.admit(), time.monotonic()
    if permit is None:
        raise UpstreamUnavailable(name, "order", "left for its failures")
    try:
        if breaker.state is BreakerState.HALF_OPEN:
            await _probe(psp, order, deadline)
        url = await psp.order(order, deadline)
        permit.succeed()
        return url
    except UpstreamRejected:
        permit.succeed()  # it is well and says no to this order
        raise
    except MerchantRefused as refusal:
        breaker.trip()  # no other order would fare better
        _tell(name, order, refusal)
        raise
    except UpstreamError as error:
        if error.blamed:
            permit.fail()
        if isinstance(error, UpstreamTimeout) and time.monotonic() - started_s >= 0.9 * SILENT_S:
            breaker.trip()
        raise
    finally:
        permit.abandon()


async def _order_there(psp: Psp, order: Order, deadline: Deadline) -> str:
    """`Psp.order` where nobody could take over, so that its health is of no use."""
    try:
        return await psp.order(order, deadline)
    except MerchantRefused as refusal:
        _tell(psp.name, order, refusal)
        raise


def _tell(name: str, order: Order, refusal: MerchantRefused) -> None:
    log.error("psp refuses this merchant", psp=name, merchant=order.merchant, code=refusal.code)


async def _probe(psp: Psp, order: Order, deadline: Deadline) -> None:
    """A question that does nothing. Raises UpstreamUnavailable where there is no answer, or we are
    refused."""
    try:
        await psp.find_order(order.intent_id, deadline)
    except UpstreamRejected:
        return
    except MerchantRefused:
        raise
    except UpstreamError as error:
        raise UpstreamUnavailable(
            psp.name, "order", "still no answer", blamed=error.blamed
        ) from error
