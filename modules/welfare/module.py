"""The manifest of welfare."""

from core.manifest import Manifest, UpstreamBinding

MANIFEST = Manifest(
    name="welfare",
    rooms=("graphql", "service"),
    upstreams=(
        UpstreamBinding(
            "housing_fund",
            protocol="modules.welfare.upstream:HousingFund",
            factory="modules.welfare.upstream:HousingFundClient",
            personal=("find_account",),
            hedged=("find_account",),
        ),
    ),
)
