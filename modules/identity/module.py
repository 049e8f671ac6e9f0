"""The manifest of identity: accounts, families, staff, privacy. It offers no catalogue service."""

from core.manifest import Manifest, UpstreamBinding

MANIFEST = Manifest(
    name="identity",
    rooms=(
        "graphql.signing_in",
        "graphql.privacy",
        "graphql.families",
        "graphql.staff",
        "routes",
        "domain",
        "models",
        "service",
        "real_name",
        "families",
        "staff",
        "jobs",
        "personal_data",
        "seed",
    ),
    upstreams=(
        UpstreamBinding(
            "police",
            protocol="modules.identity.upstream:IdentityRegistry",
            factory="modules.identity.upstream:PoliceClient",
            personal=("verify", "verify_family"),
        ),
    ),
    migrations="migrations",
    commands={"staff": "commands"},
)
