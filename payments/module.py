"""The manifest of payments."""

from core.manifest import JobKind, Lane, Manifest, Schedule, UpstreamBinding
from payments.domain import CONTRACT, HOLD, INTENT, REFUND
from payments.reconciliation.domain import CASE

MANIFEST = Manifest(
    name="payments",
    queries=("payments.graphql:Query",),
    subscriptions=("payments.graphql:Subscription",),
    routes=("payments.routes:routes", "payments.receipt_routes:routes"),
    events=(
        "payments.events:PaymentSettled",
        "payments.events:PaymentFulfilled",
        "payments.events:PaymentRefused",
        "payments.events:PaymentRefunded",
        "payments.events:PaymentReturned",
    ),
    jobs=(
        JobKind("payments.check", "payments.jobs:check", lane=Lane.CRITICAL, timeout_s=20),
        JobKind("payments.check_left", "payments.jobs:check_left", timeout_s=20),
        JobKind("payments.fulfil", "payments.jobs:fulfil", lane=Lane.CRITICAL, timeout_s=20),
        JobKind("payments.refund", "payments.jobs:refund", lane=Lane.CRITICAL, timeout_s=20),
        JobKind("payments.issue_receipt", "payments.jobs:issue_receipt", max_attempts=20),
        JobKind("payments.end_contract", "payments.jobs:end_contract", max_attempts=50),
        JobKind("payments.expire_hold", "payments.jobs:expire_hold"),
        JobKind("payments.sweep", "payments.jobs:sweep", lane=Lane.CRITICAL),
        JobKind("payments.forget", "payments.jobs:forget", lane=Lane.BULK),
        JobKind("payments.reconcile", "payments.reconciliation.jobs:begin", lane=Lane.BULK),
        JobKind(
            "payments.reconcile_day",
            "payments.reconciliation.jobs:reconcile_day",
            lane=Lane.BULK,
            max_attempts=30,
            max_delay_s=900,
            timeout_s=1800,
        ),
        JobKind(
            "payments.pay_out",
            "payments.reconciliation.jobs:pay_out",
            lane=Lane.BULK,
            timeout_s=300,
        ),
        JobKind("payments.refute", "payments.reconciliation.jobs:refute"),
    ),
    schedules=(
        Schedule("payments.sweep", "* * * * *"),
        Schedule("payments.forget", "*/10 * * * *"),
        Schedule("payments.reconcile", "30 2 * * *"),  # 10:30 in Shanghai
    ),
    upstreams=(
        UpstreamBinding(
            "wechatpay",
            protocol="payments.psp.port:WeChatPay",
            factory="payments.psp.wechatpay:open_client",
        ),
        UpstreamBinding(
            "alipay",
            protocol="payments.psp.port:Alipay",
            factory="payments.psp.alipay:open_client",
            optional=True,
        ),
        UpstreamBinding(
            "wechatpay",
            protocol="payments.psp.entrusting:Entrusting",
            factory="payments.psp.wechatpay_entrusting:open_client",
        ),
        UpstreamBinding(
            "wechatpay",
            protocol="payments.reconciliation.wechatpay:WeChatPayBills",
            factory="payments.reconciliation.wechatpay:open_bills",
        ),
        UpstreamBinding(
            "alipay",
            protocol="payments.reconciliation.alipay:AlipayBills",
            factory="payments.reconciliation.alipay:open_bills",
            optional=True,
        ),
    ),
    extensions=(
        ("payments.statements", "payments.reconciliation.wechatpay:SOURCE"),
        ("payments.statements", "payments.reconciliation.alipay:SOURCE"),
        ("telemetry.gauges", "payments.gauges:SOURCES"),
        ("privacy.export", "payments.personal_data:EXPORT"),
        ("privacy.erasure", "payments.personal_data:ERASURE"),
    ),
    models=("payments.models", "payments.reconciliation.models"),
    migrations="payments.migrations",
    state_machines=(INTENT, REFUND, HOLD, CONTRACT, CASE),
    commands=(
        ("ledger", "payments.commands:app"),
        ("reconcile", "payments.reconciliation.commands:app"),
    ),
    append_only=(
        "payments_account",
        "payments_journal",
        "payments_entry",
        "payments_report",
        "payments_case_note",
        "payments_payout",
    ),
)
