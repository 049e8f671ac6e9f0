"""The manifest of payments."""

from core.manifest import JobKind, Lane, Manifest, Schedule, UpstreamBinding
from payments.domain import HOLD, INTENT, REFUND

MANIFEST = Manifest(
    name="payments",
    queries=("payments.graphql:Query",),
    subscriptions=("payments.graphql:Subscription",),
    routes=("payments.routes:routes",),
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
        JobKind("payments.expire_hold", "payments.jobs:expire_hold"),
        JobKind("payments.sweep", "payments.jobs:sweep", lane=Lane.CRITICAL),
        JobKind("payments.forget", "payments.jobs:forget", lane=Lane.BULK),
    ),
    schedules=(
        Schedule("payments.sweep", "* * * * *"),
        Schedule("payments.forget", "*/10 * * * *"),
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
    ),
    extensions=(
        ("privacy.export", "payments.personal_data:EXPORT"),
        ("privacy.erasure", "payments.personal_data:ERASURE"),
    ),
    models="payments.models",
    migrations="payments.migrations",
    state_machines=(INTENT, REFUND, HOLD),
    commands=(("ledger", "payments.commands:app"),),
    append_only=("payments_account", "payments_journal", "payments_entry", "payments_report"),
)
