"""The tables of payments. What the ledger's tables refuse stands in migration 0002."""

from datetime import date

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import Held, PersonalTable, Stays, section
from payments import texts

KEPT_YEARS = 30
"""Vouchers and ledgers, from the end of their year (会计档案管理办法, 2015)."""


class Chart(Model):
    """A kind of account: what stands before the first colon of its code."""

    kind = fields.CharField(max_length=16, primary_key=True)
    normal = fields.CharField(max_length=1)
    guarded = fields.BooleanField()
    shards = fields.SmallIntField()

    class Meta:
        table = "payments_chart"


class Account(Model):
    """An account of the ledger; see payments.ledger.accounts."""

    id = fields.BigIntField(primary_key=True)
    code = fields.CharField(max_length=96, unique=True)
    normal = fields.CharField(max_length=1)
    guarded = fields.BooleanField()
    shards = fields.SmallIntField()

    class Meta:
        table = "payments_account"


class Journal(Model):
    """A journal transaction, chained by hash to the one before it in its chain."""

    id = fields.UUIDField(primary_key=True)
    kind = fields.CharField(max_length=32)
    key = fields.CharField(max_length=96, unique=True)
    intent_id = fields.UUIDField(null=True)
    posted_at = fields.DatetimeField()
    entry_count = fields.SmallIntField()
    chain = fields.SmallIntField()
    seq = fields.BigIntField()
    hash = fields.BinaryField()
    voucher: fields.Field[dict[str, object] | None] = fields.JSONField(null=True)
    """What it seals of the payment, left order or refund for which it is posted."""

    class Meta:
        table = "payments_journal"
        unique_together = (("chain", "seq"),)


class Chain(Model):
    """The end of one hash chain. Connections write to different chains and never wait."""

    chain = fields.SmallIntField(primary_key=True, generated=False)
    seq = fields.BigIntField()
    hash = fields.BinaryField()
    open_from = fields.DatetimeField()
    """Nothing is posted before this moment: the end of the last closed day."""

    class Meta:
        table = "payments_chain"


class Entry(Model):
    """One amount on one side of one account."""

    id = fields.BigIntField(primary_key=True)
    journal_id = fields.UUIDField()
    position = fields.SmallIntField()
    account_id = fields.BigIntField()
    side = fields.CharField(max_length=1)
    amount_fen = fields.BigIntField()

    class Meta:
        table = "payments_entry"
        unique_together = (("journal_id", "position"),)
        indexes = (("account_id", "id"),)


class Balance(Model):
    """The totals of one account, or of one shard of a busy one: id = account × 64 + shard."""

    id = fields.BigIntField(primary_key=True, generated=False)
    account_id = fields.BigIntField(db_index=True)
    guard = fields.CharField(max_length=1)
    debit_fen = fields.BigIntField()
    credit_fen = fields.BigIntField()
    held_fen = fields.BigIntField()

    class Meta:
        table = "payments_balance"


class Hold(Model):
    """An amount of an account set aside: posted (perhaps in part), voided or expired."""

    id = fields.UUIDField(primary_key=True)
    key = fields.CharField(max_length=96, unique=True)
    account_id = fields.BigIntField()
    amount_fen = fields.BigIntField()
    posted_fen = fields.BigIntField()
    state = fields.CharField(max_length=16)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payments_hold"


class Intent(Model):
    """One payment, from the wish to pay to the receipt. Its id is the merchant order number."""

    id = fields.UUIDField(primary_key=True)
    payer_id = fields.UUIDField()
    kind = fields.CharField(max_length=32)
    subject_ref = fields.CharField(max_length=64)
    payee = fields.CharField(max_length=32)
    title_zh = fields.CharField(max_length=64)
    title_en = fields.CharField(max_length=64)
    amount_fen = fields.BigIntField()
    owed_fen = fields.BigIntField(null=True)
    """All that was open when it began, where its payee takes parts; null where it is paid whole."""
    owed_at = fields.DatetimeField(null=True)
    """When its payee was asked for that."""
    owed_turn = fields.BigIntField(null=True)
    """The turn drawn before; null too where it began before there were turns."""
    psp = fields.CharField(max_length=16)
    merchant = fields.CharField(max_length=32, null=True)
    """The payee's own merchant at the PSP: the money is never ours. Null where the PSP takes it for
    us."""
    share_bps = fields.IntField(default=0)
    """What the city keeps of what the payee's merchant takes; 0 where that is nothing."""
    client_address = fields.CharField(max_length=45)
    channel = fields.CharField(max_length=16, default="BROWSER")
    openid = fields.CharField(max_length=128, null=True)
    """Who pays inside WeChat; forgotten once nobody is asked to pay any more."""
    contract_id = fields.UUIDField(null=True)
    """The contract under which the PSP deducts; null where the payer comes to the cashier."""
    company_id = fields.UUIDField(null=True)
    """The company for which the payer pays; its limits count, not the payer's."""
    by_owner = fields.BooleanField(default=True)
    """Whether its payer has the first right to pay this, as far as the paying service knows."""
    state = fields.CharField(max_length=24)
    next_psp = fields.CharField(max_length=16, null=True)
    """While it is leaving its PSP: the one that takes it then."""
    order_tries = fields.IntField(default=1)
    """How often an order at its PSP was about to be sent and may have arrived; the first is its
    maker's. Zero: certainly none did."""
    cashier_url = fields.CharField(max_length=2048, null=True)
    """Where to pay, or what the channel's SDK is called with."""
    psp_ref = fields.CharField(max_length=64, null=True)
    captured_fen = fields.BigIntField(default=0)
    refunding_fen = fields.BigIntField(default=0)
    refunded_fen = fields.BigIntField(default=0)
    fulfilment_ref = fields.CharField(max_length=64, null=True)
    accepted_turn = fields.BigIntField(null=True)
    """The turn at which its payee's number was noted; the database draws it."""
    receipt_no = fields.CharField(max_length=16, null=True, unique=True)
    receipt_issued_at = fields.DatetimeField(null=True)
    refusal = fields.CharField(max_length=32, null=True)
    checks = fields.IntField(default=0)
    attempts = fields.IntField(default=0)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    paid_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    due_at = fields.DatetimeField(null=True)
    """When the saga will look at it next; null when nothing is left to do."""

    @property
    def kept_fen(self) -> int:
        """What of its capture no refund was asked for."""
        kept_fen: int = self.captured_fen - self.refunded_fen - self.refunding_fen
        return kept_fen

    class Meta:
        table = "payments_intent"
        indexes = (("payer_id", "id"), ("kind", "subject_ref"))

    @property
    def is_part(self) -> bool:
        """Whether something stays open after it, as far as was known when it began."""
        return self.owed_fen is not None and bool(self.amount_fen < self.owed_fen)


