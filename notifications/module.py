"""The manifest of notifications."""

from core.manifest import JobKind, Lane, Manifest, Schedule, UpstreamBinding
from notifications.domain import DELIVERY

MANIFEST = Manifest(
    name="notifications",
    queries=("notifications.graphql:Query",),
    mutations=("notifications.graphql:Mutation",),
    subscriptions=("notifications.graphql:Subscription",),
    upstreams=(
        UpstreamBinding(
            "sms",
            protocol="notifications.upstream:SmsGateway",
            factory="notifications.upstream:HttpSmsGateway",
        ),
    ),
    jobs=(
        JobKind(
            "notifications.deliver",
            "notifications.jobs:deliver",
            lane=Lane.CRITICAL,
            max_attempts=20,
            max_delay_s=60,
        ),
        JobKind("notifications.forget_texts", "notifications.jobs:forget_texts", lane=Lane.BULK),
    ),
    schedules=(Schedule("notifications.forget_texts", "25 19 * * *"),),
    extensions=(
        ("privacy.export", "notifications.personal_data:EXPORT"),
        ("privacy.erasure", "notifications.personal_data:ERASURE"),
        ("pii.columns", "notifications.personal_data:COLUMNS"),
    ),
    models=("notifications.models",),
    migrations="notifications.migrations",
    state_machines=(DELIVERY,),
)
