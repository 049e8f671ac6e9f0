"""What the news of payments does to cases."""

from core.context.app import App
from core.database import transaction
from core.queue.events import on
from payments.events import OddityFound, PaymentRefunded, PaymentReturned, ShareEnded
from payments.reconciliation import cases


@on("payments.OddityFound")
async def open_case(app: App, found: OddityFound) -> None:
    """Have people look at it."""
    async with transaction() as tx:
        await cases.open_oddity(tx, found, app.clock.now())


@on("payments.PaymentRefunded", "payments.PaymentReturned")
async def clear_case(app: App, refunded: PaymentRefunded | PaymentReturned) -> None:
    """What was told of a refund is over."""
    async with transaction() as tx:
        await cases.clear_refund(tx, refunded.refund_id.hex, app.clock.now())


@on("payments.ShareEnded")
async def clear_share_case(app: App, ended: ShareEnded) -> None:
    """What was told of a share under way is over."""
    async with transaction() as tx:
        await cases.clear_share(tx, ended.intent_id.hex, app.clock.now())
