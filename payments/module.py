"""The manifest of payments."""

from core.manifest import Manifest, UpstreamBinding

MANIFEST = Manifest(
    name="payments",
    rooms=(
        "graphql",
        "routes",
        "receipt_routes",
        "events",
        "domain",
        "models",
        "payable",
        "statements",
        "settlement",
        "saga",
        "left_orders",
        "receipts",
        "contracts",
        "jobs",
        "ledger",
        "reconciliation",
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
    migrations="migrations",
    commands={"ledger": "commands", "reconcile": "reconciliation.commands"},
    append_only=(
        "payments_account",
        "payments_journal",
        "payments_entry",
        "payments_report",
        "payments_case_note",
        "payments_payout",
    ),
)
