"""The manifest of the kinds: what happens when a payment has ended."""

from core.manifest import EventHandler, Lane, Manifest

MANIFEST = Manifest(
    name="kinds",
    handlers=tuple(
        EventHandler(f"payments.{event}", f"kinds.payment:{handler}", lane=Lane.CRITICAL)
        for event, handler in (
            ("PaymentFulfilled", "payment_fulfilled"),
            ("PaymentRefused", "payment_refused"),
            ("PaymentRefunded", "payment_refunded"),
            ("PaymentReturned", "payment_refunded"),
        )
    ),
)
