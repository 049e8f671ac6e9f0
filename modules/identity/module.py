"""The manifest of identity: the citizen's account. It offers no catalogue service of its own."""

from core.manifest import JobKind, Lane, Manifest, Schedule, UpstreamBinding

MANIFEST = Manifest(
    name="identity",
    queries=("modules.identity.graphql:Query",),
    mutations=("modules.identity.graphql:Mutation",),
    upstreams=(
        UpstreamBinding(
            "police",
            protocol="modules.identity.upstream:IdentityRegistry",
            factory="modules.identity.upstream:PoliceClient",
        ),
    ),
    extensions=(
        ("people.directory", "modules.identity.service:find_person"),
        ("privacy.purposes", "modules.identity.service:REAL_NAME"),
    ),
    jobs=(JobKind("identity.forget_codes", "modules.identity.jobs:forget_codes", lane=Lane.BULK),),
    schedules=(Schedule("identity.forget_codes", "20 19 * * *"),),
    models="modules.identity.models",
    migrations="modules.identity.migrations",
)