INTENTS = PersonalTable(
    Intent,
    owner="payer_id",
    exported=section(
        "payments",
        *("id", "amount_fen", "refunded_fen", "state", "created_at", "paid_at"),
        title="title_zh",
        receipt_ref="fulfilment_ref",
    ),
    erased=Held(
        "payments",
        texts.HOLD_VOUCHERS,
        since="created_at",
        until=lambda paid_on: date(paid_on.year + KEPT_YEARS, 12, 31),
    ),
    merged=False,  # its payer is part of what the journal has sealed, and of the accounts posted to
)


class LeftOrder(Model):
    """An order that an intent has left: another PSP takes the payment.

    It takes no money, by the evidence noted; what it takes all the same goes straight back. What
    the database refuses here stands in migration 0004.
    """

    id = fields.UUIDField(primary_key=True)
    intent_id = fields.UUIDField()
    psp = fields.CharField(max_length=16)
    evidence = fields.CharField(max_length=8)
    psp_ref = fields.CharField(max_length=64, null=True)
    captured_fen = fields.BigIntField(default=0)
    paid_at = fields.DatetimeField(null=True)
    left_at = fields.DatetimeField()
    checks = fields.IntField(default=0)
    due_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payments_left_order"
        unique_together = (("intent_id", "psp"),)


class Refund(Model):
    """Money on its way back to the payer. Its id is the merchant refund number."""

    id = fields.UUIDField(primary_key=True)
    intent_id = fields.UUIDField(db_index=True)
    psp = fields.CharField(max_length=16)
    key = fields.CharField(max_length=96, unique=True)
    hold_id = fields.UUIDField()
    amount_fen = fields.BigIntField()
    share_fen = fields.BigIntField(default=0)
    """What of the city's share goes back with it, where the payment was shared."""
    reason = fields.CharField(max_length=32)
    state = fields.CharField(max_length=16)
    psp_ref = fields.CharField(max_length=64, null=True)
    attempts = fields.IntField(default=0)
    created_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    due_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payments_refund"


class CallbackNonce(Model):
    """A callback that was heard: the same one again is a replay."""

    id = fields.CharField(max_length=96, primary_key=True)
    heard_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "payments_callback_nonce"


class Usage(Model):
    """How much a person has paid on a day, by the rule that counts it."""

    key = fields.CharField(max_length=128, primary_key=True)
    used_fen = fields.BigIntField()
    used_on = fields.DateField(db_index=True)

    class Meta:
        table = "payments_usage"


class Report(Model):
    """A person's daily total that has to be reported; written once, never changed."""

    id = fields.UUIDField(primary_key=True)
    name = fields.CharField(max_length=64)
    payer_id = fields.UUIDField()
    reported_on = fields.DateField(db_index=True)
    amount_fen = fields.BigIntField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "payments_report"
        unique_together = (("name", "payer_id", "reported_on"),)


REPORTS = PersonalTable(Report, owner="payer_id", erased=Stays("kept with the vouchers"))


class Counter(Model):
    """The last number drawn of a series without gaps."""

    name = fields.CharField(max_length=32, primary_key=True)
    value = fields.BigIntField()

    class Meta:
        table = "payments_counter"


class Contract(Model):
    """That a payer lets us deduct; its id is the contract's number at the PSP."""

    id = fields.UUIDField(primary_key=True)
    payer_id = fields.UUIDField(db_index=True)
    psp = fields.CharField(max_length=16)
    display = fields.CharField(max_length=32)
    state = fields.CharField(max_length=16)
    psp_ref = fields.CharField(max_length=64, null=True)
    created_at = fields.DatetimeField()
    signed_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payments_contract"


CONTRACTS = PersonalTable(
    Contract,
    owner="payer_id",
    erased=Stays("the ground of what was deducted: with the vouchers"),
    merged=False,  # who signed it
)

PERSONAL = PersonalData("payments", (INTENTS, REPORTS, CONTRACTS))
