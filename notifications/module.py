"""The manifest of notifications."""

from core.manifest import JobKind, Lane, Manifest, UpstreamBinding
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
    ),
    models="notifications.models",
    migrations="notifications.migrations",
    state_machines=(DELIVERY,),
)
