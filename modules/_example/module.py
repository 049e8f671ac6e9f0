"""The manifest: everything the rest of the house needs to know, as plain data.

Nothing is registered anywhere else. What is callable is named by a dotted path and imported when
it is needed, so that a broken module shows at start and never at import of another.
"""

from core.manifest import (
    HomeSection,
    JobKind,
    Lane,
    Manifest,
    Schedule,
    Service,
    ServiceKind,
    ServiceStatus,
    Theme,
    UpstreamBinding,
)
from modules._example import texts

MANIFEST = Manifest(
    # the prefix of tables, job kinds, templates: one word for one module
    name="example",
    services=(
        Service(
            999,
            "drinking-fountains",
            "公共直饮水",
            "Drinking fountains",
            Theme.COMMUNITY,
            ServiceKind.SUBSCRIPTION,
            department="water",
            identity_level=0,
            # LIVE only when its whole journey works; until then PLANNED, which is the default
            status=ServiceStatus.LIVE,
        ),
    ),
    home=(
        HomeSection(
            "followed-fountains",
            texts.FOLLOWED_FOUNTAINS,
            load="modules._example.graphql:followed_fountains_card",
            budget_ms=500,
            identity_level=1,
        ),
    ),
    queries=("modules._example.graphql:Query",),
    mutations=("modules._example.graphql:Mutation",),
    # types that no field names directly: here the home screen's card
    types=("modules._example.graphql:FollowedFountainsSection",),
    upstreams=(
        UpstreamBinding(
            "fountains",
            protocol="modules._example.upstream:Fountains",
            factory="modules._example.upstream:FountainsClient",
            hedged=("list_fountains",),
        ),
    ),
    # bulk: nobody waits for it, and a backlog here must not delay payments
    jobs=(
        JobKind("example.tell_followers", "modules._example.jobs:tell_followers", lane=Lane.BULK),
    ),
    schedules=(Schedule("example.tell_followers", "*/10 * * * *"),),
    extensions=(("notifications.templates", "modules._example.messages:FOUNTAIN_CLOSED"),),
    models=("modules._example.models",),
    migrations="modules._example.migrations",
)
