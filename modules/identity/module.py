"""The manifest of identity: accounts, families, staff, privacy. It offers no catalogue service."""

from core.manifest import JobKind, Lane, Manifest, Schedule, UpstreamBinding
from modules.identity.domain import MANDATE

MANIFEST = Manifest(
    name="identity",
    queries=(
        "modules.identity.graphql.signing_in:Query",
        "modules.identity.graphql.privacy:Query",
        "modules.identity.graphql.families:Query",
        "modules.identity.graphql.staff:Query",
    ),
    mutations=(
        "modules.identity.graphql.signing_in:Mutation",
        "modules.identity.graphql.privacy:Mutation",
        "modules.identity.graphql.families:Mutation",
        "modules.identity.graphql.staff:Mutation",
    ),
    subscriptions=("modules.identity.graphql.privacy:Subscription",),
    routes=("modules.identity.routes:routes",),
    upstreams=(
        UpstreamBinding(
            "police",
            protocol="modules.identity.upstream:IdentityRegistry",
            factory="modules.identity.upstream:PoliceClient",
            personal=("verify", "verify_family"),
        ),
    ),
    extensions=(
        ("people.directory", "modules.identity.service:find_person"),
        ("people.mandates", "modules.identity.families:find_mandate"),
        ("privacy.purposes", "modules.identity.real_name:REAL_NAME"),
        ("privacy.purposes", "modules.identity.families:FAMILY"),
        ("privacy.export", "modules.identity.personal_data:EXPORT"),
        ("privacy.erasure", "modules.identity.personal_data:ERASURE"),
        ("pii.columns", "modules.identity.personal_data:COLUMNS"),
    ),
    jobs=(
        JobKind("identity.forget_codes", "modules.identity.jobs:forget_codes", lane=Lane.BULK),
        JobKind(
            "identity.flag_unusual_access",
            "modules.identity.staff:flag_unusual_access",
            lane=Lane.BULK,
        ),
        JobKind(
            "identity.finish_erasures",
            "modules.identity.personal_data:finish_erasures",
            lane=Lane.BULK,
            timeout_s=600,
        ),
        JobKind("identity.seed_staff", "modules.identity.seed:seed_staff", max_delay_s=10),
    ),
    schedules=(
        Schedule("identity.forget_codes", "20 19 * * *"),
        Schedule("identity.flag_unusual_access", "*/10 * * * *"),
        Schedule("identity.finish_erasures", "45 19 * * *"),
    ),
    commands=(("staff", "modules.identity.commands:app"),),
    seed="modules.identity.seed:seed",
    models=("modules.identity.models",),
    migrations="modules.identity.migrations",
    state_machines=(MANDATE,),
)
