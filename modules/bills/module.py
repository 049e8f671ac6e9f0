"""The manifest of bills."""

from core.manifest import Manifest, UpstreamBinding

MANIFEST = Manifest(
    name="bills",
    rooms=(
        "graphql",
        "models",
        "messages",
        "payable",
        "settlements",
        "personal_data",
        "reminders",
        "autopay",
        "outages",
        "invoices",
    ),
    upstreams=(
        UpstreamBinding(
            "billers",
            protocol="modules.bills.upstream:Billers",
            factory="modules.bills.upstream:BillersClient",
            hedged=("find_account", "list_bills"),
        ),
        UpstreamBinding(
            "billers",
            protocol="modules.bills.invoices.upstream:Invoices",
            factory="modules.bills.invoices.upstream:InvoicesClient",
        ),
        UpstreamBinding(
            "outages",
            protocol="modules.bills.outages.upstream:Outages",
            factory="modules.bills.outages.upstream:OutagesClient",
        ),
        UpstreamBinding(
            "billers",
            protocol="modules.bills.settlements:BillerSettlements",
            factory="modules.bills.settlements:BillerSettlementsClient",
        ),
    ),
    migrations="migrations",
)
