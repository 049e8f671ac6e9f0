"""The manifest of notifications."""

from core.manifest import Manifest, UpstreamBinding

MANIFEST = Manifest(
    name="notifications",
    rooms=("graphql", "api", "domain", "jobs", "models", "personal_data"),
    upstreams=(
        UpstreamBinding(
            "sms",
            protocol="notifications.upstream:SmsGateway",
            factory="notifications.upstream:HttpSmsGateway",
        ),
    ),
    migrations="migrations",
)
