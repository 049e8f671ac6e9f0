"""The manifest of identity: accounts, families, staff, privacy. It offers no catalogue service."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="identity",
    rooms=(
        "graphql.signing_in",
        "graphql.privacy",
        "graphql.families",
        "graphql.staff",
        "graphql.moving",
        "routes",
        "upstream",
        "audience",
        "domain",
        "messages",
        "alarm",
        "models",
        "service",
        "real_name",
        "claims",
        "moving",
        "recovery",
        "passkeys",
        "device_keys",
        "deaths",
        "families",
        "staff",
        "jobs",
        "openid",
        "mini_programmes",
        "proofs",
        "personal_data",
        "seed",
    ),
    migrations="migrations",
    commands={"staff": "commands", "apps": "openid.commands", "deaths": "death_commands"},
)
