"""The manifest of bills."""

from core.manifest import (
    EventHandler,
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
from modules.bills import texts
from modules.bills.autopay.domain import AUTOPAY, CHARGE
from modules.bills.invoices.domain import INVOICE

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
        status=ServiceStatus.LIVE,
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
        status=ServiceStatus.LIVE,
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
    queries=(
        "modules.bills.graphql:Query",
        "modules.bills.reminders.graphql:Query",
        "modules.bills.autopay.graphql:Query",
        "modules.bills.outages.graphql:Query",
        "modules.bills.invoices.graphql:Query",
    ),
    mutations=(
        "modules.bills.graphql:Mutation",
        "modules.bills.reminders.graphql:Mutation",
        "modules.bills.autopay.graphql:Mutation",
        "modules.bills.outages.graphql:Mutation",
        "modules.bills.invoices.graphql:Mutation",
    ),
    types=("modules.bills.graphql:BillsDueSection",),
    handlers=(
        EventHandler(
            "payments.PaymentFulfilled",
            "modules.bills.handlers:payment_fulfilled",
            of="bills.",
            lane=Lane.CRITICAL,
        ),
        EventHandler(
            "payments.PaymentRefused",
            "modules.bills.handlers:payment_refused",
            of="bills.",
            lane=Lane.CRITICAL,
        ),
        EventHandler(
            "payments.PaymentRefunded",
            "modules.bills.handlers:payment_refunded",
            of="bills.",
            lane=Lane.CRITICAL,
        ),
        EventHandler(
            "payments.PaymentReturned", "modules.bills.handlers:payment_refunded", of="bills."
        ),
    ),
    jobs=(
        JobKind(
            "bills.remind", "modules.bills.reminders.jobs:remind", lane=Lane.BULK, timeout_s=300
        ),
        JobKind("bills.autopay", "modules.bills.autopay.jobs:run", timeout_s=300),
        JobKind("bills.ask_invoice", "modules.bills.invoices.service:ask", max_attempts=50),
        JobKind("bills.tell_outages", "modules.bills.outages.jobs:tell_outages", timeout_s=110),
        JobKind("bills.forget_notices", "modules.bills.outages.jobs:forget", lane=Lane.BULK),
    ),
    schedules=(
        Schedule("bills.remind", "*/10 1-12 * * *"),  # 9:00 to 20:50 in Shanghai
        Schedule("bills.autopay", "5/10 1-12 * * *"),
        Schedule("bills.tell_outages", "*/2 * * * *"),
        Schedule("bills.forget_notices", "30 19 * * *"),
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
    extensions=(
        ("people.personal_data", "modules.bills.personal_data:PERSONAL"),
        ("payments.payable", "modules.bills.payable:WATER"),
        ("payments.payable", "modules.bills.payable:ELECTRICITY"),
        ("payments.payable", "modules.bills.payable:GAS"),
        ("payments.payable", "modules.bills.payable:HEATING"),
        ("payments.statements", "modules.bills.settlements:WATER"),
        ("payments.statements", "modules.bills.settlements:ELECTRICITY"),
        ("payments.statements", "modules.bills.settlements:GAS"),
        ("payments.statements", "modules.bills.settlements:HEATING"),
        ("notifications.templates", "modules.bills.messages:PAID"),
        ("notifications.templates", "modules.bills.messages:REFUSED"),
        ("notifications.templates", "modules.bills.messages:REFUNDED"),
        ("notifications.templates", "modules.bills.messages:AUTOPAY_ANNOUNCED"),
        ("notifications.templates", "modules.bills.messages:AUTOPAY_STOPPED"),
        ("notifications.templates", "modules.bills.messages:AUTOPAY_FAILED"),
        ("notifications.templates", "modules.bills.messages:OUTAGE_ANNOUNCED"),
        ("notifications.templates", "modules.bills.messages:OUTAGE_RESTORED"),
        ("notifications.templates", "modules.bills.messages:REMINDER_AHEAD"),
        ("notifications.templates", "modules.bills.messages:REMINDER_AHEAD_SMS"),
        ("notifications.templates", "modules.bills.messages:REMINDER_OVERDUE"),
        ("notifications.templates", "modules.bills.messages:REMINDER_OVERDUE_SMS"),
    ),
    models=("modules.bills.models",),
    migrations="modules.bills.migrations",
    state_machines=(AUTOPAY, CHARGE, INVOICE),
)
