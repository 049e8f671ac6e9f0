"""The manifest of booking; its label stays that of its tables and of what clients know."""

from core.manifest import (
    EventHandler,
    JobKind,
    Lane,
    Manifest,
    Schedule,
)
from kinds.booking.domain import BOOKING, WAIT

_MESSAGES = (
    "CONFIRMED", "REFUSED", "CANCELLED", "KEPT", "MOVED", "PROMOTED", "EXPIRED", "REFUNDED",
)  # fmt: skip

MANIFEST = Manifest(
    name="appointments",
    queries=("kinds.booking.graphql:Query",),
    mutations=("kinds.booking.graphql:Mutation",),
    subscriptions=("kinds.booking.graphql:Subscription",),
    extensions=(
        ("privacy.export", "kinds.booking.personal_data:EXPORT"),
        ("privacy.erasure", "kinds.booking.personal_data:ERASURE"),
        ("payments.payable", "kinds.booking.fees:PAYABLE"),
        ("pii.columns", "kinds.booking.people:COLUMNS"),
        *(("notifications.templates", f"kinds.booking.texts:MESSAGE_{name}") for name in _MESSAGES),
    ),
    handlers=(
        *(
            EventHandler(event, "kinds.booking.fees:payment_refunded", of="appointments.")
            for event in ("payments.PaymentRefunded", "payments.PaymentReturned")
        ),
    ),
    jobs=(
        JobKind(
            "appointments.settle",
            "kinds.booking.jobs:settle",
            lane=Lane.CRITICAL,
            max_attempts=500,
            max_delay_s=30,
        ),
        JobKind(
            "appointments.clear",
            "kinds.booking.jobs:clear",
            max_attempts=500,
            max_delay_s=300,
        ),
        JobKind("appointments.expire", "kinds.booking.visits:expire", lane=Lane.CRITICAL),
        JobKind("appointments.refill", "kinds.booking.jobs:refill", lane=Lane.CRITICAL),
        JobKind(
            "appointments.refund",
            "kinds.booking.refunds:give_back",
            lane=Lane.CRITICAL,
            max_attempts=500,
            max_delay_s=300,
        ),
        JobKind("appointments.draw", "kinds.booking.queue:draw", lane=Lane.CRITICAL),
        JobKind("appointments.admit", "kinds.booking.jobs:admit", lane=Lane.CRITICAL),
        JobKind("appointments.tell", "kinds.booking.messages:tell_job"),
        JobKind("appointments.sweep", "kinds.booking.jobs:sweep"),
        JobKind(
            "appointments.publish",
            "kinds.booking.publishing:publish_daily",
            lane=Lane.BULK,
            timeout_s=300,
        ),
        JobKind(
            "appointments.compare",
            "kinds.booking.comparison:compare_nightly",
            lane=Lane.BULK,
            timeout_s=3600,
        ),
    ),
    schedules=(
        Schedule("appointments.sweep", "* * * * *"),
        Schedule("appointments.publish", "1 16 * * *"),
        Schedule("appointments.compare", "30 17 * * *"),
    ),
    models=("kinds.booking.models",),
    migrations="kinds.booking.migrations",
    state_machines=(BOOKING, WAIT),
    commands=(("appointments", "kinds.booking.commands:app"),),
    seed="kinds.booking.publishing:seed",
)
