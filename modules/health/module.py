"""The manifest of health."""

from core.manifest import Manifest, UpstreamBinding

MANIFEST = Manifest(
    name="health",
    rooms=("models", "messages", "billing"),
    upstreams=(
        UpstreamBinding(
            "his_billing",
            protocol="modules.health.billing.upstream:HospitalBilling",
            factory="modules.health.billing.upstream:HospitalBillingClient",
            personal=("list_bills", "list_inpatient"),
        ),
    ),
    migrations="migrations",
)
