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
        "personal_data",
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
    read_only=(
        "payments_chart",
        "payments_account",
        "payments_journal",
        "payments_entry",
        "payments_balance",
        "payments_chain",
        "payments_hold",
    ),
    kept={
        "payments_intent": (
            *("psp", "next_psp", "state", "order_tries", "cashier_url", "psp_ref"),
            *("captured_fen", "refunding_fen", "refunded_fen", "fulfilment_ref", "receipt_no"),
            *("receipt_issued_at", "refusal", "checks", "attempts", "paid_at", "ended_at"),
            "due_at",
        ),
        "payments_refund": ("state", "psp_ref", "attempts", "ended_at", "due_at"),
        "payments_contract": ("state", "psp_ref", "signed_at", "ended_at"),
        "payments_statement": (
            *("digest", "lines", "matched", "awaited", "their_paid_fen", "their_refunded_fen"),
            *("their_fee_fen", "our_paid_fen", "our_refunded_fen", "hours", "reconciled_at"),
            "duration_ms",
        ),
        "payments_crossing": ("booked_on", "last_on"),
        "payments_correction": ("state", "decided_by", "decided_at"),
        "payments_case": ("state", "closed_at"),
    },
)
