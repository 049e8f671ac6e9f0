"""The manifest of bills."""

from core.manifest import (
    EventHandler,
    HomeSection,
    Lane,
    Manifest,
    Service,
    ServiceKind,
    ServiceStatus,
    Theme,
    UpstreamBinding,
)
from modules.bills import texts

_SERVICES = (
    Service(
        44,
        "water-bill-payment",
        "水费缴纳",
        "Water bill payment",
        Theme.LOVE_CITY,
        ServiceKind.PAYMENT,
        department="water",
        identity_level=1,
        status=ServiceStatus.LIVE,
    ),
    Service(
        45,
        "electricity-bill-payment",
        "电费缴纳",
        "Electricity bill payment",
        Theme.LOVE_CITY,
        ServiceKind.PAYMENT,
        department="electricity",
        identity_level=1,
        status=ServiceStatus.LIVE,
    ),
    Service(
        46,
        "gas-bill-payment",
        "燃气费缴纳",
        "Gas bill payment",
        Theme.LOVE_CITY,
        ServiceKind.PAYMENT,
        department="gas",
        identity_level=1,
        status=ServiceStatus.LIVE,
    ),
    Service(
        47,
        "heating-bill-payment",
        "暖气费缴纳",
        "Heating bill payment",
        Theme.LOVE_CITY,
        ServiceKind.PAYMENT,
        department="heating",
        identity_level=1,
        status=ServiceStatus.LIVE,
    ),
    Service(
        48,
        "bill-reminder",
        "账单提醒",
        "Bill reminder",
        Theme.LOVE_CITY,
        ServiceKind.SUBSCRIPTION,
        department="big_data",
        identity_level=1,
    ),
    Service(
        49,
        "utility-outage-notice",
        "停水停电停气通知",
        "Utility outage notices",
        Theme.LOVE_CITY,
        ServiceKind.SUBSCRIPTION,
        department="utilities",
        identity_level=0,
    ),
)

MANIFEST = Manifest(
    name="bills",
    services=_SERVICES,
    home=(
        HomeSection(
            "bills-due",
            texts.BILLS_DUE,
            load="modules.bills.graphql:bills_due_card",
            identity_level=1,
        ),
    ),
    queries=("modules.bills.graphql:Query",),
    mutations=("modules.bills.graphql:Mutation",),
    types=("modules.bills.graphql:BillsDueSection",),
    handlers=(
        EventHandler(
            "payments.PaymentFulfilled",
            "modules.bills.handlers:payment_fulfilled",
            lane=Lane.CRITICAL,
        ),
        EventHandler(
            "payments.PaymentRefused",
            "modules.bills.handlers:payment_refused",
            lane=Lane.CRITICAL,
        ),
        EventHandler(
            "payments.PaymentRefunded",
            "modules.bills.handlers:payment_refunded",
            lane=Lane.CRITICAL,
        ),
        EventHandler("payments.PaymentReturned", "modules.bills.handlers:payment_refunded"),
    ),
    upstreams=(
        UpstreamBinding(
            "billers",
            protocol="modules.bills.upstream:Billers",
            factory="modules.bills.upstream:BillersClient",
            hedged=("find_account", "list_bills"),
        ),
    ),
    extensions=(
        ("payments.payable", "modules.bills.payable:WATER"),
        ("payments.payable", "modules.bills.payable:ELECTRICITY"),
        ("payments.payable", "modules.bills.payable:GAS"),
        ("payments.payable", "modules.bills.payable:HEATING"),
        ("notifications.templates", "modules.bills.messages:PAID"),
        ("notifications.templates", "modules.bills.messages:REFUSED"),
        ("notifications.templates", "modules.bills.messages:REFUNDED"),
    ),
    models="modules.bills.models",
    migrations="modules.bills.migrations",
)
