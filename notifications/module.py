"""The manifest of notifications."""

from core.manifest import Manifest, UpstreamBinding

MANIFEST = Manifest(
    name="notifications",
    rooms=("graphql", "api", "domain", "jobs", "models"),
    upstreams=(
        UpstreamBinding(
            "sms",
            protocol="notifications.upstream:SmsGateway",
            factory="notifications.upstream:HttpSmsGateway",
        ),
    ),
    migrations="migrations",
)
